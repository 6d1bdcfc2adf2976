package invalidate

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/url"
	"strings"
)

// maxPlain is the length up to which a tag stays readable; the cache takes 200
// bytes.
const maxPlain = 120

// Tag composes a tag from parts, such as a kind and an id: Tag("note", 7) is
// "note:7". Different lists of parts never give the same tag, if the parts
// differ in their text form. At least one part must be given.
func Tag(kind string, parts ...any) string {
	var b strings.Builder
	b.WriteString(escape(kind))
	for _, p := range parts {
		b.WriteByte(':')
		b.WriteString(escape(fmt.Sprint(p)))
	}
	if b.Len() <= maxPlain {
		return b.String()
	}
	sum := sha256.Sum256([]byte(b.String()))
	return "::" + base64.RawURLEncoding.EncodeToString(sum[:])
}

// escape keeps what separates parts out of them. An empty part stays visible,
// so that "::" begins no plain tag.
func escape(part string) string {
	if part == "" {
		return "%"
	}
	return strings.ReplaceAll(url.PathEscape(part), ":", "%3A")
}

package httpcache

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Why a request went to the handler: the fwd parameter of RFC 9211 section 2.2.
const (
	fwdBypass   = "bypass"
	fwdMethod   = "method"
	fwdURIMiss  = "uri-miss"
	fwdVaryMiss = "vary-miss"
	fwdRequest  = "request"
	fwdStale    = "stale"
	fwdPartial  = "partial"
)

// forwarded is the Cache-Status member of a response that a handler made.
type forwarded struct {
	fwd       string
	status    int // that the handler answered, if the client got another
	stored    bool
	collapsed bool
	detail    string
}

func (f forwarded) text(name string) string {
	var b strings.Builder
	b.WriteString(name)
	if f.fwd != "" {
		b.WriteString("; fwd=" + f.fwd)
	}
	if f.status != 0 {
		b.WriteString("; fwd-status=" + strconv.Itoa(f.status))
	}
	if f.stored {
		b.WriteString("; stored")
	}
	if f.collapsed {
		b.WriteString("; collapsed")
	}
	if f.detail != "" {
		b.WriteString("; detail=" + f.detail)
	}
	return b.String()
}

// addStatus puts a member last: the first is that of the cache nearest to the
// origin.
func addStatus(h http.Header, member string) {
	h["Cache-Status"] = append(h["Cache-Status"], member)
}

// hitText is the member of a hit, with the Age field's value behind it in the
// same string: the two cost one allocation.
func hitText(name string, ttl, age time.Duration) (member, ageValue string) {
	var room [96]byte
	b := append(room[:0], name...)
	b = append(b, "; hit; ttl="...)
	b = strconv.AppendInt(b, int64(ttl/time.Second), 10)
	n := len(b)
	b = strconv.AppendInt(b, int64(age/time.Second), 10)
	s := string(b)
	return s[:n], s[n:]
}

// isStatusName reports whether a name can stand in Cache-Status as a token of
// RFC 8941.
func isStatusName(name string) bool {
	for i := range len(name) {
		c := name[i]
		letter := 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || c == '*'
		if !letter && (i == 0 || !isTokenByte(c) && c != ':' && c != '/') {
			return false
		}
	}
	return name != ""
}

package cache

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"

	"github.com/stratacache/strata/cache/driver"
)

// view is one prefix and version of a client; it is all that implements Cache.
type view struct {
	engine  *engine
	path    string // the prefixes, framed
	version int

	scope     string   // path:version:  before keys as they are
	hashed    string   // path:version#  before hashes of over-long keys
	clearTag  string   // what Clear invalidates
	clearTags []string // those of this prefix and the ones around it
}

var _ Cache = (*view)(nil)

func (v *view) base() *view { return v }

// WithPrefix implements Cache.
func (v *view) WithPrefix(prefix string) Cache { return v.withPrefix(prefix) }

// WithVersion implements Cache.
func (v *view) WithVersion(version int) Cache { return v.withVersion(version) }

func (v *view) withPrefix(prefix string) *view {
	if prefix == "" {
		return v
	}
	path := frame(prefix)
	if v.path != "" {
		path = v.path + "/" + path
	}
	if len(path) > maxPath {
		path = "~" + hash(path)
	}
	w := newView(v.engine, path, v.version)
	w.clearTag = driver.TagAll + path
	w.clearTags = append(append([]string(nil), v.clearTags...), w.clearTag)
	return w
}

func (v *view) withVersion(version int) *view {
	w := newView(v.engine, v.path, version)
	w.clearTag, w.clearTags = v.clearTag, v.clearTags
	return w
}

func newView(e *engine, path string, version int) *view {
	head := path + ":" + strconv.Itoa(version)
	return &view{
		engine: e, path: path, version: version,
		scope: head + ":", hashed: head + "#", clearTag: driver.TagAll,
	}
}

// maxPath bounds the framed prefixes, so that there is room for a hashed key
// within the smallest Options.MaxKey.
const maxPath = 64

// frame makes a prefix unambiguous: what separates the parts of a key, and all
// that is unusual, is percent-encoded.
func frame(prefix string) string {
	var b strings.Builder
	for i := range len(prefix) {
		c := prefix[i]
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '-', c == '_', c == '.':
			b.WriteByte(c)
		default:
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}

func hash(s string) string {
	sum := sha256.Sum256([]byte(s))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// key composes the final key. The path holds neither ':' nor '#', and the
// version is a number, so the first of the two that follows a ':' ends the
// scope: two different triples never meet.
func (v *view) key(name string) (driver.Key, error) {
	if validate := v.engine.opts.ValidateKey; validate != nil {
		if err := validate(name); err != nil {
			return driver.Key{}, fmt.Errorf("%w %q: %w", ErrKey, shorten(name), err)
		}
	}
	if len(v.scope)+len(name) > v.engine.opts.MaxKey {
		return driver.Key{Scope: v.hashed, Name: hash(name)}, nil
	}
	return driver.Key{Scope: v.scope, Name: name}, nil
}

func (v *view) keys(names []string) ([]driver.Key, error) {
	keys := make([]driver.Key, len(names))
	for i, n := range names {
		k, err := v.key(n)
		if err != nil {
			return nil, err
		}
		keys[i] = k
	}
	return keys, nil
}

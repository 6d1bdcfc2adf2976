package httpcache

import (
	"encoding/binary"
	"net/http"
	"strconv"
	"strings"
)

// The keys of the two kinds of record. They begin differently and are framed,
// so that they cannot meet.
const (
	urlKey     = 'u' // the record of a URL
	variantKey = 'v' // a further variant of it
)

// keyOf names the record of a request's URL. GET and HEAD share it. It holds
// the scheme of the connection, the host, and path and query as they were sent,
// but for query parameters that [Options] leave out; and if a handler outside of
// us has changed the URL, what it was before: two handlers under different
// prefixes that were stripped must not share pages.
func (c *Cache) keyOf(r *http.Request) string {
	return c.urlKey(schemeOf(r), r.Host, r.URL.EscapedPath(), r.URL.RawQuery, sentTarget(r.RequestURI))
}

func schemeOf(r *http.Request) string {
	if r.TLS != nil {
		return "https"
	}
	return "http"
}

func (c *Cache) urlKey(scheme, host, path, query, sent string) string {
	var room [256]byte
	changed := !sameTarget(sent, path, query)
	if c.filtersQuery() {
		query = c.filterQuery(query)
		sent = c.filterTarget(sent)
	}
	b := append(room[:0], urlKey)
	b = appendFrame(b, scheme)
	b = appendLower(b, host)
	b = appendFrame(b, path)
	b = appendFrame(b, query)
	if changed {
		b = appendFrame(b, sent)
	}
	return string(b)
}

// sentTarget is path and query of a request line, which may hold a whole URL.
func sentTarget(uri string) string {
	if uri == "" || uri[0] == '/' {
		return uri
	}
	if _, rest, ok := strings.Cut(uri, "://"); ok {
		if i := strings.IndexAny(rest, "/?"); i >= 0 {
			return rest[i:]
		}
		return ""
	}
	return uri
}

// sameTarget reports whether a request line says path and query. A request that
// was not read from a connection has none.
func sameTarget(sent, path, query string) bool {
	rest, ok := strings.CutPrefix(sent, path)
	switch {
	case sent == "":
		return true
	case !ok:
		return false
	case rest == "" || rest == "?":
		return query == ""
	}
	return rest[0] == '?' && rest[1:] == query
}

// variantKeyOf names the record of a variant that is not in the URL's own
// record. The generation is that of the URL's record: once that is dropped,
// nothing finds the variants again. The sum stands for the variant, which the
// record holds in full: two that meet replace each other.
func variantKeyOf(url string, generation, sum uint64) string {
	b := make([]byte, 0, len(url)+28)
	b = append(b, variantKey)
	b = appendFrame(b, url)
	b = binary.BigEndian.AppendUint64(b, generation)
	b = binary.BigEndian.AppendUint64(b, sum)
	return string(b)
}

// variantSum is the same in all processes: FNV-1a.
func variantSum(variant string) uint64 {
	h := uint64(14695981039346656037)
	for i := range len(variant) {
		h = (h ^ uint64(variant[i])) * 1099511628211
	}
	return h
}

// parts frames what is in the key beside URL and Vary: the view's own parts, and
// Options.KeyHeaders that the request has. It is "" if there is nothing.
func (h *handler) parts(r *http.Request) string {
	c := h.view.cache
	var own []string
	if h.view.opts.KeyParts != nil {
		own = h.view.opts.KeyParts(r)
	}
	var b []byte
	if len(own) > 0 {
		b = appendCount(make([]byte, 0, 64), len(own))
	}
	for _, p := range own {
		b = appendFrame(b, p)
	}
	for _, name := range c.keyHeaders {
		if _, has := r.Header[name]; !has {
			continue
		}
		if b == nil {
			b = appendCount(make([]byte, 0, 64), 0)
		}
		b = c.appendField(appendFrame(b, name), r.Header, name)
	}
	return string(b)
}

// appendFrame writes s behind its length, so that no two sequences of strings
// come out the same.
func appendFrame(b []byte, s string) []byte {
	return append(appendCount(b, len(s)), s...)
}

func appendCount(b []byte, n int) []byte {
	return append(strconv.AppendInt(b, int64(n), 10), ':')
}

// appendLower is appendFrame of s in lower case.
func appendLower(b []byte, s string) []byte {
	b = appendFrame(b, s)
	for i := len(b) - len(s); i < len(b); i++ {
		if 'A' <= b[i] && b[i] <= 'Z' {
			b[i] += 'a' - 'A'
		}
	}
	return b
}

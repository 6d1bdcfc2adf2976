package httpcache

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"net/textproto"
	"slices"
	"strings"
	"time"
)

// record is what stands under a key. That of a URL holds its first variant
// itself, so that a hit on it is one lookup, and knows which header fields the
// others differ in. All of it is immutable once it is stored.
type record struct {
	generation uint64   // part of the keys of the URL's other variants
	names      []string // of header fields, as in Vary: all that this URL's responses named
	variant    string   // of page
	page       *page    // nil in a record that only knows the names
}

// holds returns the record's page if it is the variant that r asks for.
func (rec *record) holds(variant string) *page {
	if rec == nil || rec.page == nil || rec.variant != variant {
		return nil
	}
	return rec.page
}

// page is one stored response.
type page struct {
	status   int
	received int64         // Unix nanoseconds: when its header came
	age      time.Duration // how old it was then
	lifetime time.Duration // how old it may get
	shared   bool          // it says that requests with Authorization may have it
	fields   []field
	values   []string // of all fields
	body     []byte

	length   string    // Content-Length
	modified time.Time // Last-Modified, or zero
}

// field is one header field: values[from:to] of the page. It may have none: a
// handler sets a field to nil to keep net/http from adding it.
type field struct {
	name     string
	from, to int
}

const (
	// maxFields and maxHeader bound a stored header.
	maxFields = 256
	maxHeader = 64 << 10
)

// currentAge is how old the page is: RFC 9111 section 4.2.3.
func (p *page) currentAge(now time.Time) time.Duration {
	return p.age + max(0, time.Duration(now.UnixNano()-p.received))
}

// remaining is how long the page is still fresh; 0 or less means that it is not.
func (p *page) remaining(now time.Time) time.Duration {
	return p.lifetime - p.currentAge(now)
}

// get returns the field's first value.
func (p *page) get(name string) (string, bool) {
	for _, f := range p.fields {
		if f.name == name {
			if f.from == f.to {
				return "", true
			}
			return p.values[f.from], true
		}
	}
	return "", false
}

func (p *page) add(name string, values ...string) {
	from := len(p.values)
	p.values = append(p.values, values...)
	p.fields = append(p.fields, field{name, from, len(p.values)})
}

// hopByHop are the fields that belong to one connection (RFC 9111 section 3.1),
// and those that a hit has anew.
var hopByHop = [...]string{
	"Connection", "Keep-Alive", "Proxy-Authenticate", "Proxy-Authentication-Info", "Proxy-Authorization",
	"Proxy-Connection", "Te", "Trailer", "Transfer-Encoding", "Upgrade",
	"Age", "Content-Length",
}

// collect copies the fields of h that are the response's own into p: not those
// of the connection, nor those that stood there before the handler ran. It
// reports whether they may be stored and replayed.
func (p *page) collect(h, before http.Header) bool {
	if len(h) > maxFields {
		return false
	}
	names := make([]string, 0, len(h))
	size := 0
	for name, values := range h {
		if old, was := before[name]; was && slices.Equal(old, values) {
			continue
		}
		if slices.Contains(hopByHop[:], name) || listed(h["Connection"], name) || strings.HasPrefix(name, http.TrailerPrefix) {
			continue
		}
		if !isToken(name) || textproto.CanonicalMIMEHeaderKey(name) != name {
			return false // what is judged was looked up by canonical names
		}
		size += len(name)
		for _, v := range values {
			if !isFieldValue(v) {
				return false
			}
			size += len(v)
		}
		names = append(names, name)
	}
	if size > maxHeader {
		return false
	}
	slices.Sort(names)
	for _, name := range names {
		p.add(name, h[name]...)
	}
	return true
}

// listed reports whether a comma-separated field names token.
func listed(lines []string, token string) bool {
	for _, line := range lines {
		for part := range strings.SplitSeq(line, ",") {
			if strings.EqualFold(strings.Trim(part, " \t"), token) {
				return true
			}
		}
	}
	return false
}

// isFieldValue refuses what would end a header line on replay.
func isFieldValue(v string) bool { return !strings.ContainsAny(v, "\r\n\x00") }

// finish adds what net/http or the handler left out and a hit should say.
func (p *page) finish(body []byte) {
	p.body = body
	if _, ok := p.get("Date"); !ok {
		p.add("Date", time.Unix(0, p.received).UTC().Format(http.TimeFormat))
	}
	_, typed := p.get("Content-Type")
	coding, _ := p.get("Content-Encoding")
	if !typed && coding == "" && len(body) > 0 {
		p.add("Content-Type", http.DetectContentType(body))
	}
	if _, ok := p.get("Etag"); !ok && p.status == http.StatusOK {
		sum := sha256.Sum256(body)
		p.add("Etag", `"`+base64.RawURLEncoding.EncodeToString(sum[:15])+`"`)
	}
	p.derive()
}

package httpcache

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"net/textproto"
	"slices"
	"strconv"
	"strings"
	"time"
)

// record is what stands under a key. That of a URL holds its first variant
// itself, so that a hit on it is one lookup, and knows which header fields the
// others differ in. All of it is immutable once it is stored.
type record struct {
	generation uint64   // part of the keys of the URL's other variants
	others     []uint64 // hashes of those: how many there are is bounded
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

// known are the header fields that the URL's responses named.
func (rec *record) known() []string {
	if rec == nil {
		return nil
	}
	return rec.names
}

// page is one stored response.
type page struct {
	status     int
	kind       kind
	first      int64         // of a part: where in the whole its body begins
	total      int64         // of a part: the length of the whole; of a head: Content-Length; or -1; of a zipped body: its length before
	received   int64         // Unix nanoseconds: when its header came
	age        time.Duration // how old it was then
	lifetime   time.Duration // how old it may get
	whileStale time.Duration // stale-while-revalidate
	ifError    time.Duration // stale-if-error
	flags      flags
	tags       []string // which another answer that leaves it in place does not repeat
	fields     []field
	values     []string // of all fields
	body       []byte

	length   string    // Content-Length; empty if it is not known
	zipped   *shape    // of a zipped body: how it is sent as it is stored
	modified time.Time // Last-Modified, or zero
	said     *said
}

// shape is a header as it is sent, in the form of a page's.
type shape struct {
	fields []field
	values []string
	length string
}

// kind is what a page holds of its resource.
type kind uint8

const (
	whole kind = iota
	part       // a run of its bytes: a 206 with one range
	head       // no body: the answer to a HEAD
)

type flags uint8

const (
	flagShared     flags = 1 << iota // requests with Authorization may have it
	flagValidate                     // no-cache: not without asking
	flagNoStale                      // must-revalidate, proxy-revalidate
	flagSMaxAge                      // the lifetime is s-maxage: stale only where it says so itself
	flagOwnTag                       // we computed its entity-tag: the handler does not know it
	flagAnnounced                    // its Expires and max-age are a view's
	flagZipped                       // its body is in gzip, its header as if it were not
	knownPageFlags = 1<<iota - 1
)

func (p *page) has(f flags) bool { return p.flags&f != 0 }

// field is one header field: values[from:to] of the page. It may have none: a
// handler sets a field to nil to keep net/http from adding it.
type field struct {
	name     string
	from, to int
}

const (
	// maxFields, maxHeader and maxTags bound what is stored beside a body.
	maxFields = 256
	maxHeader = 64 << 10
	maxTags   = 256
)

// currentAge is how old the page is: RFC 9111 section 4.2.3.
func (p *page) currentAge(now time.Time) time.Duration {
	return p.age + max(0, time.Duration(now.UnixNano()-p.received))
}

// remaining is how long the page is still fresh; 0 or less means that it is not.
func (p *page) remaining(now time.Time) time.Duration {
	return p.lifetime - p.currentAge(now)
}

// header is a copy of the stored header.
func (p *page) header() http.Header {
	h := make(http.Header, len(p.fields))
	values := slices.Clone(p.values)
	for _, f := range p.fields {
		h[f.name] = values[f.from:f.to:f.to]
	}
	return h
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
// of the connection, nor those that stood there before the handler ran, nor
// cookies unless they are to be stored. It reports whether they may be stored
// and replayed.
func (p *page) collect(h, before http.Header, cookies SetCookiePolicy) bool {
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
		if name == "Set-Cookie" && cookies != StoreSetCookie {
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
// computeTag gives a whole page without validator an entity-tag of its own.
func (p *page) finish(body []byte, computeTag bool) {
	p.body = body
	if _, ok := p.get("Date"); !ok {
		p.add("Date", time.Unix(0, p.received).UTC().Format(http.TimeFormat))
	}
	_, typed := p.get("Content-Type")
	coding, _ := p.get("Content-Encoding")
	if !typed && coding == "" && len(body) > 0 && p.kind == whole {
		p.add("Content-Type", http.DetectContentType(body))
	}
	if _, ok := p.get("Etag"); !ok && computeTag && p.status == http.StatusOK && p.kind == whole {
		sum := sha256.Sum256(body)
		p.add("Etag", `"`+base64.RawURLEncoding.EncodeToString(sum[:15])+`"`)
		p.flags |= flagOwnTag
	}
	p.derive()
}

// derive computes what is not stored.
func (p *page) derive() {
	p.said = new(said)
	switch {
	case p.kind != head:
		p.length = itoa(p.size())
	case p.total >= 0:
		p.length = strconv.FormatInt(p.total, 10)
	}
	if p.zipped = nil; p.has(flagZipped) {
		p.zipped = p.inGzip()
	}
	if v, _ := p.get("Last-Modified"); v != "" {
		p.modified, _ = parseDate(v)
	}
}

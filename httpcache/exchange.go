package httpcache

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/stratacache/strata/cache"
)

// exchange is one request on its way through a handler, whose response may be
// stored.
type exchange struct {
	cache  *Cache
	r      *http.Request // as the client sent it: what the handler gets is a copy
	rec    *recorder
	at     place
	flight *flight // that it leads, or nil
	before http.Header
	status forwarded
	asked  time.Time

	mu       sync.Mutex
	view     *View // the innermost one that governs
	declined bool  // a cache further inside keeps its own
	spoken   bool  // and said in Cache-Status what this one does
	tags     []string

	// Set with the header.
	verdict verdict
	page    *page
	length  int64 // Content-Length, or -1
}

// addTags is safe for concurrent use.
func (x *exchange) addTags(tags []string) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.tags = append(x.tags, tags...)
}

// encloses reports whether what is written to w, for the page under url, is this
// exchange's own response, and no other request that its handler makes.
func (x *exchange) encloses(w http.ResponseWriter, url string) bool {
	return x.at.url == url || leads(w, func(rec *recorder) bool { return rec == x.rec })
}

// adopt lets a view inside of this exchange govern it.
func (x *exchange) adopt(v *View, r *http.Request) {
	x.mu.Lock()
	x.view = v
	x.mu.Unlock()
	if v.opts.Tags != nil {
		x.addTags(v.opts.Tags(r))
	}
}

// decline keeps the response out of this exchange's store. spoken is true if
// what declines says so in Cache-Status itself.
func (x *exchange) decline(spoken bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.declined, x.spoken = true, x.spoken || spoken
}

// run calls the handler in this goroutine, and stores what it wrote if it may
// be stored and is whole.
func (x *exchange) run(w http.ResponseWriter, next http.Handler) {
	x.asked = time.Now()
	x.before = w.Header().Clone()
	x.rec = &recorder{w: w, cache: x.cache, header: x.header, lost: x.apart, limit: x.cache.maxBody}

	r := x.r.WithContext(context.WithValue(x.r.Context(), exchangeKey{}, x))
	r.Header = x.r.Header.Clone() // the key is made of what the client sent
	for _, name := range conditions[:2] {
		delete(r.Header, name) // the whole response is wanted: we answer these ourselves
	}
	next.ServeHTTP(x.rec, r)
	x.r.Pattern = r.Pattern // for the logs of who called us

	if x.rec.status == 0 {
		// It wrote nothing: what is around us may yet answer. Not for sharing.
		x.apart()
		return
	}
	x.commit()
}

// header decides, with the header about to be sent, whether to keep the body.
func (x *exchange) header(status int) {
	now := time.Now()
	h := x.rec.w.Header()
	x.mu.Lock()
	view, declined, spoken := x.view, x.declined, x.spoken
	x.mu.Unlock()

	x.verdict = view.judge(x.r, status, h, x.asked, now)
	v := &x.verdict
	if declined {
		v.why = whyNested
	} else {
		view.announce(status, h, v, now)
	}
	if x.length = contentLength(h); v.why == "" && x.length > x.cache.maxBody {
		v.why = whyTooLarge
	}
	if v.why == "" {
		p := &page{status: status, received: now.UnixNano(), age: v.age, lifetime: v.lifetime, shared: v.shared}
		if p.collect(h, x.before) {
			x.page, x.rec.keep = p, true
		} else {
			v.why = whyHeader
		}
	}
	if v.why != "" {
		x.apart()
	}
	x.status.stored, x.status.detail = v.why == "", v.why
	if !spoken {
		addStatus(h, x.status.text(x.cache.name))
	}
	if status == http.StatusOK && notModified(h, x.r) {
		x.rec.mute = true
		http.ServeContent(x.rec.w, x.r, "", lastModified(h), strings.NewReader(""))
	}
}

// apart releases those who wait: there will be nothing for them.
func (x *exchange) apart() { x.cache.flights.part(x.flight) }

// commit stores the response, if all of it was written and nothing that
// concerns it was invalidated since the handler began.
func (x *exchange) commit() {
	rec, p := x.rec, x.page
	if !rec.keep || x.r.Context().Err() != nil {
		return
	}
	if x.length >= 0 && x.length != int64(len(rec.body)) {
		return // cut short
	}
	p.finish(rec.body)
	ttl := p.remaining(time.Now())
	if ttl <= 0 {
		return
	}
	// The client may leave now; the page is whole.
	ctx, end := x.cache.patience(context.WithoutCancel(x.r.Context()))
	defer end()
	if stored, err := x.store(ctx, p, ttl); err == nil && stored && x.flight == nil {
		x.cache.flights.shared(x.at.page())
	}
}

// store puts the page where the lookup said, or, if the response named header
// fields that were not known, remembers these.
func (x *exchange) store(ctx context.Context, p *page, ttl time.Duration) (bool, error) {
	if !x.at.fenced {
		return false, nil
	}
	x.mu.Lock()
	tags := cache.Tags(slices.Clone(x.tags)...)
	x.mu.Unlock()

	var known []string
	if x.at.rec != nil {
		known = x.at.rec.names
	}
	names := union(known, x.verdict.names)
	if len(names) > maxVary {
		return false, nil
	}
	of := variant(x.at.parts, names, x.r)
	if len(of) > maxHeader {
		return false, nil
	}
	pages := x.cache.pages
	if x.at.key != x.at.url { // a further variant
		if len(names) > len(known) {
			return false, x.relearn(ctx, names, ttl)
		}
		rec := &record{generation: x.at.rec.generation, variant: of, page: p}
		return pages.Fill(ctx, x.at.key, rec, x.at.fence, cache.TTL(ttl), tags)
	}
	rec := &record{generation: rand.Uint64(), names: names, variant: of, page: p}
	if x.at.rec != nil && len(names) == len(known) {
		rec.generation = x.at.rec.generation // the other variants stay
	}
	if of != "" {
		ttl = indexTTL(ttl)
	}
	return pages.Fill(ctx, x.at.url, rec, x.at.fence, cache.TTL(ttl), tags)
}

// relearn writes the record of a URL anew, with all names and no page: under
// which key this one belongs was not known when its handler began, so that no
// fence guards it there. The next request for it stores it.
func (x *exchange) relearn(ctx context.Context, names []string, ttl time.Duration) error {
	fence, err := x.cache.pages.Fence(ctx, x.at.url)
	if err != nil {
		return err
	}
	rec, err := x.cache.pages.Get(ctx, x.at.url)
	if err == nil {
		names = union(names, rec.names)
	} else if !errors.Is(err, cache.ErrMiss) {
		return err
	}
	if len(names) > maxVary {
		return nil
	}
	_, err = x.cache.pages.Fill(ctx, x.at.url, &record{generation: rand.Uint64(), names: names}, fence, cache.TTL(indexTTL(ttl)))
	return err
}

// indexTTL is how long the record of a URL with variants lives: longer than its
// own page, so that variants stored later than it are found until they end.
func indexTTL(ttl time.Duration) time.Duration { return ttl + min(ttl, 24*time.Hour) }

// contentLength is what a header declares, or -1. What is no length is more
// than any body has.
func contentLength(h http.Header) int64 {
	lines := h["Content-Length"]
	if len(lines) == 0 {
		return -1
	}
	n, err := strconv.ParseInt(lines[0], 10, 64)
	if err != nil || n < 0 || len(lines) > 1 {
		return math.MaxInt64
	}
	return n
}

func lastModified(h http.Header) time.Time {
	if lines := h["Last-Modified"]; len(lines) == 1 {
		if t, ok := parseDate(lines[0]); ok {
			return t
		}
	}
	return time.Time{}
}

// notModified reports whether the client's conditions, which the handler did
// not see, hold for a 200 with header h. net/http judges.
func notModified(h http.Header, r *http.Request) bool {
	_, match := r.Header["If-None-Match"]
	_, since := r.Header["If-Modified-Since"]
	if !match && !since {
		return false
	}
	probe := &probeWriter{header: make(http.Header)}
	if etag, ok := h["Etag"]; ok {
		probe.header["Etag"] = etag
	}
	http.ServeContent(probe, r, "", lastModified(h), strings.NewReader(""))
	return probe.status == http.StatusNotModified
}

// probeWriter notes a status.
type probeWriter struct {
	header http.Header
	status int
}

func (p *probeWriter) Header() http.Header         { return p.header }
func (p *probeWriter) Write(b []byte) (int, error) { return len(b), nil }
func (p *probeWriter) WriteHeader(status int)      { p.status = status }

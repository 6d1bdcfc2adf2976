package httpcache

import (
	"context"
	"math/rand/v2"
	"net/http"
	"time"

	"github.com/stratacache/strata/cache"
)

// unsafe runs the handler of a request that may change what its URL shows, and
// drops the URL's pages if it succeeded: RFC 9111 section 4.4. That happens
// before the client sees the answer, so that it reads what it wrote, and again
// when the handler has ended, for one that commits late.
func (h *handler) unsafe(w http.ResponseWriter, r *http.Request) {
	c := h.view.cache
	inside := c.around(w)
	var answer http.Header
	next := h.begin(r)
	rec := &recorder{w: w, cache: c, limit: c.maxBody}
	rec.header = func(status int) int {
		if status < http.StatusBadRequest {
			answer = w.Header().Clone()
			rec.keep = next.replace(status, answer)
			c.drop(r, answer, rec.keep)
		}
		if !inside {
			addStatus(w.Header(), forwarded{fwd: fwdMethod, stored: rec.keep}.text(c.name))
		}
		return status
	}
	defer rec.release()
	whole := false
	defer func() {
		if rec.status >= http.StatusBadRequest {
			return
		}
		if stored := whole && rec.keep && r.Context().Err() == nil && next.store(rec.body); !stored { // also one that wrote nothing
			c.drop(r, answer, false)
		}
	}()
	h.next.ServeHTTP(rec, r)
	whole = true
}

// posted is the answer to a POST that is, by its Content-Location, what a GET of
// the same URL would now get (RFC 9110 section 9.3.3). It may be stored as that.
//
// What was read before an invalidation must not be stored after it, and the
// request invalidates its own URL. So the first fence, taken before the handler
// runs, is spent on an empty record in place of the old page; the second is good
// only if that record still stands.
type posted struct {
	h     *handler
	r     *http.Request
	url   string
	fence cache.Fence
	mark  uint64 // generation of the empty record
	page  *page
	names []string
	asked time.Time

	length int64 // Content-Length, or -1
}

// begin returns nil for what cannot be stored in any case.
func (h *handler) begin(r *http.Request) *posted {
	c := h.view.cache
	if r.Method != http.MethodPost || h.view.hasTTL || exchangeOf(r.Context()) != nil || r.Header["Range"] != nil || h.parts(r) != "" {
		return nil
	}
	ctx, end := c.patience(r.Context())
	defer end()
	p := &posted{h: h, r: r, url: c.keyOf(r), asked: time.Now()}
	var err error
	if p.fence, err = c.pages.Fence(ctx, p.url); err != nil {
		return nil
	}
	return p
}

// replace puts an empty record in place of the page, if the answer may be its
// successor.
func (p *posted) replace(status int, header http.Header) bool {
	if p == nil || status != http.StatusOK {
		return false
	}
	c, now := p.h.view.cache, time.Now()
	cc, targeted := directivesOf(header, c.targets)
	if life, _ := lifetime(header, &cc, targeted, now); life <= 0 || !p.ofItsOwn(header) || len(c.tagsOf(p.r, header)) > 0 {
		return false
	}
	v := p.h.view.judge(p.r, status, header, p.asked, now)
	p.length = contentLength(header)
	p.page = &page{
		status: status, received: now.UnixNano(), age: v.age, lifetime: v.lifetime,
		whileStale: v.whileStale, ifError: v.ifError, flags: v.flags,
	}
	if p.names = v.names; v.why != "" || !p.page.collect(header, nil, c.cookies) {
		return false
	}
	ctx, end := c.patience(context.WithoutCancel(p.r.Context()))
	defer end()
	p.mark = rand.Uint64()
	stored, err := c.pages.Fill(ctx, p.url, &record{generation: p.mark}, p.fence, cache.TTL(c.collapse))
	if err != nil || !stored {
		return false
	}
	if p.fence, err = c.pages.Fence(ctx, p.url); err != nil {
		return false
	}
	rec, err := c.pages.Get(ctx, p.url)
	return err == nil && rec.generation == p.mark
}

// ofItsOwn reports whether the answer says that it is about the request's own URL.
func (p *posted) ofItsOwn(header http.Header) bool {
	sent := sentTarget(p.r.RequestURI)
	u := related(p.r, sent, header["Content-Location"])
	return u != nil && sameTarget(sent, p.r.URL.EscapedPath(), p.r.URL.RawQuery) &&
		u.EscapedPath() == p.r.URL.EscapedPath() && u.RawQuery == p.r.URL.RawQuery
}

// store stores the whole answer, if nothing came between.
func (p *posted) store(body []byte) bool {
	c := p.h.view.cache
	if p.length >= 0 && p.length != int64(len(body)) {
		return false
	}
	p.page.finish(body, !p.h.view.proxy)
	c.zips.zip(p.page, p.names)
	rec := &record{generation: rand.Uint64(), names: p.names, variant: c.variant("", p.names, p.r), page: p.page}
	ctx, end := c.patience(context.WithoutCancel(p.r.Context()))
	defer end()
	ttl := p.page.remaining(time.Now())
	if ttl <= 0 {
		return false
	}
	stored, err := c.pages.Fill(ctx, p.url, rec, p.fence, cache.TTL(ttl))
	return err == nil && stored
}

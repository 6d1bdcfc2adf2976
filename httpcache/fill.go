package httpcache

import (
	"context"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// fill is the way of a response that is passed on, and perhaps kept.
func (x *exchange) fill(status int, h http.Header, now time.Time) {
	x.mu.Lock()
	view, declined, spoken := x.view, x.declined, x.spoken
	x.mu.Unlock()

	x.proxy = view.proxy
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
		x.page = x.newPage(status, h, now)
	}
	if v.why != "" {
		x.gone = x.old != nil && replaces(status)
	}
	switch {
	case failureOf(status) != noFailure && v.why != "":
		x.cache.flights.land(x.flight) // it says nothing of what comes next
	case v.why != "" || !v.forOthers():
		x.apart()
	}
	x.status.stored, x.status.detail = v.why == "", v.why
	if !spoken {
		addStatus(h, x.status.text(x.cache.name))
	}
	if status == http.StatusOK && notModified(h, x.r) {
		x.rec.mute = true
		if unmodifiedSince(x.r, h) {
			writeNotModified(x.rec.w)
			return
		}
		http.ServeContent(x.rec.w, x.r, "", lastModified(h), strings.NewReader(""))
	}
}

// replaces reports whether an answer that is not stored shows that what was
// stored no longer holds: not if it is about this request alone.
func replaces(status int) bool {
	return status < http.StatusMultipleChoices || status == http.StatusNotFound || status == http.StatusGone ||
		status < http.StatusBadRequest && status != http.StatusNotModified
}

// newPage begins a page of a response that may be stored, or says in the verdict
// why it cannot.
func (x *exchange) newPage(status int, h http.Header, now time.Time) *page {
	v := &x.verdict
	p := &page{
		status: status, received: now.UnixNano(), age: v.age, lifetime: v.lifetime,
		whileStale: v.whileStale, ifError: v.ifError, flags: v.flags, total: -1,
	}
	switch {
	case status == http.StatusPartialContent:
		first, last, total, ok := contentRange(h["Content-Range"])
		if _, asked := x.r.Header["Range"]; !ok || !asked || x.r.Method == http.MethodHead || last-first >= x.cache.maxBody {
			v.why = whyPartial
			return nil
		}
		p.kind, p.first, p.total = part, first, total
		if x.length < 0 {
			x.length = last - first + 1
		} else if x.length != last-first+1 {
			v.why = whyPartial
			return nil
		}
	case x.r.Method == http.MethodHead:
		p.kind, p.total = head, x.length
		x.whole = true
	default:
		p.total = 0
	}
	if !p.collect(h, x.before, x.cache.cookies) {
		v.why = whyHeader
		return nil
	}
	if !x.whole {
		x.rec.keep = true
	}
	if z := x.cache.zips; (x.length < 0 || x.length >= int64(z.least)) && z.wants(p, v.names) {
		AddVary(h, "Accept-Encoding") // as what is stored will say
	}
	p.tags = x.cache.tagsOf(x.r, h)
	return p
}

// apart releases those who wait: there will be nothing for them.
func (x *exchange) apart() { x.cache.flights.part(x.flight) }

// commit stores the response, if all of it was written and nothing that
// concerns it was invalidated since the handler began.
func (x *exchange) commit() {
	rec, p := x.rec, x.page
	ctx, end := x.cache.patience(context.WithoutCancel(x.r.Context())) // the client may leave now
	defer end()
	if x.gone {
		_, _ = x.cache.pages.Delete(ctx, x.at.key)
	}
	if p == nil {
		return
	}
	if !x.whole {
		if !rec.keep || x.r.Context().Err() != nil || x.length >= 0 && x.length != int64(len(rec.body)) {
			return // cut short
		}
		p.finish(rec.body, !x.proxy)
		p = p.joined(x.at.held, x.cache.maxBody)
		x.cache.zips.zip(p, union(x.at.rec.known(), x.verdict.names))
	} else if p.kind == head {
		p.finish(nil, false)
	}
	x.mu.Lock()
	p.tags = append(slices.Clone(p.tags), x.tags...)
	x.mu.Unlock()
	slices.Sort(p.tags)
	p.tags = slices.Compact(p.tags)
	if len(p.tags) > maxTags || x.replay && slices.Equal(p.tags, x.old.tags) {
		return
	}
	ttl := p.remaining(time.Now())
	if x.verdict.keep > 0 {
		ttl = max(0, ttl) + x.verdict.keep
	}
	if ttl <= 0 {
		return
	}
	if stored, err := x.store(ctx, p, ttl); err == nil && stored && x.flight == nil && x.verdict.forOthers() {
		x.cache.flights.shared(x.at.page())
	}
}

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

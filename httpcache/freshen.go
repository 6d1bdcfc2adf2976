package httpcache

import (
	"net/http"
	"slices"
	"strings"
	"time"
)

// confirmed is the way of a 304 to our own question: the stored page gets the
// new header and goes to the client (RFC 9111 section 4.3.4). A 304 about
// another page than the stored one has the handler run again, unasked.
func (x *exchange) confirmed(h http.Header, now time.Time) {
	x.rec.mute = true
	if !x.old.confirms(h) {
		x.again, x.rec.hold = true, true
		return
	}
	p := x.merge(h, now)
	f := x.status
	f.status, f.stored, f.detail = http.StatusNotModified, x.page != nil && !x.replay, x.verdict.why
	cookies := h["Set-Cookie"] // for this client
	reset(h, x.before)
	if len(cookies) > 0 && x.cache.cookies != StoreSetCookie {
		h["Set-Cookie"] = cookies
	}
	x.cache.serve(x.rec.w, x.r, p, now, &f)
}

// described is the way of the 200 to a HEAD: it freshens the stored page if it
// is about the same, and otherwise the page no longer holds (RFC 9111 section
// 4.3.5).
func (x *exchange) described(h http.Header, now time.Time) {
	n := contentLength(h)
	if n < 0 && h.Get("Etag") == "" && lastModified(h).IsZero() {
		x.status.detail = "nothing-to-compare" // the page stays what it is
		addStatus(h, x.status.text(x.cache.name))
		return
	}
	if !x.old.confirms(h) || n >= 0 && n != x.old.size() {
		x.gone = true
		x.status.detail = "changed"
		addStatus(h, x.status.text(x.cache.name))
		return
	}
	x.merge(h, now)
	x.status.stored, x.status.detail = x.verdict.why == "", x.verdict.why
	addStatus(h, x.status.text(x.cache.name))
}

// bodyFields are about the stored body, which stays.
var bodyFields = [...]string{"Content-Length", "Content-Encoding", "Content-Range"}

// merge is the stored page with the fields of h in place of its own, judged
// anew: RFC 9111 section 3.2. It is what will be stored, if that may be.
func (x *exchange) merge(h http.Header, now time.Time) *page {
	old := x.old
	merged := old.header()
	if _, dated := h["Date"]; !dated {
		merged["Date"] = []string{now.UTC().Format(http.TimeFormat)}
	}
	if old.has(flagAnnounced) {
		delete(merged, "Expires")
		dropMaxAge(merged)
	}
	for name, values := range h {
		if before, was := x.before[name]; was && slices.Equal(before, values) || slices.Contains(bodyFields[:], name) {
			continue
		}
		if name == "Set-Cookie" && x.cache.cookies != StoreSetCookie {
			continue
		}
		merged[name] = slices.Clone(values)
	}

	ownTag := old.flags & flagOwnTag
	if _, tagged := h["Etag"]; tagged {
		ownTag = 0
	}
	tag := merged["Etag"]
	if ownTag != 0 {
		delete(merged, "Etag") // the handler cannot be asked by it
	}

	x.mu.Lock()
	view, declined := x.view, x.declined
	x.mu.Unlock()
	x.verdict = view.judge(x.r, old.status, merged, x.asked, now)
	v := &x.verdict
	if declined {
		v.why = whyNested
	} else {
		view.announce(old.status, merged, v, now)
	}
	if ownTag != 0 {
		merged["Etag"] = tag
	}
	p := &page{
		status: old.status, kind: old.kind, total: old.total, received: now.UnixNano(), age: v.age, lifetime: v.lifetime,
		whileStale: v.whileStale, ifError: v.ifError, flags: v.flags | ownTag | old.flags&flagZipped, body: old.body,
		tags: union(old.tags, x.cache.tagsOf(x.r, merged)),
	}
	if !p.collect(merged, nil, x.cache.cookies) {
		v.why = whyHeader
	}
	p.derive()
	if p.has(flagZipped) && !p.mayZip() && !x.cache.zips.restore(p, x.cache.maxBody) {
		v.why = whyHeader
	}
	if x.whole = true; v.why != "" {
		x.gone = true
	} else {
		x.page, x.replay = p, p.replays(old, now, v.keep)
	}
	if v.why != "" || !v.forOthers() {
		x.apart()
	}
	return p
}

// replays reports whether p, which is validated each time, adds nothing to old.
func (p *page) replays(old *page, now time.Time, keep time.Duration) bool {
	if !p.has(flagValidate) || p.flags != old.flags || now.UnixNano()-old.received > int64(keep/2) ||
		len(p.fields) != len(old.fields) {
		return false
	}
	for i, f := range p.fields {
		g := old.fields[i]
		if f.name != g.name || f.name != "Date" && !slices.Equal(p.values[f.from:f.to], old.values[g.from:g.to]) {
			return false
		}
	}
	return true
}

// survive answers with the stored page in place of a failure, if it may be used
// for that, and reports whether it did.
func (x *exchange) survive(f failure, status int) bool {
	now := time.Now()
	if x.flight != nil && f != noFailure {
		x.flight.failure = f // those who wait need not try as well
	}
	if !x.demands.survives(x.old, x.r, f, now) {
		return false
	}
	x.rec.mute = true
	reset(x.rec.w.Header(), x.before)
	x.status.status, x.status.detail = status, "stale-if-error"
	if f == unreachable {
		x.status.detail = "unreachable"
	}
	x.cache.serve(x.rec.w, x.r, x.old, now, &x.status)
	x.cache.flights.land(x.flight)
	return true
}

// reset makes h what it was before the handler ran.
func reset(h, before http.Header) {
	clear(h)
	for name, values := range before {
		h[name] = slices.Clone(values)
	}
}

// withoutMaxAge are the members of Cache-Control but for max-age; one behind whose
// open quote anything may stand stays.
func withoutMaxAge(lines []string) (out []string) {
	for m := range members(lines) {
		if !strings.EqualFold(m.name, "max-age") || m.malformed == unterminated {
			out = append(out, m.raw)
		}
	}
	return out
}

// dropMaxAge takes max-age out of Cache-Control.
func dropMaxAge(h http.Header) {
	out := withoutMaxAge(h["Cache-Control"])
	if delete(h, "Cache-Control"); len(out) > 0 {
		h["Cache-Control"] = []string{strings.Join(out, ", ")}
	}
}

package httpcache

import "net/http"

// beginning is the stored part that the handler need only complete: the first
// bytes of what is asked for as a whole, under a strong entity-tag, by which it
// can tell whether they still are (RFC 9111 section 3.4).
func (x *exchange) beginning() *page {
	p := x.at.held
	if x.old != nil || p == nil || p.kind != part || p.first != 0 || p.total > x.cache.maxBody ||
		x.r.Method != http.MethodGet || conditional(x.r.Header) || x.demands.credentials && !p.has(flagShared) {
		return nil
	}
	if tag, _ := p.get("Etag"); p.total < 0 || !isStrongTag(tag) {
		return nil
	}
	return p
}

// askRest makes r the question for what p lacks; for all of it, if p is no longer
// right.
func (p *page) askRest(r *http.Request) {
	tag, _ := p.get("Etag")
	r.Header["Range"] = []string{"bytes=" + itoa(int64(len(p.body))) + "-"}
	r.Header["If-Range"] = []string{tag}
}

// completed turns the header of the rest into that of the whole, whose first
// bytes are sent from the store. Any other part, or none, has the handler run
// again, for the whole.
func (x *exchange) completed(status int, h http.Header) bool {
	p := x.begins
	first, last, total, ok := contentRange(h["Content-Range"])
	tag, _ := p.get("Etag")
	ok = ok && status == http.StatusPartialContent && first == int64(len(p.body)) && last == total-1 && total == p.total
	if tags := h["Etag"]; !ok || len(tags) != 1 || tags[0] != tag {
		x.rec.mute, x.rec.hold, x.again = true, true, true
		return false
	}
	delete(h, "Content-Range")
	h["Content-Length"] = []string{itoa(total)}
	x.rec.first = p.body
	x.status.status = status
	return true
}

package httpcache

import (
	"context"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// exchange is one request on its way through a handler, whose response may be
// stored.
type exchange struct {
	cache   *Cache
	r       *http.Request // as the client sent it: what the handler gets is a copy
	rec     *recorder
	at      place
	flight  *flight // that it leads, or nil
	before  http.Header
	status  forwarded
	asked   time.Time
	demands demands
	old     *page // stored, not fresh enough, and good for this request if it still holds; or nil
	asks    bool  // the handler is asked whether old still holds
	begins  *page // a part that the handler is asked to complete; or nil
	unreach atomic.Bool

	mu       sync.Mutex
	view     *View // the innermost one that governs
	declined bool  // a cache further inside keeps its own
	spoken   bool  // and said in Cache-Status what this one does
	tags     []string

	// Set with the header.
	verdict verdict
	page    *page // to be stored
	proxy   bool  // it comes from elsewhere
	whole   bool  // its body is there already
	replay  bool  // it is what is stored already, and validated each time: no need to write it
	gone    bool  // what is stored no longer holds
	again   bool  // the answer was about another page than old
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
	x.before = w.Header().Clone()
	x.begins = x.beginning()
	for {
		x.asked = time.Now()
		x.asks = x.old != nil && x.old.hasValidator()
		x.rec = &recorder{w: w, cache: x.cache, header: x.header, lost: x.apart, limit: x.cache.maxBody}
		x.call(next)
		if !x.again {
			break
		}
		reset(w.Header(), x.before)
		x.old, x.begins, x.again = nil, nil, false
	}
	if x.rec.status == 0 && !x.rec.mute {
		// It wrote nothing: what is around us may yet answer. Not for sharing.
		x.apart()
		return
	}
	x.commit()
}

// call runs the handler once. One that aborts before its header has no answer:
// then the stored page may be better than none.
func (x *exchange) call(next http.Handler) {
	defer x.rec.release()
	if x.old != nil {
		defer func() {
			v := recover()
			if v == nil {
				return
			}
			if v != http.ErrAbortHandler || x.rec.status != 0 {
				panic(v)
			}
			if !x.survive(unreachable, 0) {
				x.refuse()
			}
		}()
	}
	r := x.request()
	next.ServeHTTP(x.rec, r)
	x.r.Pattern = r.Pattern // for the logs of who called us
}

// refuse answers for a handler that gave up, where a page is stored that may not
// be used without it: RFC 9111 section 5.2.2.2.
func (x *exchange) refuse() {
	h := x.rec.w.Header()
	reset(h, x.before)
	x.status.detail = "unreachable"
	addStatus(h, x.status.text(x.cache.name))
	x.rec.mute = true
	http.Error(x.rec.w, http.StatusText(http.StatusGatewayTimeout), http.StatusGatewayTimeout)
	x.cache.flights.land(x.flight)
}

// request is what the handler sees: all that is in the key, nothing that is not,
// and our own conditions in place of the client's, which we answer ourselves.
func (x *exchange) request() *http.Request {
	r := x.r.WithContext(context.WithValue(x.r.Context(), exchangeKey{}, x))
	r.Header = x.r.Header.Clone()
	for _, name := range conditions[:2] {
		delete(r.Header, name) // the whole response is wanted
	}
	x.cache.reduce(r)
	if x.old != nil && x.old.kind == whole {
		delete(r.Header, "Range")
		delete(r.Header, "If-Range")
	}
	if x.asks {
		x.old.ask(r)
	}
	if x.begins != nil {
		x.begins.askRest(r)
	}
	return r
}

// header decides, with the header about to be sent, what becomes of the
// response. It returns the status to send.
func (x *exchange) header(status int) int {
	now := time.Now()
	h := x.rec.w.Header()
	switch {
	case x.asks && status == http.StatusNotModified:
		x.confirmed(h, now)
		return status
	case x.begins != nil && (status == http.StatusPartialContent || status == http.StatusRequestedRangeNotSatisfiable):
		if !x.completed(status, h) {
			return status
		}
		status = http.StatusOK
	case x.unreach.Load():
		if x.survive(unreachable, status) {
			return status
		}
		if x.old != nil {
			status = http.StatusGatewayTimeout // RFC 9111 section 5.2.2.2
		}
	case x.survive(failureOf(status), status):
		return status
	case x.r.Method == http.MethodHead && x.old != nil && x.old.kind == whole && status == http.StatusOK:
		x.described(h, now)
		return status
	}
	x.fill(status, h, now)
	return status
}

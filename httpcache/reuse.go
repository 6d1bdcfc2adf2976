package httpcache

import (
	"net/http"
	"time"
)

// use is what a stored page can do for a request: RFC 9111 section 4.
type use uint8

const (
	useNot   use = iota // it is not for this request
	useAsk              // if the handler says that it still holds
	useWhile            // now, stale, while it is made anew
	useNow
)

// demands is what a request says about stored responses: RFC 9111 section
// 5.2.1.
type demands struct {
	noStore      bool
	reload       bool // no-cache, or a max-age of 0
	onlyIfCached bool
	maxAge       seconds
	maxStale     seconds
	ifError      seconds
	minFresh     time.Duration
	credentials  bool // it has Authorization
}

func (c *Cache) demandsOf(r *http.Request) (d demands) {
	_, d.credentials = r.Header["Authorization"]
	lines, has := r.Header["Cache-Control"]
	if !has {
		// RFC 9111 section 5.4: what an HTTP/1.0 client says instead.
		if pragma, has := r.Header["Pragma"]; has && !c.ignore {
			d.reload = listed(pragma, "no-cache")
		}
		return d
	}
	cc := parseDirectives(lines)
	d.noStore = cc.noStore
	if c.ignore {
		return d
	}
	d.reload = cc.noCache || (cc.maxAge.set && cc.maxAge.d == 0)
	d.onlyIfCached = cc.onlyIfCached
	d.maxAge, d.maxStale, d.ifError, d.minFresh = cc.maxAge, cc.maxStale, cc.ifError, cc.minFresh.d
	return d
}

// use tells what p may do for r, which has these demands.
func (d *demands) use(p *page, r *http.Request, now time.Time) use {
	switch {
	case p == nil,
		d.credentials && !p.has(flagShared), // what was made for nobody may not be what is made for them
		!p.fits(r):
		return useNot
	case p.has(flagValidate), d.reload,
		d.maxAge.set && p.currentAge(now) > d.maxAge.d:
		return useAsk
	}
	remaining := p.remaining(now)
	switch {
	case remaining > 0 && remaining >= d.minFresh:
		return useNow
	case remaining > 0, p.has(flagNoStale):
		return useAsk
	case d.maxStale.set && !p.has(flagSMaxAge) && -remaining <= d.maxStale.d:
		return useNow
	case d.minFresh == 0 && !d.maxAge.set && -remaining < p.whileStale:
		return useWhile
	}
	return useAsk
}

// fits reports whether p holds what r asks for.
func (p *page) fits(r *http.Request) bool {
	switch p.kind {
	case part:
		_, _, ok := p.covers(r)
		return ok
	case head:
		return r.Method == http.MethodHead
	}
	return true
}

// failure is how a handler failed to make a page.
type failure uint8

const (
	noFailure   failure = iota
	failed              // it answered 500, 502, 503 or 504
	unreachable         // what is behind it could not be asked
)

// failureOf: RFC 5861 section 4.
func failureOf(status int) failure {
	switch status {
	case http.StatusInternalServerError, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return failed
	}
	return noFailure
}

// survives reports whether p, which is stale, may be used in place of a
// failure: where stale-if-error says so; and, if the origin cannot be reached,
// unless the response forbids it (RFC 9111 section 4.2.4).
func (d *demands) survives(p *page, r *http.Request, f failure, now time.Time) bool {
	if p == nil || f == noFailure || p.has(flagNoStale|flagValidate) || d.use(p, r, now) == useNot {
		return false
	}
	staleness := max(0, -p.remaining(now))
	return p.ifError > 0 && staleness <= p.ifError ||
		!p.has(flagSMaxAge) && (f == unreachable || d.ifError.set && staleness <= d.ifError.d)
}

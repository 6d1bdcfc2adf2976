package httpcache

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Why a response is not stored, as Cache-Status says it.
const (
	whyStatus        = "status"
	whyNoStore       = "no-store"
	whyNoCache       = "no-cache"
	whyPrivate       = "private"
	whySetCookie     = "set-cookie"
	whyAuthorization = "authorization"
	whyVary          = "vary"
	whyPartial       = "content-range"
	whyStream        = "event-stream"
	whyNoFreshness   = "no-freshness"
	whyStale         = "not-fresh"
	whyNoTTL         = "ttl"
	whyTooLarge      = "too-large"
	whyHeader        = "header"
	whyNested        = "inner-cache"
)

// verdict is whether a response may be stored.
type verdict struct {
	why      string // not; empty if it may
	lifetime time.Duration
	age      time.Duration
	names    []string // of Vary
	shared   bool     // it may answer requests with Authorization
}

// judge applies RFC 9111 section 3 to a response whose header is about to be
// sent, and refuses whatever may be one person's. asked is when its handler
// began to run.
func (v *View) judge(r *http.Request, status int, h http.Header, asked, now time.Time) (out verdict) {
	cc := parseDirectives(h["Cache-Control"])
	life, explicit := lifetime(h, &cc, now)
	names, ok := parseVary(h["Vary"])
	out.names = names
	out.shared = cc.public || cc.sMaxAge.set || cc.mustRevalidate
	out.age = initialAge(h, asked, now)
	out.lifetime = life
	if v.hasTTL && (!explicit || v.ttl < life) {
		out.lifetime = max(0, v.ttl)
	}
	_, cookies := h["Set-Cookie"]
	_, ranges := h["Content-Range"]
	_, credentials := r.Header["Authorization"]
	switch {
	case !storableStatus(status, explicit):
		out.why = whyStatus
	case cc.noStore:
		out.why = whyNoStore
	case cc.private:
		out.why = whyPrivate
	case cc.noCache:
		out.why = whyNoCache
	case cookies:
		out.why = whySetCookie
	case credentials && !out.shared:
		out.why = whyAuthorization
	case !ok || len(names) > maxVary:
		out.why = whyVary
	case ranges:
		out.why = whyPartial
	case isEventStream(h):
		out.why = whyStream
	case v.hasTTL && v.ttl <= 0:
		out.why = whyNoTTL
	case !explicit && !v.hasTTL:
		out.why = whyNoFreshness
	case out.lifetime <= out.age:
		out.why = whyStale
	}
	return out
}

// storableStatus: a 200 that somebody gave a lifetime, and those of the other
// statuses that are the page itself (a lasting redirect, its absence) when the
// response gives it.
func storableStatus(status int, explicit bool) bool {
	switch status {
	case http.StatusOK:
		return true
	case http.StatusMovedPermanently, http.StatusPermanentRedirect, http.StatusNotFound, http.StatusGone:
		return explicit
	}
	return false
}

// isEventStream: a stream of events has no end to wait for.
func isEventStream(h http.Header) bool {
	const stream = "text/event-stream"
	types := h["Content-Type"]
	return len(types) > 0 && len(types[0]) >= len(stream) && strings.EqualFold(types[0][:len(stream)], stream)
}

// announce tells caches behind us how long a view's response is fresh, unless
// the handler said so itself; it may have said longer than the view allows.
func (v *View) announce(status int, h http.Header, out *verdict, now time.Time) {
	switch {
	case !v.hasTTL:
		return
	case out.why == "", out.why == whyNoTTL:
	case out.why == whyStatus && status == http.StatusNotModified:
	default:
		return
	}
	cc := parseDirectives(h["Cache-Control"])
	_, expires := h["Expires"]
	_, cookies := h["Set-Cookie"]
	if cc.noStore || cc.private || cc.noCache || cookies {
		return
	}
	ttl := max(0, v.ttl).Truncate(time.Second)
	switch {
	case cc.maxAge.set && cc.maxAge.d > ttl:
	case cc.maxAge.set || cc.sMaxAge.set || expires:
		return
	default:
		h["Expires"] = []string{now.Add(ttl).UTC().Format(http.TimeFormat)}
	}
	setMaxAge(h, ttl)
}

// setMaxAge replaces max-age, or adds it, and keeps the other directives as
// they were written.
func setMaxAge(h http.Header, d time.Duration) {
	var out []string
	for m := range members(h["Cache-Control"]) {
		if !strings.EqualFold(m.name, "max-age") {
			out = append(out, m.raw)
		}
	}
	out = append(out, "max-age="+strconv.FormatInt(int64(d/time.Second), 10))
	h["Cache-Control"] = []string{strings.Join(out, ", ")}
}

// demands is what a request says about stored responses: RFC 9111 section
// 5.2.1.
type demands struct {
	noStore      bool
	reload       bool // no-cache, or a max-age of 0
	onlyIfCached bool
	maxAge       seconds
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
	d.maxAge, d.minFresh = cc.maxAge, cc.minFresh.d
	return d
}

// accepts reports whether p may answer a request with these demands.
func (d *demands) accepts(p *page, now time.Time) bool {
	if p == nil {
		return false
	}
	remaining := p.remaining(now)
	switch {
	case remaining <= 0, remaining < d.minFresh:
		return false
	case d.credentials && !p.shared:
		return false // what was made for nobody may not be what is made for them
	case d.maxAge.set && p.currentAge(now) > d.maxAge.d:
		return false
	}
	return true
}

// conditions are the request fields that make a conditional request or one for
// a part.
var conditions = [...]string{"If-None-Match", "If-Modified-Since", "Range", "If-Match", "If-Unmodified-Since"}

func conditional(h http.Header) bool {
	return slices.ContainsFunc(conditions[:], func(name string) bool { _, ok := h[name]; return ok })
}

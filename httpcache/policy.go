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
	whyCondition     = "not-modified"
	whyStream        = "event-stream"
	whyNoFreshness   = "no-freshness"
	whyStale         = "not-fresh"
	whyNoTTL         = "ttl"
	whyTooLarge      = "too-large"
	whyHeader        = "header"
	whyNested        = "inner-cache"
)

// verdict is whether a response may be stored, and as what.
type verdict struct {
	why        string // not; empty if it may
	lifetime   time.Duration
	age        time.Duration
	whileStale time.Duration
	ifError    time.Duration
	keep       time.Duration // how long it is of use after it is no longer fresh
	flags      flags
	names      []string // of Vary
}

// judge applies RFC 9111 section 3 to a response whose header is about to be
// sent, and refuses whatever may be one person's. asked is when its handler
// began to run.
func (v *View) judge(r *http.Request, status int, h http.Header, asked, now time.Time) (out verdict) {
	c := v.cache
	cc, targeted := directivesOf(h, c.targets)
	life, explicit := lifetime(h, &cc, targeted, now)
	names, ok := parseVary(h["Vary"])
	_, cookies := h["Set-Cookie"]
	_, credentials := r.Header["Authorization"]
	_, visitor := r.Header["Cookie"]

	out.names = names
	out.age = initialAge(h, asked, now)
	out.lifetime = life
	switch {
	case v.hasTTL && (!explicit || v.ttl < life):
		out.lifetime = max(0, v.ttl)
	case !explicit && !cc.noCache && (cc.public || !visitor):
		// Nobody said how long; not guessed of what a cookie may have made.
		out.lifetime, explicit = heuristic(status, h, &cc, c.heuristic, now)
		explicit = explicit && out.lifetime > 0
	}
	out.whileStale, out.ifError = cc.whileRevalidate.d, cc.ifError.d
	out.flags = flagsOf(&cc)
	out.keep = v.keep(&out, h)
	understood := http.StatusText(status) != "" // RFC 9111 section 5.2.2.3
	switch {
	case status == http.StatusNotModified:
		out.why = whyCondition
	case !v.storableStatus(status, explicit):
		out.why = whyStatus
	case cc.mustUnderstand && !understood:
		out.why = whyStatus
	case cc.noStore && !cc.mustUnderstand:
		out.why = whyNoStore
	case cc.private:
		out.why = whyPrivate
	case cookies && c.cookies == RefuseSetCookie:
		out.why = whySetCookie
	case credentials && !out.has(flagShared):
		out.why = whyAuthorization
	case !ok || len(names) > maxVary:
		out.why = whyVary
	case isEventStream(h):
		out.why = whyStream
	case v.hasTTL && v.ttl <= 0:
		out.why = whyNoTTL
	case !explicit && !v.hasTTL && !cc.noCache:
		out.why = whyNoFreshness
	case out.keep <= 0 && cc.noCache:
		out.why = whyNoCache
	case out.keep <= 0 && out.lifetime <= out.age:
		out.why = whyStale
	}
	return out
}

// forOthers reports whether who waits for the response can use it unasked.
func (out *verdict) forOthers() bool { return !out.has(flagValidate) && out.lifetime > out.age }

// flagsOf is what a response's directives say of its later use.
func flagsOf(cc *directives) (f flags) {
	if cc.public || cc.sMaxAge.set || cc.mustRevalidate {
		f |= flagShared
	}
	if cc.noCache {
		f |= flagValidate
	}
	if cc.noStale {
		f |= flagNoStale
	}
	if cc.sMaxAge.set {
		f |= flagSMaxAge
	}
	return f
}

func (out *verdict) has(f flags) bool { return out.flags&f != 0 }

// keep is how long a response is of use after it is no longer fresh.
func (v *View) keep(out *verdict, h http.Header) (d time.Duration) {
	if !out.has(flagNoStale | flagValidate) {
		d = max(out.whileStale, out.ifError)
	}
	_, tagged := h["Etag"]
	if tagged || !lastModified(h).IsZero() || !v.hasTTL && !out.has(flagNoStale|flagValidate|flagSMaxAge) {
		d = max(d, v.cache.keep)
	}
	return d
}

// storableStatus: any final one to which the response gives a lifetime. Within
// a view, whose header may have been set before its handler failed, only the
// page itself, its lasting redirect or its absence.
func (v *View) storableStatus(status int, explicit bool) bool {
	if status == http.StatusOK || status == http.StatusPartialContent {
		return true
	}
	if !v.hasTTL {
		return true
	}
	switch status {
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
	case out.why == whyCondition:
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
		out.flags |= flagAnnounced
	}
	setMaxAge(h, ttl)
}

// setMaxAge replaces max-age, or adds it, and keeps the other directives as
// they were written.
func setMaxAge(h http.Header, d time.Duration) {
	out := withoutMaxAge(h["Cache-Control"])
	out = append(out, "max-age="+strconv.FormatInt(int64(d/time.Second), 10))
	h["Cache-Control"] = []string{strings.Join(out, ", ")}
}

// conditions are the request fields that make a conditional request or one for
// a part.
var conditions = [...]string{"If-None-Match", "If-Modified-Since", "Range", "If-Match", "If-Unmodified-Since"}

// preconditioned: the origin's state decides, which only the handler knows.
func preconditioned(h http.Header) bool {
	_, match := h["If-Match"]
	_, since := h["If-Unmodified-Since"]
	return match || since
}

func conditional(h http.Header) bool {
	return slices.ContainsFunc(conditions[:], func(name string) bool { _, ok := h[name]; return ok })
}

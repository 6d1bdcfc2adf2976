package httpcache

import (
	"net/http"
	"strings"
	"time"
)

// lifetime is how long a response says that it is fresh, for a shared cache:
// RFC 9111 section 4.2.1. What cannot be read counts as 0. explicit is false if
// it says nothing. Targeted directives replace Expires as well.
func lifetime(h http.Header, cc *directives, targeted bool, now time.Time) (d time.Duration, explicit bool) {
	switch {
	case cc.sMaxAge.set:
		return cc.sMaxAge.d, true
	case cc.maxAge.set:
		return cc.maxAge.d, true
	}
	lines, ok := h["Expires"]
	if !ok || len(lines) == 0 || targeted {
		return 0, false
	}
	if len(lines) != 1 {
		return 0, true
	}
	expires, ok := parseDate(lines[0])
	if !ok {
		return 0, true
	}
	return min(max(0, expires.Sub(dateOf(h, now))), maxLifetime), true
}

// heuristic is the lifetime of a response that says nothing of it: a tenth of
// the time since its last change, RFC 9111 section 4.2.2.
func heuristic(status int, h http.Header, cc *directives, most time.Duration, now time.Time) (d time.Duration, ok bool) {
	if !cc.public && !heuristicStatus(status) {
		return 0, false
	}
	modified := lastModified(h)
	date := dateOf(h, now)
	if modified.IsZero() || !modified.Before(date) {
		return 0, false
	}
	return min(date.Sub(modified)/10, most), true
}

// heuristicStatus: RFC 9110 section 15.1.
func heuristicStatus(status int) bool {
	switch status {
	case http.StatusOK, http.StatusNonAuthoritativeInfo, http.StatusNoContent, http.StatusPartialContent,
		http.StatusMultipleChoices, http.StatusMovedPermanently, http.StatusPermanentRedirect,
		http.StatusNotFound, http.StatusMethodNotAllowed, http.StatusGone, http.StatusRequestURITooLong,
		http.StatusNotImplemented:
		return true
	}
	return false
}

// lastModified is the response's Last-Modified, or zero without a readable one.
func lastModified(h http.Header) time.Time {
	if lines := h["Last-Modified"]; len(lines) == 1 {
		if t, ok := parseDate(lines[0]); ok {
			return t
		}
	}
	return time.Time{}
}

// dateOf is the response's Date, or now without a readable one.
func dateOf(h http.Header, now time.Time) time.Time {
	if lines := h["Date"]; len(lines) == 1 {
		if t, ok := parseDate(lines[0]); ok {
			return t
		}
	}
	return now
}

// initialAge is how old a response was when we got it: RFC 9111 section 4.2.3.
// asked is when its handler began to run. How long that took counts only for a
// response that has been elsewhere, as Age or Date show: one made here is new
// when it is ready.
func initialAge(h http.Header, asked, now time.Time) time.Duration {
	age, hasAge := parseAge(h["Age"])
	_, hasDate := h["Date"]
	if !hasAge && !hasDate {
		return 0
	}
	return min(max(0, now.Sub(dateOf(h, now)), age+now.Sub(asked)), maxLifetime)
}

// parseAge reads the first member of the first line, and ignores what is no
// number: RFC 9111 section 5.1.
func parseAge(lines []string) (time.Duration, bool) {
	if len(lines) == 0 {
		return 0, false
	}
	first, _, _ := strings.Cut(lines[0], ",")
	return parseDelta(strings.Trim(first, " \t"))
}

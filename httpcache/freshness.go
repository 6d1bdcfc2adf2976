package httpcache

import (
	"net/http"
	"strings"
	"time"
)

// lifetime is how long a response says that it is fresh, for a shared cache:
// RFC 9111 section 4.2.1. What cannot be read counts as 0. explicit is false if
// it says nothing.
func lifetime(h http.Header, cc *directives, now time.Time) (d time.Duration, explicit bool) {
	switch {
	case cc.sMaxAge.set:
		return cc.sMaxAge.d, true
	case cc.maxAge.set:
		return cc.maxAge.d, true
	}
	lines, ok := h["Expires"]
	if !ok || len(lines) == 0 {
		return 0, false
	}
	expires, ok := parseDate(lines[0])
	if !ok || len(lines) > 1 {
		return 0, true
	}
	return max(0, expires.Sub(dateOf(h, now))), true
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
	return max(0, now.Sub(dateOf(h, now)), age+now.Sub(asked))
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

// The forms of RFC 9110 section 5.6.7, each with the length of what it may
// read; that of RFC 850 differs with the weekday.
const (
	imfDate     = "Mon, 02 Jan 2006 15:04:05 GMT"
	rfc850Date  = "Monday, 02-Jan-06 15:04:05 GMT"
	asctimeDate = "Mon Jan _2 15:04:05 2006"
)

// parseDate reads an HTTP-date in one of its three forms, in any case of
// letters and with no other liberty: what time.Parse also takes (single digits,
// more blanks, other zones) means that somebody's date cannot be trusted.
func parseDate(s string) (time.Time, bool) {
	// Layouts match "GMT" by the letter.
	fixed := s
	if n := len(s) - len("GMT"); n > 0 && strings.EqualFold(s[n:], "GMT") {
		fixed = s[:n] + "GMT"
	}
	for _, layout := range [...]string{imfDate, rfc850Date, asctimeDate} {
		t, err := time.Parse(layout, fixed)
		if err != nil {
			continue
		}
		written := t.Format(layout)
		if !strings.EqualFold(afterDay(written), afterDay(fixed)) {
			return time.Time{}, false
		}
		if layout == rfc850Date && time.Until(t) > 50*365*24*time.Hour {
			t = t.AddDate(-100, 0, 0) // two digits more than 50 years ahead are in the past
		}
		return t.UTC(), true
	}
	return time.Time{}, false
}

// afterDay leaves out the weekday, which may be wrong.
func afterDay(s string) string {
	if i := strings.IndexByte(s, ' '); i >= 0 {
		return s[i:]
	}
	return s
}

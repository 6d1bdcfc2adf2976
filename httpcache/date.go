package httpcache

import (
	"strings"
	"time"
)

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

package httpcache

import (
	"net/http"
	"slices"
	"testing"
	"time"
)

func TestParseDirectives(t *testing.T) {
	t.Parallel()
	sec := func(n int) seconds { return seconds{true, time.Duration(n) * time.Second} }
	for _, tt := range []struct {
		name  string
		lines []string
		want  directives
	}{
		{"nothing", nil, directives{}},
		{"several lines", []string{"public", "max-age=5"}, directives{public: true, maxAge: sec(5)}},
		{"case and blanks", []string{" \tPUBLIC ,, Max-Age=5\t,"}, directives{public: true, maxAge: sec(5)}},
		{"quoted argument", []string{`max-age="5"`}, directives{maxAge: sec(5)}},
		{"leading zeros", []string{"max-age=0005"}, directives{maxAge: sec(5)}},
		{"saturates", []string{"max-age=9223372036854775808"}, directives{maxAge: sec(maxDelta)}},
		{"hidden in a quoted string", []string{`x="a, no-store, \", private"`}, directives{}},
		{"after a quoted string", []string{`x="a, b", private`}, directives{private: true}},
		{"a quote that does not end", []string{`x="a, public`}, directives{noStore: true}},
		{"a quote in the middle", []string{`a b"c, private`}, directives{noStore: true}},
		{"the shortest", []string{"max-age=9, max-age=3", "max-age=5"}, directives{maxAge: sec(3)}},
		{"unreadable is 0", []string{"max-age=9, max-age=x"}, directives{maxAge: sec(0)}},
		{"no argument is 0", []string{"s-maxage"}, directives{sMaxAge: sec(0)}},
		{"single quotes", []string{"max-age='5'"}, directives{maxAge: sec(0)}},
		{"blanks around =", []string{"max-age= 5"}, directives{maxAge: sec(0)}},
		{"refusals count in any form", []string{"no-store=1", "private==x", `no-cache="a"b`}, directives{noStore: true, private: true, noCache: true}},
		{"permissions only in theirs", []string{"public x, must-revalidate;"}, directives{noStale: true}},
		{"RFC5861", []string{"stale-while-revalidate=5, stale-if-error=6"}, directives{whileRevalidate: sec(5), ifError: sec(6)}},
		{"RFC5861 unreadable is 0", []string{"stale-while-revalidate=x, stale-if-error"}, directives{whileRevalidate: sec(0), ifError: sec(0)}},
		{"proxy-revalidate", []string{"proxy-revalidate"}, directives{noStale: true}},
		{"must-understand", []string{"must-understand, no-store"}, directives{mustUnderstand: true, noStore: true}},
		{"bare max-stale", []string{"max-stale"}, directives{maxStale: sec(maxDelta)}},
		{"max-stale", []string{"max-stale=7, max-stale"}, directives{maxStale: sec(7)}},
		{"max-stale unreadable", []string{"max-stale=x"}, directives{maxStale: sec(0)}},
		{"no name", []string{"=5, ;public"}, directives{}},
		{"the greatest min-fresh", []string{"min-fresh=5, min-fresh=9, min-fresh=x"}, directives{minFresh: sec(9)}},
		{"only-if-cached", []string{"Only-If-Cached"}, directives{onlyIfCached: true}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := parseDirectives(tt.lines); got != tt.want {
				t.Errorf("%q: got %+v, want %+v", tt.lines, got, tt.want)
			}
		})
	}
}

func TestParseDate(t *testing.T) {
	t.Parallel()
	want := time.Date(1994, 11, 6, 8, 49, 37, 0, time.UTC)
	for s, ok := range map[string]bool{
		"Sun, 06 Nov 1994 08:49:37 GMT":     true,
		"Sunday, 06-Nov-94 08:49:37 GMT":    true,
		"Sun Nov  6 08:49:37 1994":          true,
		"sun, 06 nov 1994 08:49:37 gmt":     true,
		"SUN, 06 NOV 1994 08:49:37 GMT":     true,
		"Sun, 06 Nov 1994 08:49:37 UTC":     false,
		"Sun, 06 Nov 1994 08:49:37 PST":     false,
		"Sun, 06 Nov 1994 08:49:37 +0000":   false,
		"Sun, 06 Nov 1994 08:49:37":         false,
		"Sun, 06 Nov 94 08:49:37 GMT":       false,
		"Sun 06 Nov 1994 08:49:37 GMT":      false,
		"Sun, 06  Nov 1994 08:49:37 GMT":    false,
		"Sun,  06 Nov 1994 08:49:37 GMT":    false,
		"Sun, 06-Nov-1994 08:49:37 GMT":     false,
		"Sun, 06 Nov 1994 08.49.37 GMT":     false,
		"Sun, 06 Nov 1994 8:49:37 GMT":      false,
		"Sun, 6 Nov 1994 08:49:37 GMT":      false,
		"Sun, 06 Nov 1994 08:49:37.000 GMT": false,
		" Sun, 06 Nov 1994 08:49:37 GMT":    false,
		"Sun, 06 Nov 1994 08:49:37 GMT ":    false,
		"0":                                 false,
		"":                                  false,
		"GMT":                               false,
	} {
		got, is := parseDate(s)
		if is != ok || ok && !got.Equal(want) {
			t.Errorf("%q: got %v, %v; want ok to be %v", s, got, is, ok)
		}
	}
}

func TestParseAge(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		lines []string
		want  time.Duration
		ok    bool
	}{
		{nil, 0, false},
		{[]string{"60"}, time.Minute, true},
		{[]string{"60, 0"}, time.Minute, true},
		{[]string{"0", "60"}, 0, true},
		{[]string{" 60 "}, time.Minute, true},
		{[]string{"99999999999999999999"}, maxDelta * time.Second, true},
		{[]string{"-60"}, 0, false},
		{[]string{"6.5"}, 0, false},
		{[]string{"60;a=b"}, 0, false},
		{[]string{""}, 0, false},
	} {
		if got, ok := parseAge(tt.lines); got != tt.want || ok != tt.ok {
			t.Errorf("%q: got %v, %v, want %v, %v", tt.lines, got, ok, tt.want, tt.ok)
		}
	}
}

func TestParseVary(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		lines []string
		want  []string
		ok    bool
	}{
		{nil, nil, true},
		{[]string{""}, nil, true},
		{[]string{"cookie, ACCEPT ", "\tcookie,,"}, []string{"Accept", "Cookie"}, true},
		{[]string{"Accept", " * "}, nil, false},
		{[]string{"Accept,*"}, nil, false},
		{[]string{"Accept Cookie"}, nil, false},
		{[]string{"Accept\r\nX: y"}, nil, false},
	} {
		if got, ok := parseVary(tt.lines); ok != tt.ok || !slices.Equal(got, tt.want) {
			t.Errorf("%q: got %q, %v, want %q, %v", tt.lines, got, ok, tt.want, tt.ok)
		}
	}
}

// TestInitialAge: RFC 9111 section 4.2.3.
func TestInitialAge(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	asked := now.Add(-3 * time.Second)
	date := func(ago time.Duration) string { return now.Add(-ago).Format(http.TimeFormat) }
	for _, tt := range []struct {
		name   string
		header http.Header
		want   time.Duration
	}{
		{"made here", http.Header{}, 0},
		{"Age and the time it took", http.Header{"Age": {"10"}}, 13 * time.Second},
		{"Date is older", http.Header{"Age": {"10"}, "Date": {date(time.Minute)}}, time.Minute},
		{"Age is older", http.Header{"Age": {"90"}, "Date": {date(time.Minute)}}, 93 * time.Second},
		{"Date in the future", http.Header{"Date": {date(-time.Minute)}}, 3 * time.Second},
		{"Date unreadable", http.Header{"Date": {"now"}}, 3 * time.Second},
	} {
		if got := initialAge(tt.header, asked, now); got != tt.want {
			t.Errorf("%s: got %v, want %v", tt.name, got, tt.want)
		}
	}
}

// TestMiscalledRecords: what the codec is not made for is an error.
func TestMiscalledRecords(t *testing.T) {
	t.Parallel()
	if _, err := (codec{}).Marshal("x"); err == nil {
		t.Error("a string was encoded")
	}
	var s string
	if err := (codec{}).Unmarshal(nil, &s); err == nil {
		t.Error("a string was decoded")
	}
}

func TestHopByHopNamesAreCanonical(t *testing.T) {
	t.Parallel()
	for _, list := range [][]string{hopByHop[:], conditions[:]} {
		for _, name := range list {
			if got := http.CanonicalHeaderKey(name); got != name {
				t.Errorf("%s is canonically %s", name, got)
			}
		}
	}
}

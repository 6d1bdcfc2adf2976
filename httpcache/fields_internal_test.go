package httpcache

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestParseTargeted(t *testing.T) {
	t.Parallel()
	sec := func(n int) seconds { return seconds{true, time.Duration(n) * time.Second} }
	for _, tt := range []struct {
		name  string
		lines []string
		want  directives
		ok    bool
	}{
		{"RFC9213-2.1", []string{"max-age=60, must-revalidate"}, directives{maxAge: sec(60), noStale: true, mustRevalidate: true}, true},
		{"RFC8941-4.2 two lines", []string{"max-age=60", "private"}, directives{maxAge: sec(60), private: true}, true},
		{"RFC8941-3.2 the last counts", []string{"max-age=60, max-age=5"}, directives{maxAge: sec(5)}, true},
		{"negative is 0", []string{"max-age=-5"}, directives{maxAge: sec(0)}, true},
		{"saturates", []string{"max-age=999999999999999"}, directives{maxAge: sec(maxDelta)}, true},
		{"a refusal counts in any form", []string{"no-store=1, private=?0"}, directives{noStore: true, private: true}, true},
		{"a permission only if true", []string{"public=?0"}, directives{}, true},
		{"RFC5861", []string{"stale-while-revalidate=5, stale-if-error=6"}, directives{whileRevalidate: sec(5), ifError: sec(6)}, true},
		{"empty", []string{""}, directives{}, false},
		{"absent", nil, directives{}, false},
		{"a type", []string{"max-age=a"}, directives{}, false},
		{"a boolean lifetime", []string{"max-age"}, directives{}, false},
	} {
		if got, ok := parseTargeted(tt.lines); got != tt.want || ok != tt.ok {
			t.Errorf("%s: %q: got %+v, %v, want %+v, %v", tt.name, tt.lines, got, ok, tt.want, tt.ok)
		}
	}
}

// TestStructuredFields: RFC 8941 section 4.2.
func TestStructuredFields(t *testing.T) {
	t.Parallel()
	for s, ok := range map[string]bool{
		"a": true, "a=1": true, "a=-1": true, "a=1.5": true, "a=1.": false, "a=.5": false, "a=1.2345": false, "a=1234567890123456": false,
		"a=123456789012345": true, "a=1234567890123.1": false, "a=--1": false, "a=-": false,
		`a="b"`: true, `a="b\"c\\"`: true, `a="b`: false, `a="\n"`: false, "a=\"\x01\"": false, "a=\"\xc3\xa9\"": false,
		"a=b": true, "a=*b/c:d": true, "a=B": true, "a=é": false, "a=": false,
		"a=:aGk=:": true, "a=:a!:": false, "a=:aGk=": false,
		"a=?1": true, "a=?0": true, "a=?2": false, "a=?": false,
		"a=()": true, "a=(1 2)": true, "a=( 1  2 )": true, "a=(1,2)": false, "a=(1": false, "a=(1 2);x": true, "a=(1;y 2)": true,
		"a;x;y=1": true, "a=1;x": true, "a=1; x": true, "a=1 ;x": false, "a=1;": false, "a=1;X": false,
		"a,b": true, "a , b": true, "a\t,\tb": true, "a,": false, ",a": false, "a,,b": false, "a b": false,
		"A": false, "1a": false, "*a": true, "a-b_c.d*e": true, "a=1b": false, "  a": true, "a  ": true, "\ta": false,
	} {
		if _, got := parseDictionary([]string{s}); got != ok {
			t.Errorf("%q: got %v, want %v", s, got, ok)
		}
	}
	list, ok := parseList([]string{`"a", b;x`, `("c"), 1`})
	if !ok || len(list) != 4 || list[0].value.text != "a" || list[1].value.kind != sfToken || list[2].value.kind != sfInner {
		t.Errorf("got %+v, %v", list, ok)
	}
}

func TestGroups(t *testing.T) {
	t.Parallel()
	many := strings.Repeat(`"x", `, maxGroups) + `"y"`
	for _, tt := range []struct {
		lines []string
		want  int
	}{
		{nil, 0},
		{[]string{""}, 0},
		{[]string{`"a", "b"`}, 2},
		{[]string{`"a"`, `"b";x`}, 2},
		{[]string{`"a", b, 1`}, 1},
		{[]string{`"a", `}, 0},
		{[]string{`"a" "b"`}, 0},
		{[]string{many}, maxGroups},
	} {
		if got := groupsOf(tt.lines); len(got) != tt.want {
			t.Errorf("RFC9875-2 %q: got %q, want %d", tt.lines, got, tt.want)
		}
	}
}

// TestContentRange: RFC 9110 section 14.4.
func TestContentRange(t *testing.T) {
	t.Parallel()
	for s, want := range map[string][3]int64{
		"bytes 0-4/10": {0, 4, 10}, "bytes 9-9/10": {9, 9, 10}, "bytes 0-4/*": {0, 4, -1},
	} {
		first, last, total, ok := contentRange([]string{s})
		if got := [3]int64{first, last, total}; !ok || got != want {
			t.Errorf("%q: got %v, %v, want %v", s, got, ok, want)
		}
	}
	for _, s := range []string{
		"", "bytes", "bytes */10", "bytes 4-0/10", "bytes 0-10/10", "bytes 0-4", "bytes 0-4/", "bytes -4/10", "bytes 0-/10", "Bytes 0-4/10",
		"bytes  0-4/10", "bytes 0 -4/10", "bytes +0-4/10", "bytes 0-4/0x10", "bytes 0-9999999999999999999/*", "lines 0-4/10", "bytes 0-1,3-4/10",
	} {
		if _, _, _, ok := contentRange([]string{s}); ok {
			t.Errorf("%q was taken", s)
		}
	}
	if _, _, _, ok := contentRange([]string{"bytes 0-4/10", "bytes 0-4/10"}); ok {
		t.Error("two lines were taken")
	}
}

// TestOneRange: RFC 9110 section 14.1.2.
func TestOneRange(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		spec        string
		total       int64
		first, last int64
		ok          bool
	}{
		{"bytes=0-4", 10, 0, 4, true},
		{"bytes=5-", 10, 5, 9, true},
		{"bytes=-3", 10, 7, 9, true},
		{"bytes=-30", 10, 0, 9, true},
		{"bytes=8-99", 10, 8, 9, true},
		{"BYTES=0-4", 10, 0, 4, true},
		{"bytes= 0-4 ", 10, 0, 4, true},
		{"bytes=0-4", -1, 0, 4, true},
		{"bytes=-3", -1, 0, 0, false},
		{"bytes=5-", -1, 0, 0, false},
		{"bytes=10-", 10, 0, 0, false},
		{"bytes=-0", 10, 0, 0, false},
		{"bytes=4-0", 10, 0, 0, false},
		{"bytes=0-1,3-4", 10, 0, 0, false},
		{"bytes=a-b", 10, 0, 0, false},
		{"lines=0-1", 10, 0, 0, false},
		{"bytes=", 10, 0, 0, false},
		{"bytes=-", 10, 0, 0, false},
		{"", 10, 0, 0, false},
	} {
		first, last, ok := oneRange([]string{tt.spec}, tt.total)
		if ok != tt.ok || ok && (first != tt.first || last != tt.last) {
			t.Errorf("%q of %d: got %d-%d, %v, want %d-%d, %v", tt.spec, tt.total, first, last, ok, tt.first, tt.last, tt.ok)
		}
	}
}

func TestStrongTag(t *testing.T) {
	t.Parallel()
	for tag, want := range map[string]bool{
		`"a"`: true, `""`: true, `W/"a"`: false, `a`: false, `"a`: false, `"a"b"`: false, "\"a b\"": false, "": false, `"`: false,
	} {
		if got := isStrongTag(tag); got != want {
			t.Errorf("%q: got %v, want %v", tag, got, want)
		}
	}
}

// TestCanonical: what means the same is the same, and nothing else.
func TestCanonical(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, in, want string }{
		{"Accept-Language", "en-GB , DE ;q=0.5", "en-gb,de;q=0.5"},
		{"Accept-Encoding", "\tGzip,  br ", "gzip,br"},
		{"Accept-Encoding", "a b", "a b"},
		{"Accept", "text/html, A/b; q=1", "text/html,A/b;q=1"},
		{"Accept", `a/b; x="1, 2"`, `a/b; x="1, 2"`},
		{"Cookie", "a=B; c=d", "a=B; c=d"},
		{"X-A", " A , b\t,c  d ", "A,b,c  d"},
		{"X-A", `"a, b"`, `"a, b"`},
		{"User-Agent", "a, b", "a, b"},
	} {
		if got := canonical(tt.name, tt.in); got != tt.want {
			t.Errorf("%s %q: got %q, want %q", tt.name, tt.in, got, tt.want)
		}
	}
}

func TestFilterQuery(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		ignore   []string
		sort     bool
		in, want string
	}{
		{nil, false, "b=1&a=2&", "b=1&a=2&"},
		{[]string{"utm_*", "fbclid"}, false, "b=1&utm_source=x&fbclid&a=2&utm_=&xutm_a=1&fbclid2=3", "b=1&a=2&xutm_a=1&fbclid2=3"},
		{[]string{"utm_*"}, false, "utm_a=1", ""},
		{[]string{"a"}, false, "%61=1&A=2", "%61=1&A=2"},
		{nil, true, "b=2&a=1&b=1", "a=1&b=2&b=1"},
		{nil, true, "", ""},
	} {
		c := &Cache{ignoreQuery: tt.ignore, sortQuery: tt.sort}
		if got := c.filterQuery(tt.in); got != tt.want {
			t.Errorf("%q, %v of %q: got %q, want %q", tt.ignore, tt.sort, tt.in, got, tt.want)
		}
	}
}

func TestSurvives(t *testing.T) {
	t.Parallel()
	now := time.Unix(1_700_000_000, 0)
	p := &page{received: now.Add(-20 * time.Second).UnixNano(), lifetime: 10 * time.Second, ifError: 10 * time.Second}
	r := &http.Request{Method: http.MethodGet}
	d := new(demands)
	for _, tt := range []struct {
		failure failure
		at      time.Duration
		want    bool
	}{
		{noFailure, 0, false}, {failed, 0, true}, {failed, time.Second, false}, {unreachable, time.Hour, true},
	} {
		if got := d.survives(p, r, tt.failure, now.Add(tt.at)); got != tt.want {
			t.Errorf("failure %d after %v: got %v, want %v", tt.failure, tt.at, got, tt.want)
		}
	}
	if d.survives(nil, r, failed, now) {
		t.Error("no page survives")
	}
}

func FuzzStructuredField(f *testing.F) {
	for _, s := range []string{"max-age=60", `a="b", c=(1 2);x`, `"a", "b"`, "a=?1, b=:aGk=:", "a=1.5;x=y"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		members, ok := parseDictionary([]string{s})
		if ok && len(members) > len(s) {
			t.Errorf("%q has %d members", s, len(members))
		}
		if again, ok2 := parseDictionary([]string{s + ", zz=1"}); ok && strings.Trim(s, " ") != "" && !strings.HasSuffix(s, "\t") {
			if !ok2 || len(again) != len(members)+1 || !slices.Equal(again[:len(members)], members) {
				t.Errorf("%q: %+v, with one more %+v, %v", s, members, again, ok2)
			}
		}
		if _, ok2 := parseDictionary([]string{s + ","}); ok2 {
			t.Errorf("%q with a comma at the end was taken", s)
		}
		for _, g := range groupsOf([]string{s}) {
			if strings.ContainsFunc(g, func(r rune) bool { return r < ' ' || r > '~' }) {
				t.Errorf("%q: group %q", s, g)
			}
		}
		parseTargeted([]string{s})
	})
}

func FuzzRange(f *testing.F) {
	f.Add("bytes=0-4", "bytes 0-4/10", int64(10))
	f.Add("bytes=-4", "bytes 4-9/*", int64(-1))
	f.Add("bytes=-1", "bytes 4-9/*", int64(0))
	f.Fuzz(func(t *testing.T, ask, have string, total int64) {
		total = max(total, -1)
		if first, last, ok := oneRange([]string{ask}, total); ok && (first < 0 || last < first || total >= 0 && last >= total) {
			t.Errorf("%q of %d: %d-%d", ask, total, first, last)
		}
		first, last, whole, ok := contentRange([]string{have})
		if ok && (first < 0 || last < first || whole >= 0 && last >= whole) {
			t.Errorf("%q: %d-%d of %d", have, first, last, whole)
		}
		if !ok || last-first > 1000 {
			return
		}
		p := &page{kind: part, first: first, total: whole, body: make([]byte, last-first+1)}
		r := &http.Request{Method: http.MethodGet, Header: http.Header{"Range": {ask}}}
		if from, to, ok := p.covers(r); ok && (from < 0 || to <= from || to > int64(len(p.body))) {
			t.Errorf("%q out of %q: [%d, %d)", ask, have, from, to)
		}
	})
}

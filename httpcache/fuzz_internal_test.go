package httpcache

import (
	"bytes"
	"net/http"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"time"
)

func FuzzCacheControl(f *testing.F) {
	for _, s := range []string{"", "max-age=5", `x="a, no-store"`, `x="\`, "private=\"a\nmax-age=1, ,", "no-store", `max-age"`} {
		f.Add(s, "max-age=60")
	}
	f.Fuzz(func(t *testing.T, a, b string) {
		joined := parseDirectives([]string{a, b})
		one, two := parseDirectives([]string{a}), parseDirectives([]string{b})
		if (one.noStore || two.noStore) && !joined.noStore || (one.private || two.private) && !joined.private {
			t.Errorf("%q and %q: a refusal was lost", a, b)
		}
		if one.maxAge.set && (!joined.maxAge.set || joined.maxAge.d > one.maxAge.d) {
			t.Errorf("%q and %q: max-age grew from %v to %v", a, b, one.maxAge, joined.maxAge)
		}
		for m := range members([]string{a}) {
			if m.raw == "" || !strings.Contains(a, m.raw) {
				t.Errorf("%q: member %q", a, m.raw)
			}
		}
		h := http.Header{"Cache-Control": {a}}
		setMaxAge(h, 7*time.Second)
		if got := parseDirectives(h["Cache-Control"]); !got.noStore && got.maxAge.d != 7*time.Second {
			t.Errorf("%q: max-age=7 became %q", a, h["Cache-Control"])
		}
		if one.noStore && !parseDirectives(h["Cache-Control"]).noStore {
			t.Errorf("%q: %q lost no-store", a, h["Cache-Control"])
		}
	})
}

func FuzzVary(f *testing.F) {
	f.Add("Accept, *", "a", "b")
	f.Add("A,B", "ab", "")
	f.Fuzz(func(t *testing.T, line, one, two string) {
		names, ok := parseVary([]string{line})
		if strings.Trim(line, " \t") == "*" && ok {
			t.Errorf("%q is a list of names", line)
		}
		if !ok || len(names) == 0 {
			return
		}
		with := func(v ...string) string {
			return new(Cache).variant("", names, &http.Request{Host: "h", Header: http.Header{names[0]: v}})
		}
		if names[0] == "Host" {
			return
		}
		absent := new(Cache).variant("", names, &http.Request{Host: "h", Header: http.Header{}})
		same := canonical(names[0], one) == canonical(names[0], two)
		if with(one) == absent || with("") == absent || (with(one) == with(two)) != same {
			t.Errorf("%q: %q and %q meet", names, one, two)
		}
	})
}

func FuzzKey(f *testing.F) {
	f.Add("a.example", "/x", "q=1", "b.example", "/x", "q=1")
	f.Add("a", "/1:x", "", "a", "/1", ":x")
	f.Fuzz(func(t *testing.T, host1, path1, query1, host2, path2, query2 string) {
		key := func(host, path, query string) string {
			return new(Cache).keyOf(&http.Request{Method: http.MethodGet, Host: host, URL: &url.URL{Path: path, RawQuery: query}})
		}
		same := lower(host1) == lower(host2) && query1 == query2 &&
			(&url.URL{Path: path1}).EscapedPath() == (&url.URL{Path: path2}).EscapedPath()
		if (key(host1, path1, query1) == key(host2, path2, query2)) != same {
			t.Errorf("%q %q %q and %q %q %q: same is %v", host1, path1, query1, host2, path2, query2, same)
		}
	})
}

// lower works on bytes: a host need not be UTF-8.
func lower(s string) string {
	b := []byte(s)
	for i, c := range b {
		if 'A' <= c && c <= 'Z' {
			b[i] += 'a' - 'A'
		}
	}
	return string(b)
}

func FuzzDate(f *testing.F) {
	for _, s := range []string{imfDate, rfc850Date, asctimeDate, "Sun, 06 Nov 1994 08:49:37 gmt"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if d, ok := parseDate(s); ok {
			if again, ok := parseDate(d.Format(http.TimeFormat)); d.Year() > 0 && d.Year() < 10000 && (!ok || !again.Equal(d)) {
				t.Errorf("%q is %v, and written again %v", s, d, again)
			}
		}
	})
}

func sampleRecords() []*record {
	p := &page{
		status: 200, received: 1_700_000_000_000_000_000, age: time.Second, lifetime: time.Minute, flags: flagShared | flagValidate,
		whileStale: time.Hour, ifError: time.Second, tags: []string{"a", "b"},
	}
	p.add("Content-Type", "text/plain")
	p.add("Last-Modified", "Sun, 06 Nov 1994 08:49:37 GMT")
	p.add("X-A", "1", "", "2")
	p.add("X-None")
	p.finish([]byte("the body"), true)
	slice := &page{status: 206, kind: part, first: 4, total: 10, fields: []field{}, values: []string{}, body: []byte("4567")}
	slice.derive()
	headed := &page{status: 200, kind: head, total: -1, fields: []field{}, values: []string{}, body: []byte{}}
	headed.derive()
	empty := &page{status: 404, fields: []field{}, values: []string{}, body: []byte{}}
	empty.derive()
	zipped := &page{status: 200, fields: []field{}, values: []string{}}
	zipped.add("Content-Type", "text/plain")
	zipped.body = bytes.Repeat([]byte("zipped "), 100)
	newZipper(&Compression{MinSize: 1}).zip(zipped, nil)
	return []*record{
		{generation: 7, page: p},
		{page: zipped},
		{page: slice},
		{page: headed},
		{generation: 9, others: []uint64{1, 1 << 63}, page: empty},
		{generation: 1 << 63, names: []string{"Accept", "Cookie"}, variant: "0:6:Accept-6:Cookie1:1:a", page: p},
		{names: []string{"Accept"}},
		{page: empty},
	}
}

func TestRecordRoundTrip(t *testing.T) {
	t.Parallel()
	for i, rec := range sampleRecords() {
		data := rec.encode()
		got, err := decodeRecord(data)
		if err != nil || !reflect.DeepEqual(got, rec) {
			t.Errorf("record %d: got %+v, %v, want %+v", i, got, err, rec)
		}
		for n := range data[:len(data)-bodyLen(rec)] {
			if _, err := decodeRecord(data[:n]); err == nil {
				t.Errorf("record %d: the first %d bytes were taken", i, n)
			}
		}
		newer := append([]byte{version + 1}, data[1:]...)
		if _, err := decodeRecord(newer); err == nil {
			t.Errorf("record %d: a newer format was taken", i)
		}
	}
}

func bodyLen(rec *record) int {
	if rec.page == nil {
		return 0
	}
	return len(rec.page.body)
}

func FuzzStoredResponse(f *testing.F) {
	for _, rec := range sampleRecords() {
		f.Add(rec.encode())
	}
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, data []byte) {
		rec, err := decodeRecord(data)
		if err != nil {
			return
		}
		if p := rec.page; p != nil {
			held := cap(p.body) + 32*cap(p.fields) + 16*cap(p.values)
			if held > 40*len(data)+64 {
				t.Errorf("%d bytes decoded to %d", len(data), held)
			}
			for _, v := range p.values {
				if !isFieldValue(v) {
					t.Errorf("value %q can be replayed", v)
				}
			}
		}
		again, err := decodeRecord(rec.encode())
		if err != nil || !reflect.DeepEqual(again, rec) {
			t.Errorf("written again: %+v, %v, want %+v", again, err, rec)
		}
	})
}

// TestKeyVectors: HTTP-049, HTTP-050. Keys are an on-disk format: a change of
// them empties every cache.
func TestKeyVectors(t *testing.T) {
	t.Parallel()
	for target, want := range map[string]string{
		"http://www.Example.com/cache/test/":        "u4:http15:www.example.com12:/cache/test/0:",
		"http://www.example.com/cache/test/?test=1": "u4:http15:www.example.com12:/cache/test/6:test=1",
		"http://www.example.com/%C3%A9":             "u4:http15:www.example.com7:/%C3%A90:",
	} {
		u, err := url.Parse(target)
		if err != nil {
			t.Fatal(err)
		}
		if got := new(Cache).keyOf(&http.Request{URL: u, Host: u.Host}); got != want {
			t.Errorf("%s: got %q, want %q", target, got, want)
		}
	}
	if got, want := variantKeyOf("u", 1, 2), "v1:u\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x02"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got, want := variantSum("abc"), uint64(0xe71fa2190541574b); got != want {
		t.Errorf("got %x, want %x", got, want)
	}
}

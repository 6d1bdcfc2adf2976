package httpcache_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stratacache/strata/httpcache"
)

func TestCacheControl(t *testing.T) {
	t.Parallel()
	type cc = httpcache.CacheControl
	for _, tt := range []struct {
		name   string
		before []string
		cc     cc
		want   string
	}{
		{"HTTP-090 names and values", nil, cc{Scope: httpcache.Public, MaxAge: time.Minute, SMaxAge: time.Hour, MustRevalidate: true}, "public, max-age=60, s-maxage=3600, must-revalidate"},
		{"RFC5861", nil, cc{StaleWhileRevalidate: time.Minute, StaleIfError: time.Hour}, "stale-while-revalidate=60, stale-if-error=3600"},
		{"HTTP-080 whole seconds", nil, cc{MaxAge: 2500 * time.Millisecond}, "max-age=2"},
		{"a negative age is 0", nil, cc{MaxAge: -1}, "max-age=0"},
		{"HTTP-091, HTTP-092 nothing", nil, cc{}, ""},
		{"HTTP-092 nothing to something", []string{"private"}, cc{}, "private"},
		{"HTTP-094 public removes private", []string{"private, max-age=5"}, cc{Scope: httpcache.Public}, "max-age=5, public"},
		{"HTTP-094 private removes public", []string{"public"}, cc{Scope: httpcache.Private}, "private"},
		{"HTTP-095 fields accumulate", []string{`no-cache="a"`}, cc{NoCacheFields: []string{"b"}}, `no-cache="a, b"`},
		{"HTTP-095 bare takes in all", []string{`no-cache="a"`}, cc{NoCache: true}, "no-cache"},
		{"HTTP-095 bare stays", []string{"no-cache"}, cc{NoCacheFields: []string{"b"}}, "no-cache"},
		{"HTTP-096 a comma in quotes", []string{`x="a, b"`, "max-age=9"}, cc{MaxAge: time.Second}, `x="a, b", max-age=1`},
		{"HTTP-097 lower case", []string{"Max-Age=9, Must-Revalidate"}, cc{Immutable: true}, "max-age=9, must-revalidate, immutable"},
		{"each once", []string{"max-age=9, max-age=8, private, max-age=7"}, cc{MaxAge: time.Second}, "max-age=1, private"},
		{"all others", nil, cc{NoStore: true, ProxyRevalidate: true, MustUnderstand: true, NoTransform: true}, "no-store, proxy-revalidate, must-understand, no-transform"},
	} {
		h := http.Header{}
		if tt.before != nil {
			h["Cache-Control"] = tt.before
		}
		tt.cc.Add(h)
		wantEqual(t, tt.name, strings.Join(h["Cache-Control"], "|"), tt.want)
	}
	h := http.Header{"Cache-Control": {"private"}}
	cc{MaxAge: time.Second}.Set(h)
	wantEqual(t, "Set", h.Get("Cache-Control"), "max-age=1")
	wantEqual(t, "String", cc{NoStore: true}.String(), "no-store")
}

func TestAddVary(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		before []string
		add    []string
		want   string
	}{
		{"HTTP-098 in order", []string{"Accept"}, []string{"Cookie", "X-A"}, "Accept, Cookie, X-A"},
		{"HTTP-098 once", []string{"accept , COOKIE"}, []string{"Cookie", "Accept", "X"}, "accept, COOKIE, X"},
		{"HTTP-099 *", []string{"Accept"}, []string{"*"}, "*"},
		{"HTTP-099 * is there", []string{"*"}, []string{"Accept"}, "*"},
		{"HTTP-100 empty", []string{""}, []string{"A"}, "A"},
		{"two lines", []string{"A", "B"}, []string{"C"}, "A, B, C"},
		{"nothing", nil, nil, ""},
	} {
		h := http.Header{}
		if tt.before != nil {
			h["Vary"] = tt.before
		}
		httpcache.AddVary(h, tt.add...)
		wantEqual(t, tt.name, strings.Join(h["Vary"], "|"), tt.want)
	}
	vary := httpcache.VaryOn("Cookie")(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Vary", "Accept")
		_, _ = io.WriteString(w, "x")
	}))
	wantEqual(t, "HTTP-101", do(vary, request("/")).Header.Get("Vary"), "Accept, Cookie")
}

// TestNeverCache: HTTP-031, HTTP-032, HTTP-088, HTTP-089.
func TestNeverCache(t *testing.T) {
	t.Parallel()
	const never = "max-age=0, no-cache, no-store, must-revalidate, private"
	view := newPages(t, nil).View(time.Minute, nil)
	inner := &origin{header: []string{"Cache-Control", "public, max-age=60"}}
	h := view.Handler(httpcache.NeverCache(inner))
	do(h, request("/"))
	resp := do(h, request("/"))
	wantEqual(t, "HTTP-088", resp.Header.Get("Cache-Control"), never)
	wantEqual(t, "Expires", resp.Header.Get("Expires") != "", true)
	wantEqual(t, "HTTP-031 runs", inner.runs.Load(), 2)

	outer, outer2 := &origin{header: []string{"Expires", longAgo}}, &origin{}
	for range 2 {
		do(httpcache.NeverCache(view.Handler(outer2)), request("/outer2"))
	}
	h = httpcache.NeverCache(view.Handler(outer))
	do(h, request("/outer"))
	resp = do(h, request("/outer"))
	wantEqual(t, "Cache-Control", resp.Header.Get("Cache-Control"), never)
	wantEqual(t, "an Expires of its own", resp.Header.Get("Expires"), longAgo)
	wantEqual(t, "HTTP-032 runs: what is inside of it is cached as ever", outer2.runs.Load(), 1)
	silent := do(httpcache.NeverCache(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})), request("/"))
	wantEqual(t, "of a handler that writes nothing", silent.Header.Get("Cache-Control"), never)
}

func TestCondition(t *testing.T) {
	t.Parallel()
	runs := 0
	at, _ := http.ParseTime(longAgo)
	h := httpcache.Condition{
		ETag:         func(*http.Request) string { return `"v1"` },
		LastModified: func(*http.Request) time.Time { return at },
	}.Handler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		runs++
		_, _ = io.WriteString(w, "page")
	}))
	for _, tt := range []struct {
		method, field, value string
		want, runs           int
	}{
		{"GET", "", "", 200, 1},
		{"GET", "If-None-Match", `"v1"`, 304, 0},
		{"HEAD", "If-None-Match", `W/"v1"`, 304, 0},
		{"GET", "If-None-Match", `"v2"`, 200, 1},
		{"GET", "If-Modified-Since", longAgo, 304, 0},
		{"GET", "If-Match", `"v2"`, 412, 0},
		{"GET", "If-Match", `*`, 200, 1},
		{"GET", "If-Unmodified-Since", "Sat, 05 Nov 1994 08:49:37 GMT", 412, 0},
		{"POST", "If-None-Match", `"v1"`, 200, 1},
	} {
		runs = 0
		r := requestOf(tt.method, "/")
		if tt.field != "" {
			r.Header.Set(tt.field, tt.value)
		}
		resp := do(h, r)
		wantEqual(t, tt.method+" "+tt.field+" "+tt.value, resp.StatusCode, tt.want)
		wantEqual(t, "runs", runs, tt.runs)
		if tt.method == "GET" && tt.want != 412 && resp.Header.Get("Etag") != `"v1"` {
			t.Errorf("Etag %q", resp.Header.Get("Etag"))
		}
	}
	none := httpcache.Condition{}.Handler(&origin{})
	wantEqual(t, "nothing is known", do(none, request("/", "If-None-Match", `"v1"`)).StatusCode, 200)
}

func ExampleCacheControl() {
	w := httptest.NewRecorder()
	httpcache.CacheControl{Scope: httpcache.Public, MaxAge: time.Minute, StaleWhileRevalidate: time.Hour}.Set(w.Header())
	fmt.Println(w.Header().Get("Cache-Control"))
	// Output: public, max-age=60, stale-while-revalidate=3600
}

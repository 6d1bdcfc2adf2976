package httpcache_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stratacache/strata/httpcache"
)

// TestMaxVariants (H45): one URL has so many pages and no more; those that are
// stored stay.
func TestMaxVariants(t *testing.T) {
	t.Parallel()
	o := &origin{header: []string{"Vary", "X-A"}}
	h := newPages(t, &httpcache.Options{MaxVariants: 4}).View(time.Minute, nil).Handler(o)
	ask := func(n int) *http.Response { return do(h, request("/", "X-A", itoa(int64(n)))) }
	for range 2 {
		for n := range 10 {
			ask(n)
		}
	}
	hits := 0
	for n := range 10 {
		if strings.Contains(ask(n).Header.Get("Cache-Status"), "; hit") {
			hits++
		}
	}
	wantEqual(t, "variants stored", hits, 4)
	for n := range 4 {
		wantHit(t, ask(n), true)
	}
	do(h, requestOf(http.MethodPost, "/"))
	wantHit(t, ask(0), false)
	ask(7)
	wantHit(t, ask(7), true)
}

// TestMaxBuffered: what is being kept at one time is bounded; the rest streams.
func TestMaxBuffered(t *testing.T) {
	t.Parallel()
	pages := newPages(t, &httpcache.Options{MaxBuffered: 150})
	view := pages.View(time.Minute, nil)
	body := strings.Repeat("x", 100)
	small := view.Handler(&origin{body: body})
	both := view.Handler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, body)
		wantEqual(t, "the other's body", get(t, small, "/small"), body)
	}))
	wantEqual(t, "body", get(t, both, "/both"), body)
	wantHit(t, do(small, request("/small")), false)
	wantHit(t, do(small, request("/small")), true) // what was counted was given back
	wantHit(t, do(both, request("/both")), true)
}

// TestQuery (HTTP-055): parameters that make no other page.
func TestQuery(t *testing.T) {
	t.Parallel()
	var seen []string
	h := newPages(t, &httpcache.Options{IgnoreQuery: []string{"utm_*", "fbclid"}, SortQuery: true}).View(time.Minute, nil).Handler(
		http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			seen = append(seen, r.URL.RawQuery+" "+r.RequestURI+" "+r.FormValue("utm_source"))
			_, _ = fmt.Fprint(w, len(seen))
		}))
	for _, target := range []string{"/?b=2&utm_source=evil&a=1", "/?a=1&b=2", "/?fbclid=x&b=2&a=1&"} {
		wantEqual(t, target, get(t, h, target), "1")
	}
	wantEqual(t, "another value", get(t, h, "/?a=1&b=3"), "2")
	wantEqual(t, "what the handler saw", strings.Join(seen, "|"), "a=1&b=2 /?a=1&b=2 |a=1&b=3 /?a=1&b=3 ")
	do(h, requestOf(http.MethodPost, "/?b=2&a=1&utm_campaign=y"))
	wantEqual(t, "after a POST, the third run", get(t, h, "/?a=1&b=2"), "4")
}

// TestForwarded (H42): fields by which a client can make a handler believe in
// another URL are in the key, or do not reach a handler whose response is shared.
func TestForwarded(t *testing.T) {
	t.Parallel()
	echo := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, r.Header.Get("X-Forwarded-Proto")+r.Header.Get("X-Original-Url"))
	})
	view := func(o *httpcache.Options) http.Handler { return newPages(t, o).View(time.Minute, nil).Handler(echo) }
	ask := func(h http.Handler, proto string) string {
		return bodyOf(t, do(h, request("/", "X-Forwarded-Proto", proto, "X-Original-Url", "/evil")))
	}
	keyed := view(nil)
	for range 2 {
		wantEqual(t, "keyed", ask(keyed, "https")+" "+ask(keyed, "http")+get(t, keyed, "/"), "https http")
	}
	do(keyed, requestOf(http.MethodPost, "/"))
	wantHit(t, do(keyed, request("/", "X-Forwarded-Proto", "https")), false)
	stripped := view(&httpcache.Options{KeyHeaders: []string{}})
	wantEqual(t, "stripped", ask(stripped, "https")+ask(stripped, "http"), "")
	other := view(&httpcache.Options{KeyHeaders: []string{"x-original-url"}})
	wantEqual(t, "another is keyed", ask(other, "https"), "/evil")
	asIs := view(&httpcache.Options{KeyHeaders: []string{}, StripHeaders: []string{}})
	wantEqual(t, "left as they are", ask(asIs, "https"), "https/evil")
}

// TestCookieAllowList (HTTP-068): a page that varies on Cookie has one copy for
// each value of the cookies that matter, and its handler sees no others.
func TestCookieAllowList(t *testing.T) {
	t.Parallel()
	runs := 0
	h := newPages(t, &httpcache.Options{Normalize: map[string]httpcache.Normalizer{"cookie": httpcache.Cookies("theme", "lang")}}).
		View(time.Minute, nil).Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		runs++
		w.Header().Set("Vary", "Cookie")
		_, _ = fmt.Fprintf(w, "%d %s", runs, r.Header.Get("Cookie"))
	}))
	ask := func(cookie string) string { return bodyOf(t, do(h, request("/", "Cookie", cookie))) }
	for range 2 {
		wantEqual(t, "dark", ask("id=1; theme=dark; lang=de"), "1 theme=dark; lang=de")
		wantEqual(t, "dark, another order", ask("lang=de;theme=dark; id=2"), "1 theme=dark; lang=de")
		wantEqual(t, "light", ask("theme=light"), "2 theme=light")
		wantEqual(t, "none of them", ask("id=3"), "3 ")
		wantEqual(t, "none at all", get(t, h, "/"), "3 ")
	}
}

// TestNormalizers: Accept-Encoding and Accept-Language come down to what is
// offered.
func TestNormalizers(t *testing.T) {
	t.Parallel()
	encodings, languages := httpcache.Encodings("br", "gzip"), httpcache.Languages("en", "de")
	for _, tt := range []struct {
		n        httpcache.Normalizer
		in, want string
	}{
		{encodings, "gzip, deflate, br", "br"},
		{encodings, "GZIP;q=1, br;q=0.5", "gzip"},
		{encodings, "deflate", ""},
		{encodings, "*", "br"},
		{encodings, "br;q=0, *;q=0.1", "gzip"},
		{encodings, "", ""},
		{encodings, "identity, gzip;q=0.5", ""},
		{encodings, "gzip;q=x", ""},
		{languages, "de, en;q=0.9", "de"},
		{languages, "en-GB,en;q=0.7,de;q=0.3", "en"},
		{languages, "fr", ""},
		{languages, "fr, DE;q=0.1", "de"},
		{languages, "den", ""},
	} {
		if got := strings.Join(tt.n([]string{tt.in}), "|"); got != tt.want {
			t.Errorf("%q: got %q, want %q", tt.in, got, tt.want)
		}
	}
}

// TestSetCookiePolicies: refuse, strip or store.
func TestSetCookiePolicies(t *testing.T) {
	t.Parallel()
	for policy, want := range map[httpcache.SetCookiePolicy][2]string{
		httpcache.RefuseSetCookie: {"run 2", "a=b"},
		httpcache.StripSetCookie:  {"run 1", ""},
		httpcache.StoreSetCookie:  {"run 1", "a=b"},
	} {
		h := newPages(t, &httpcache.Options{SetCookie: policy}).View(time.Minute, nil).Handler(&origin{header: []string{"Set-Cookie", "a=b"}})
		first := do(h, request("/"))
		wantEqual(t, "Set-Cookie of the first", first.Header.Get("Set-Cookie"), "a=b")
		second := do(h, request("/"))
		wantEqual(t, "body", bodyOf(t, second), want[0])
		wantEqual(t, "Set-Cookie of the second", second.Header.Get("Set-Cookie"), want[1])
	}
}

package httpcache_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"time"

	"github.com/stratacache/strata/httpcache"
)

// site is a page cache over memory for the examples.
func site(opts *httpcache.Options) (*httpcache.Cache, func()) {
	c := memory()
	pages, err := httpcache.New(c, opts)
	if err != nil {
		log.Fatal(err)
	}
	return pages, func() {
		_ = pages.Close(context.Background())
		_ = c.Close(context.Background())
	}
}

// says answers with a text and a Cache-Control.
func says(text, cc string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if cc != "" {
			w.Header().Set("Cache-Control", cc)
		}
		fmt.Fprint(w, text)
	})
}

// A cache in front of another server.
func ExampleCache_Proxy() {
	pages, done := site(nil)
	defer done()
	origin := httptest.NewServer(says("from afar", "max-age=60"))
	defer origin.Close()
	u, err := url.Parse(origin.URL)
	if err != nil {
		log.Fatal(err)
	}
	front := pages.Proxy(&httputil.ReverseProxy{
		Rewrite:   func(p *httputil.ProxyRequest) { p.SetURL(u) },
		Transport: &http.Transport{DisableCompression: true, DisableKeepAlives: true},
	})
	show(front, "GET", "/a")
	origin.Close()
	w := httptest.NewRecorder()
	front.ServeHTTP(w, httptest.NewRequest("GET", "/a", nil))
	fmt.Println(w.Body)
	// Output:
	// GET /a: "from afar" (Strata; fwd=uri-miss; stored)
	// from afar
}

// A handler of one's own that asks another server says when that is not there.
func ExampleUnreachable() {
	pages, done := site(&httpcache.Options{})
	defer done()
	fetch := func() (string, error) { return "from afar", nil }
	h := pages.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		text, err := fetch()
		if err != nil {
			httpcache.Unreachable(r.Context())
			http.Error(w, "no answer", http.StatusBadGateway)
			return
		}
		w.Header().Set("Cache-Control", "max-age=1")
		w.Header().Set("Age", "1") // stale at once
		w.Header().Set("Etag", `"v1"`)
		fmt.Fprint(w, text)
	}))
	show(h, "GET", "/a")
	fetch = func() (string, error) { return "", errors.New("connection refused") }
	show(h, "GET", "/a")
	// Output:
	// GET /a: "from afar" (Strata; fwd=uri-miss; stored)
	// GET /a: "from afar" (Strata; fwd=stale; fwd-status=502; detail=unreachable)
}

func ExampleCache_Purge() {
	pages, done := site(nil)
	defer done()
	h := pages.View(time.Hour, nil).Handler(says("page", ""))
	show(h, "GET", "http://shop.example/a")
	if err := pages.Purge(context.Background(), "http://shop.example/a"); err != nil {
		log.Fatal(err)
	}
	show(h, "GET", "http://shop.example/a")
	fmt.Println(pages.Purge(context.Background(), "/a"))
	// Output:
	// GET http://shop.example/a: "page" (Strata; fwd=uri-miss; stored)
	// GET http://shop.example/a: "page" (Strata; fwd=uri-miss; stored)
	// httpcache: purge: "/a" is no URL with scheme and host
}

func ExampleCache_PurgePrefix() {
	pages, done := site(&httpcache.Options{PurgeDepth: 2})
	defer done()
	h := pages.View(time.Hour, nil).Handler(says("page", ""))
	show(h, "GET", "http://shop.example/shoes/red")
	if err := pages.PurgePrefix(context.Background(), "http://shop.example/shoes"); err != nil {
		log.Fatal(err)
	}
	show(h, "GET", "http://shop.example/shoes/red")
	// Output:
	// GET http://shop.example/shoes/red: "page" (Strata; fwd=uri-miss; stored)
	// GET http://shop.example/shoes/red: "page" (Strata; fwd=uri-miss; stored)
}

// The group of RFC 9875 is a tag like any other.
func ExampleGroupTag() {
	ctx := context.Background()
	c := memory()
	defer c.Close(ctx)
	pages, err := httpcache.New(c, nil)
	if err != nil {
		log.Fatal(err)
	}
	h := pages.View(time.Hour, nil).Handler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Cache-Groups", `"menu"`)
		fmt.Fprint(w, "page")
	}))
	show(h, "GET", "http://shop.example/")
	if err := c.Invalidate(ctx, httpcache.GroupTag("http://shop.example", "menu")); err != nil {
		log.Fatal(err)
	}
	show(h, "GET", "http://shop.example/")
	// Output:
	// GET http://shop.example/: "page" (Strata; fwd=uri-miss; stored)
	// GET http://shop.example/: "page" (Strata; fwd=uri-miss; stored)
}

func ExampleNeverCache() {
	pages, done := site(&httpcache.Options{DefaultTTL: time.Hour})
	defer done()
	h := pages.Handler(httpcache.NeverCache(says("yours", "")))
	show(h, "GET", "/account")
	show(h, "GET", "/account")
	// Output:
	// GET /account: "yours" (Strata; fwd=uri-miss; detail=no-store)
	// GET /account: "yours" (Strata; fwd=uri-miss; detail=no-store)
}

func ExampleVaryOn() {
	w := httptest.NewRecorder()
	httpcache.VaryOn("Cookie", "Accept-Language")(says("page", "")).ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	fmt.Println(w.Header().Get("Vary"))
	// Output: Cookie, Accept-Language
}

// A page whose version is cheaper to look up than the page is to make.
func ExampleCondition() {
	version := httpcache.Condition{ETag: func(*http.Request) string { return `"7"` }}
	h := version.Handler(says("expensive", ""))
	for _, known := range []string{"", `"7"`} {
		r := httptest.NewRequest("GET", "/", nil)
		if known != "" {
			r.Header.Set("If-None-Match", known)
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		fmt.Println(w.Code, w.Body)
	}
	// Output:
	// 200 expensive
	// 304
}

// Pages in two themes: no other cookie makes another page.
func ExampleCookies() {
	pages, done := site(&httpcache.Options{Normalize: map[string]httpcache.Normalizer{"Cookie": httpcache.Cookies("theme")}})
	defer done()
	h := pages.View(time.Hour, nil).Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Vary", "Cookie")
		fmt.Fprint(w, "with ", r.Header.Get("Cookie"))
	}))
	for _, cookie := range []string{"id=1; theme=dark", "id=2; theme=dark"} {
		r := httptest.NewRequest("GET", "/", nil)
		r.Header.Set("Cookie", cookie)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		fmt.Println(w.Body)
	}
	// Output:
	// with theme=dark
	// with theme=dark
}

func ExampleEncodings() {
	n := httpcache.Encodings("br", "gzip")
	fmt.Println(n([]string{"gzip, deflate, br"}), n([]string{"gzip"}), n([]string{"deflate"}))
	// Output: [br] [gzip] []
}

func ExampleLanguages() {
	n := httpcache.Languages("en", "de")
	fmt.Println(n([]string{"de-AT, en;q=0.5"}), n([]string{"de, en"}), n([]string{"fr"}))
	// Output: [de] [en] []
}

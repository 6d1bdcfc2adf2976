package httpcache_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stratacache/strata/cache"
	"github.com/stratacache/strata/httpcache"
)

const shop = "http://shop.example"

// TestPurge: by URL, prefix, group and tag, and nothing beside what was named.
func TestPurge(t *testing.T) {
	t.Parallel()
	urls := []string{"/", "/a", "/a/", "/a/b", "/a/b?c=1", "/ab", "/a/b/c/d", "/x%2Fy"}
	for _, tt := range []struct {
		name  string
		purge func(ctx context.Context, c *httpcache.Cache) error
		gone  string
	}{
		{"a URL", func(ctx context.Context, c *httpcache.Cache) error { return c.Purge(ctx, shop+"/a/b") }, "/a/b"},
		{"under https", func(ctx context.Context, c *httpcache.Cache) error { return c.Purge(ctx, "https://SHOP.example/a/b") }, "/a/b"},
		{"with a query", func(ctx context.Context, c *httpcache.Cache) error { return c.Purge(ctx, shop+"/a/b?c=1") }, "/a/b?c=1"},
		{"escaped", func(ctx context.Context, c *httpcache.Cache) error { return c.Purge(ctx, shop+"/x%2Fy") }, "/x%2Fy"},
		{"the root", func(ctx context.Context, c *httpcache.Cache) error { return c.Purge(ctx, shop) }, "/"},
		{"another host", func(ctx context.Context, c *httpcache.Cache) error { return c.Purge(ctx, "http://a.example/a") }, ""},
		{"a prefix", func(ctx context.Context, c *httpcache.Cache) error { return c.PurgePrefix(ctx, shop+"/a") }, "/a /a/ /a/b /a/b?c=1 /a/b/c/d"},
		{"a deeper one", func(ctx context.Context, c *httpcache.Cache) error { return c.PurgePrefix(ctx, shop+"/a/b/") }, "/a/b /a/b?c=1 /a/b/c/d"},
		{"a whole host", func(ctx context.Context, c *httpcache.Cache) error { return c.PurgePrefix(ctx, shop) }, strings.Join(urls, " ")},
		{"a group", func(ctx context.Context, c *httpcache.Cache) error { return c.PurgeGroup(ctx, shop, "one") }, "/a"},
		{"a group of another origin", func(ctx context.Context, c *httpcache.Cache) error {
			return c.PurgeGroup(ctx, "http://a.example", "one")
		}, ""},
		{"a tag", func(ctx context.Context, c *httpcache.Cache) error { return c.PurgeTag(ctx, "k2") }, "/ab"},
		{"no tag", func(ctx context.Context, c *httpcache.Cache) error { return c.PurgeTag(ctx, "k") }, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			pages := newPages(t, &httpcache.Options{PurgeDepth: 2, TagHeaders: []string{"Surrogate-Key"}})
			h := pages.View(time.Minute, nil).Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Vary", "X-A")
				switch r.URL.Path {
				case "/a":
					w.Header().Set("Cache-Groups", `"one"`)
				case "/ab":
					w.Header().Set("Surrogate-Key", "k1  k2")
				}
				_, _ = io.WriteString(w, "x")
			}))
			variants := func(u string) []*http.Request { return []*http.Request{request(shop + u), request(shop+u, "X-A", "1")} }
			for _, u := range urls {
				for _, r := range variants(u) {
					do(h, r)
					wantHit(t, do(h, r), true)
				}
			}
			if err := tt.purge(t.Context(), pages); err != nil {
				t.Fatal(err)
			}
			var gone []string
			for _, u := range urls {
				left := 0
				for _, r := range variants(u) {
					if strings.Contains(do(h, r).Header.Get("Cache-Status"), "; hit") {
						left++
					}
				}
				if left == 0 {
					gone = append(gone, u)
				} else if left == 1 {
					t.Errorf("%s: one variant is left", u)
				}
			}
			wantEqual(t, "gone", strings.Join(gone, " "), tt.gone)
		})
	}
}

// TestPurgeOfStripped: a URL that a handler around the cache changed is purged by
// the name that its clients know.
func TestPurgeOfStripped(t *testing.T) {
	t.Parallel()
	pages := newPages(t, &httpcache.Options{PurgeDepth: 1})
	h := http.StripPrefix("/app", pages.View(time.Minute, nil).Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			w.Header().Set("Location", "/app/b")
		}
		_, _ = io.WriteString(w, "x")
	})))
	a, b := request(shop+"/app/a"), request(shop+"/app/b")
	warm := func() {
		t.Helper()
		for _, r := range []*http.Request{a, b} {
			do(h, r)
			wantHit(t, do(h, r), true)
		}
	}
	warm()
	if err := pages.Purge(t.Context(), shop+"/app/a"); err != nil {
		t.Fatal(err)
	}
	wantHit(t, do(h, a), false)
	wantHit(t, do(h, b), true)
	warm()
	if err := pages.PurgePrefix(t.Context(), shop+"/app"); err != nil {
		t.Fatal(err)
	}
	wantHit(t, do(h, a), false)
	wantHit(t, do(h, b), false)
	warm()
	do(h, requestOf(http.MethodPost, shop+"/app/a")) // and by Location
	wantHit(t, do(h, a), false)
	wantHit(t, do(h, b), false)
}

// TestPurgeBeatsFill: what was being made when it was purged is not stored.
func TestPurgeBeatsFill(t *testing.T) {
	t.Parallel()
	for name, purge := range map[string]func(context.Context, *httpcache.Cache) error{
		"URL":    func(ctx context.Context, c *httpcache.Cache) error { return c.Purge(ctx, shop+"/a") },
		"soft":   func(ctx context.Context, c *httpcache.Cache) error { return c.SoftPurge(ctx, shop+"/a") },
		"prefix": func(ctx context.Context, c *httpcache.Cache) error { return c.PurgePrefix(ctx, shop+"/a") },
		"group":  func(ctx context.Context, c *httpcache.Cache) error { return c.PurgeGroup(ctx, shop, "g") },
		"tag":    func(ctx context.Context, c *httpcache.Cache) error { return c.PurgeTag(ctx, "k") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				pages := newPages(t, &httpcache.Options{PurgeDepth: 1, TagHeaders: []string{"Surrogate-Key"}})
				h := pages.View(time.Minute, nil).Handler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
					w.Header().Set("Cache-Groups", `"g"`)
					w.Header().Set("Surrogate-Key", "k")
					time.Sleep(time.Second)
					_, _ = io.WriteString(w, "x")
				}))
				r := request(shop + "/a")
				if name == "soft" { // there is a page to make stale, and its successor on the way
					do(h, r)
					r = request(shop+"/a", "Cache-Control", "no-cache")
				}
				go do(h, r)
				synctest.Wait()
				if err := purge(t.Context(), pages); err != nil {
					t.Fatal(err)
				}
				time.Sleep(2 * time.Second)
				wantHit(t, do(h, request(shop+"/a")), false)
			})
		})
	}
}

// TestPurgeErrors: what cannot be meant, and an outage.
func TestPurgeErrors(t *testing.T) {
	t.Parallel()
	pages := newPages(t, &httpcache.Options{PurgeDepth: 1})
	for _, u := range []string{"", "/a", "shop.example/a", "ftp://shop.example/", "http://[::1"} {
		if pages.Purge(t.Context(), u) == nil || pages.SoftPurge(t.Context(), u) == nil || pages.PurgePrefix(t.Context(), u) == nil {
			t.Errorf("%q was taken", u)
		}
	}
	if err := pages.PurgePrefix(t.Context(), shop+"/a/b"); err == nil || !strings.Contains(err.Error(), "PurgeDepth") {
		t.Errorf("deeper than PurgeDepth: %v", err)
	}
	c := open(t, nil)
	down := over(t, c, nil)
	_ = c.Close(t.Context())
	if err := down.Purge(t.Context(), shop+"/a"); !errors.Is(err, cache.ErrClosed) {
		t.Errorf("got %v, want the outage", err)
	}
}

// TestPurgeHandler: what it takes, and from whom.
func TestPurgeHandler(t *testing.T) {
	t.Parallel()
	pages := newPages(t, &httpcache.Options{PurgeDepth: 1})
	h := pages.View(time.Minute, nil).Handler(&origin{})
	admin := pages.PurgeHandler(func(r *http.Request) bool { return r.Header.Get("Authorization") == "Bearer secret" })
	post := func(h http.Handler, token, form string) int {
		r := httptest.NewRequest(http.MethodPost, "/purge", strings.NewReader(form))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Authorization", token)
		return do(h, r).StatusCode
	}
	const url = "url=http%3A%2F%2Fshop.example%2Fa"
	for _, tt := range []struct {
		token, form string
		want        int
	}{
		{"Bearer wrong", url, 403},
		{"Bearer secret", "", 400},
		{"Bearer secret", "soft=1", 400},
		{"Bearer secret", "url=%2Fa", 400},
		{"Bearer secret", url + "&regex=.*", 400},
		{"Bearer secret", "group=a", 400},
		{"Bearer secret", "soft=1&tag=", 400},
		{"Bearer secret", "soft=1&prefix=http://shop.example/a/b/c", 400},
		{"Bearer secret", "group=a&origin=http://shop.example", 204},
		{"Bearer secret", "prefix=http://shop.example/b&tag=x&" + url + "&url=http://shop.example/c", 204},
		{"Bearer secret", url + "&soft=1", 204},
		{"Bearer secret", "soft=1&prefix=http://shop.example/a", 204},
		{"Bearer secret", url + "&group=a&origin=http://shop.example&soft=1&tag=x&prefix=http://shop.example/b", 204},
	} {
		get(t, h, shop+"/a")
		wantEqual(t, tt.form, post(admin, tt.token, tt.form), tt.want)
		wantHit(t, do(h, request(shop+"/a")), tt.want != 204 || strings.HasPrefix(tt.form, "group"))
	}
	wantEqual(t, "GET", do(admin, request("/purge?"+url, "Authorization", "Bearer secret")).StatusCode, 405)
	wantEqual(t, "without an authorization", post(pages.PurgeHandler(nil), "Bearer secret", url), 403)
	wantEqual(t, "through the application", post(h, "Bearer secret", url), 200)
	wantEqual(t, "PURGE through the application", do(h, requestOf("PURGE", shop+"/other")).StatusCode, 200)
	get(t, h, shop+"/a")
	do(h, request(shop+"/?souin-api=/purge&"+url))
	wantHit(t, do(h, request(shop+"/a")), true)
}

func ExampleCache_PurgeHandler() {
	c := memory()
	defer c.Close(context.Background())
	pages, err := httpcache.New(c, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	site := pages.View(time.Hour, nil).Handler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "page") }))
	// On a listener of its own, which only operators reach.
	admin := pages.PurgeHandler(func(r *http.Request) bool { return r.Header.Get("Authorization") == "Bearer secret" })

	show(site, "GET", shop+"/a")
	r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(url.Values{"url": {shop + "/a"}}.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Authorization", "Bearer secret")
	w := httptest.NewRecorder()
	admin.ServeHTTP(w, r)
	fmt.Println(w.Code)
	show(site, "GET", shop+"/a")
	// Output:
	// GET http://shop.example/a: "page" (Strata; fwd=uri-miss; stored)
	// 204
	// GET http://shop.example/a: "page" (Strata; fwd=uri-miss; stored)
}

package recipes

import (
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stratacache/strata/backends/locmem"
	"github.com/stratacache/strata/cache"
	"github.com/stratacache/strata/cache/driver"
	"github.com/stratacache/strata/httpcache"
)

func open(t *testing.T, store driver.Store) *cache.Client {
	t.Helper()
	client, err := cache.New(store, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close(context.Background()) })
	return client
}

func newPages(t *testing.T, client *cache.Client) *httpcache.Cache {
	t.Helper()
	return pagesWith(t, client, nil)
}

func pagesWith(t *testing.T, client *cache.Client, opts *httpcache.Options) *httpcache.Cache {
	t.Helper()
	pages, err := httpcache.New(client, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = pages.Close(context.Background()) })
	return pages
}

func ask(h http.Handler, r *http.Request) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// check asks twice, and expects the second answer from the store.
func check(t *testing.T, h http.Handler, target, body string) {
	t.Helper()
	for n := range 2 {
		w := ask(h, httptest.NewRequest(http.MethodGet, target, nil))
		status := w.Header().Values("Cache-Status")
		hit := len(status) > 0 && strings.HasPrefix(status[len(status)-1], "Strata; hit")
		if w.Code != http.StatusOK || w.Body.String() != body || hit != (n == 1) {
			t.Errorf("%s, %d: got %d %q, %q", target, n, w.Code, w.Body, status)
		}
	}
}

func TestRouters(t *testing.T) {
	for name, recipe := range map[string]func(*httpcache.Cache) http.Handler{
		"std": Mux, "chi": Chi, "echo": Echo, "gin": Gin, "fiber": Fiber,
	} {
		t.Run(name, func(t *testing.T) {
			client := open(t, locmem.New(nil))
			h := recipe(newPages(t, client))
			check(t, h, "/news", "news")
			check(t, h, "/articles/1", "article 1")
			check(t, h, "/articles/2", "article 2")
			if err := client.Invalidate(t.Context(), "article:1"); err != nil {
				t.Fatal(err)
			}
			check(t, h, "/articles/1", "article 1")
			w := ask(h, httptest.NewRequest(http.MethodGet, "/articles/2", nil))
			if !strings.HasPrefix(w.Header().Get("Cache-Status"), "Strata; hit") {
				t.Error("another article was dropped as well")
			}
			r := httptest.NewRequest(http.MethodGet, "/articles/2", nil)
			r.Header.Set("If-None-Match", w.Header().Get("Etag"))
			if w := ask(h, r); w.Code != http.StatusNotModified {
				t.Errorf("conditional: %d", w.Code)
			}
		})
	}
}

func TestProxy(t *testing.T) {
	origin := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Cache-Control", "max-age=60")
		_, _ = io.WriteString(w, "from afar")
	}))
	defer origin.Close()
	u, err := url.Parse(origin.URL)
	if err != nil {
		t.Fatal(err)
	}
	check(t, Proxy(newPages(t, open(t, locmem.New(nil))), u), "/", "from afar")
}

func TestCompressed(t *testing.T) {
	body := strings.Repeat("compress me ", 1000)
	site := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Cache-Control", "max-age=60")
		w.Header().Set("Content-Type", "text/plain")
		_, _ = io.WriteString(w, body)
	})
	once := &httpcache.Options{Compress: &httpcache.Compression{}}
	for name, h := range map[string]http.Handler{
		"outside":            Compressed(newPages(t, open(t, locmem.New(nil))), site),
		"outside, and once":  Compressed(pagesWith(t, open(t, locmem.New(nil)), once), site),
		"inside":             StoredCompressed(newPages(t, open(t, locmem.New(nil))), site),
		"inside, and no two": StoredCompressed(pagesWith(t, open(t, locmem.New(nil)), once), site),
	} {
		for range 2 {
			r := httptest.NewRequest(http.MethodGet, "/", nil)
			r.Header.Set("Accept-Encoding", "gzip")
			w := ask(h, r)
			if w.Header().Get("Content-Encoding") != "gzip" || w.Body.Len() > len(body)/2 {
				t.Errorf("%s: %q, %d bytes", name, w.Header().Get("Content-Encoding"), w.Body.Len())
			}
			zr, err := gzip.NewReader(w.Body)
			if err != nil {
				t.Fatal(name, err)
			}
			if b, err := io.ReadAll(zr); err != nil || string(b) != body {
				t.Errorf("%s: %d bytes inflated, %v", name, len(b), err)
			}
			if w := ask(h, httptest.NewRequest(http.MethodGet, "/", nil)); w.Body.String() != body {
				t.Errorf("%s: without gzip: %q, %d bytes", name, w.Header().Get("Content-Encoding"), w.Body.Len())
			}
		}
	}
}

// failing is a store that can be told to fail.
type failing struct {
	driver.Store
	down atomic.Bool
}

func (f *failing) Get(ctx context.Context, key driver.Key, hold time.Duration) (driver.Reading, error) {
	if f.down.Load() {
		return driver.Reading{}, errors.New("connection refused")
	}
	return f.Store.Get(ctx, key, hold)
}

func TestSessions(t *testing.T) {
	store := &failing{Store: locmem.New(nil)}
	h, err := Sessions(open(t, store), newPages(t, open(t, locmem.New(nil))))
	if err != nil {
		t.Fatal(err)
	}
	var cookie *http.Cookie
	do := func(method, target string) *httptest.ResponseRecorder {
		r := httptest.NewRequest(method, target, nil)
		if cookie != nil {
			r.AddCookie(cookie)
		}
		w := ask(h, r)
		for _, c := range w.Result().Cookies() {
			cookie = c
		}
		return w
	}
	want := func(body string) {
		t.Helper()
		if w := do(http.MethodGet, "/me"); w.Body.String() != body {
			t.Errorf("got %d %q, want %q", w.Code, w.Body, body)
		}
	}
	want("hello ")
	cookie = &http.Cookie{Name: "session", Value: strings.Repeat("x", 43)}
	do(http.MethodPost, "/login?name=eve")
	if made := cookie.Value; made == strings.Repeat("x", 43) {
		t.Error("SESS-005: a token that the client made up was taken")
	}
	first := cookie
	w := do(http.MethodPost, "/login?name=ada")
	if got := w.Header().Get("Vary"); got != "Cookie" {
		t.Errorf("SESS-023: Vary %q", got)
	}
	want("hello ada")
	second := cookie
	cookie = first
	want("hello ") // SESS-020: renewed, and the old token is none
	cookie = second
	before := fmt.Sprint(cookie)
	store.down.Store(true) // SESS-006: an outage is not a logout
	if w := do(http.MethodGet, "/me"); w.Code != http.StatusInternalServerError || fmt.Sprint(cookie) != before {
		t.Errorf("while the store is down: %d, cookie %v", w.Code, cookie)
	}
	store.down.Store(false)
	want("hello ada")
	check(t, h, "/news", "news")
	old := cookie
	do(http.MethodPost, "/logout")
	cookie = old
	want("hello ") // SESS-019
}

package httpcache_test

import (
	"io"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stratacache/strata/httpcache"
)

// TestNested: a view inside of the site's cache.
func TestNested(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := open(t, nil)
		pages := over(t, c, nil)
		view, plain, parts, foreign := &origin{}, &origin{}, &origin{}, &origin{}
		byLang := &httpcache.ViewOptions{KeyParts: func(r *http.Request) []string { return []string{r.Header.Get("X-Lang")} }}
		mux := http.NewServeMux()
		mux.Handle("/view", pages.View(10*time.Second, &httpcache.ViewOptions{Tags: func(*http.Request) []string { return []string{"v"} }}).Handler(view))
		mux.Handle("/plain", plain)
		mux.Handle("/parts", pages.View(time.Minute, byLang).Handler(parts))
		mux.Handle("/foreign", over(t, open(t, nil), &httpcache.Options{Name: "inner"}).View(time.Minute, nil).Handler(foreign))
		h := pages.Handler(mux)

		wantStatus(t, do(h, request("/view")), "Strata; fwd=uri-miss; stored")
		wantStatus(t, do(h, request("/view")), "Strata; hit; ttl=10")
		wantEqual(t, "HTTP-083 the view governs", get(t, h, "/view"), "run 1")
		if err := c.Invalidate(t.Context(), "v"); err != nil {
			t.Fatal(err)
		}
		wantEqual(t, "by the view's tag", get(t, h, "/view"), "run 2")
		time.Sleep(11 * time.Second)
		wantEqual(t, "after the view's TTL", get(t, h, "/view"), "run 3")
		wantEqual(t, "the site has no TTL", get(t, h, "/plain", "/plain"), "run 1, run 2")

		wantStatus(t, do(h, request("/parts", "X-Lang", "de")), "Strata; fwd=uri-miss; stored")
		for range 2 {
			for i, lang := range []string{"de", "en"} {
				wantEqual(t, lang, bodyOf(t, do(h, request("/parts", "X-Lang", lang))), "run "+itoa(int64(i+1)))
			}
		}
		wantStatus(t, do(h, request("/foreign")), "inner; fwd=uri-miss; stored, Strata; fwd=uri-miss; detail=inner-cache")
		wantEqual(t, "HTTP-084 stored once", get(t, h, "/foreign"), "run 1")
		head := do(h, requestOf(http.MethodHead, "/plain"))
		wantStatus(t, head, "Strata; fwd=uri-miss; detail=no-freshness")
		wantStatus(t, do(h, requestOf(http.MethodPost, "/view")), "Strata; fwd=method")
	})
}

// TestNestedRefresh: a page that the outer handler makes anew is made by the
// handler, not read from the store by the inner view.
func TestNestedRefresh(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		pages := newPages(t, nil)
		o := &origin{header: []string{"Cache-Control", "max-age=10, stale-while-revalidate=60", "Etag", `"v1"`}}
		h := pages.Handler(pages.View(time.Minute, nil).Handler(o))
		get(t, h, "/")
		time.Sleep(11 * time.Second)
		wantEqual(t, "stale", get(t, h, "/"), "run 1")
		synctest.Wait()
		wantEqual(t, "made anew", get(t, h, "/"), "run 2")
		wantEqual(t, "runs", o.runs.Load(), 2)
	})
}

// TestComposed: a handler that asks another cached handler for a part of its
// page. The part keeps its own rules; the page, which does not know on what the
// part depends, is made anew.
func TestComposed(t *testing.T) {
	t.Parallel()
	c := open(t, nil)
	pages := over(t, c, nil)
	part := &origin{}
	parts := pages.View(time.Minute, &httpcache.ViewOptions{Tags: func(*http.Request) []string { return []string{"part"} }}).Handler(part)
	h := pages.View(time.Hour, nil).Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, "with "+bodyOf(t, do(parts, request("/part").WithContext(r.Context()))))
	}))
	wantStatus(t, do(h, request("/")), "Strata; fwd=uri-miss; detail=inner-cache")
	wantEqual(t, "bodies", get(t, h, "/", "/"), "with run 1, with run 1")
	if err := c.Invalidate(t.Context(), "part"); err != nil {
		t.Fatal(err)
	}
	wantEqual(t, "after the part's tag", get(t, h, "/"), "with run 2")
}

// TestNestedWithoutUnwrap: the inner of two views of one page does not wait for
// the outer, also behind a ResponseWriter that does not unwrap.
func TestNestedWithoutUnwrap(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		pages := newPages(t, nil)
		inner := pages.View(time.Second, nil).Handler(&origin{})
		h := pages.View(time.Hour, nil).Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			inner.ServeHTTP(struct{ http.ResponseWriter }{w}, r)
		}))
		began := time.Now()
		wantEqual(t, "bodies", get(t, h, "/", "/"), "run 1, run 1")
		wantEqual(t, "took", time.Since(began), 0)
		time.Sleep(2 * time.Second)
		wantEqual(t, "the inner TTL governs", get(t, h, "/"), "run 2")
	})
}

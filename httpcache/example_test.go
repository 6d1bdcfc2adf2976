package httpcache_test

import (
	"context"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/stratacache/strata/backends/locmem"
	"github.com/stratacache/strata/cache"
	"github.com/stratacache/strata/httpcache"
)

// show prints what the cache did with a request, and the body.
func show(h http.Handler, method, target string) {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(method, target, nil))
	fmt.Printf("%s %s: %q (%s)\n", method, target, w.Body, w.Header().Get("Cache-Status"))
}

func memory() *cache.Client {
	c, err := cache.New(locmem.New(nil), nil)
	if err != nil {
		log.Fatal(err)
	}
	return c
}

// A site whose handlers say themselves what may be cached.
func ExampleCache_Handler() {
	c := memory()
	defer c.Close(context.Background())
	pages, err := httpcache.New(c, nil)
	if err != nil {
		log.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/news", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Cache-Control", "max-age=60")
		fmt.Fprint(w, "news")
	})
	mux.HandleFunc("/account", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Cache-Control", "private")
		fmt.Fprint(w, "yours")
	})
	site := pages.Handler(mux)

	show(site, "GET", "/news")
	show(site, "GET", "/account")
	show(site, "GET", "/account")
	// Output:
	// GET /news: "news" (Strata; fwd=uri-miss; stored)
	// GET /account: "yours" (Strata; fwd=uri-miss; detail=private)
	// GET /account: "yours" (Strata; fwd=uri-miss; detail=private)
}

// One view, for which the developer says how long it is good. A POST to it
// drops its page.
func ExampleCache_View() {
	c := memory()
	defer c.Close(context.Background())
	pages, err := httpcache.New(c, nil)
	if err != nil {
		log.Fatal(err)
	}
	runs := 0
	pkg := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if runs++; r.Method == http.MethodPost {
			fmt.Fprint(w, "thank you")
			return
		}
		fmt.Fprintf(w, "%s, run %d", r.PathValue("name"), runs)
	})
	mux := http.NewServeMux()
	mux.Handle("/pkg/{name}", pages.View(time.Hour, nil).Handler(pkg))

	body := func(method string) {
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, httptest.NewRequest(method, "/pkg/fmt", nil))
		fmt.Printf("%s (%s)\n", w.Body, w.Header().Get("Cache-Control"))
	}
	body("GET")
	body("GET")
	body("POST")
	body("GET")
	// Output:
	// fmt, run 1 (max-age=3600)
	// fmt, run 1 (max-age=3600)
	// thank you ()
	// fmt, run 3 (max-age=3600)
}

// A page depends on what its view names, and on what its handler finds out.
func ExampleAddTags() {
	ctx := context.Background()
	c := memory()
	defer c.Close(ctx)
	pages, err := httpcache.New(c, nil)
	if err != nil {
		log.Fatal(err)
	}
	notes := "one note"
	byPackage := &httpcache.ViewOptions{
		Tags: func(r *http.Request) []string { return []string{"pkg:" + r.URL.Path} },
	}
	h := pages.View(time.Hour, byPackage).Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		httpcache.AddTags(r.Context(), "notes:fmt")
		_, _ = io.WriteString(w, notes)
	}))

	show(h, "GET", "/fmt")
	notes = "two notes"
	if err := c.Invalidate(ctx, "notes:fmt"); err != nil {
		log.Fatal(err)
	}
	show(h, "GET", "/fmt")
	// Output:
	// GET /fmt: "one note" (Strata; fwd=uri-miss; stored)
	// GET /fmt: "two notes" (Strata; fwd=uri-miss; stored)
}

func ExampleNew() {
	c := memory()
	defer c.Close(context.Background())
	_, err := httpcache.New(c, &httpcache.Options{MaxBody: -1})
	fmt.Println(err)
	// Output: httpcache.Options.MaxBody is -1
}

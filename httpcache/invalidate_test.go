package httpcache_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stratacache/strata/cache"
	"github.com/stratacache/strata/httpcache"
)

// TestUnsafeMethods: RFC 9111 section 4.4.
func TestUnsafeMethods(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		method string
		status int
		drops  bool
	}{
		{"POST", 200, true},
		{"PUT", 204, true},
		{"DELETE", 202, true},
		{"PATCH", 303, true},
		{"M-SEARCH", 200, true},
		{"POST", 0, true}, // writes nothing: 200
		{"POST", 400, false},
		{"DELETE", 404, false},
		{"PUT", 500, false},
		{"OPTIONS", 200, false},
		{"TRACE", 200, false},
		{"HEAD", 200, false},
		{"GET", 200, false},
	} {
		t.Run(tt.method+" "+itoa(int64(tt.status)), func(t *testing.T) {
			t.Parallel()
			o := &origin{header: []string{"Vary", "X-A"}}
			h := newPages(t, nil).View(time.Minute, nil).Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.Method == http.MethodGet {
					o.ServeHTTP(w, r)
				} else if tt.status != 0 {
					w.WriteHeader(tt.status)
				}
			}))
			ask := func() string {
				return bodyOf(t, do(h, request("/"))) + " " + bodyOf(t, do(h, request("/", "X-A", "1")))
			}
			wantEqual(t, "before", ask(), "run 1 run 2")
			get(t, h, "/other")
			resp := do(h, requestOf(tt.method, "/"))
			switch tt.method {
			case "GET", "HEAD":
			default:
				if tt.status != 0 {
					wantStatus(t, resp, "Strata; fwd=method")
				}
			}
			want := "run 1 run 2"
			if tt.drops {
				want = "run 4 run 5"
			}
			wantEqual(t, "after", ask(), want)
			wantEqual(t, "another URL", get(t, h, "/other"), "run 3")
		})
	}
}

// TestWriterReadsItsWrite: the page is gone before the client of the POST can
// ask for it.
func TestWriterReadsItsWrite(t *testing.T) {
	t.Parallel()
	o := &origin{}
	var h http.Handler
	h = newPages(t, nil).View(time.Minute, nil).Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			w.WriteHeader(http.StatusOK)
			wantEqual(t, "read by one who saw the header", get(t, h, "/"), "run 2")
			return
		}
		o.ServeHTTP(w, r)
	}))
	get(t, h, "/")
	do(h, requestOf(http.MethodPost, "/"))
}

// TestInvalidatedWhileRunning: what a handler read before an invalidation is
// not stored after it, and not given to those who came later.
func TestInvalidatedWhileRunning(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		drop func(c *cache.Client, h http.Handler) error
	}{
		{"by tag", func(c *cache.Client, _ http.Handler) error { return c.Invalidate(context.Background(), "note:1") }},
		{"by POST", func(_ *cache.Client, h http.Handler) error { do(h, requestOf(http.MethodPost, "/")); return nil }},
		{"by Clear", func(c *cache.Client, _ http.Handler) error { return c.Clear(context.Background()) }},
	} {
		for _, vary := range []string{"", "X-A"} {
			t.Run(tt.name+" vary "+vary, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					var database atomic.Value
					database.Store("old")
					c := open(t, nil)
					h := over(t, c, nil).View(time.Minute, nil).Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
						if r.Method == http.MethodPost {
							return
						}
						read := database.Load().(string)
						if vary != "" {
							w.Header().Set("Vary", vary)
						}
						httpcache.AddTags(r.Context(), "note:1")
						time.Sleep(time.Second)
						_, _ = io.WriteString(w, read)
					}))
					if vary != "" { // the URL is known: the page goes to a variant's own key
						do(h, request("/", vary, "first"))
					}
					slow := make(chan string)
					go func() { slow <- bodyOf(t, do(h, request("/"))) }()
					synctest.Wait()
					database.Store("new")
					if err := tt.drop(c, h); err != nil {
						t.Fatal(err)
					}
					wantEqual(t, "one who came after", get(t, h, "/"), "new")
					wantEqual(t, "the slow one", <-slow, "old")
					wantEqual(t, "what is stored", get(t, h, "/"), "new")
				})
			})
		}
	}
}

// TestTags: of the view, of the handler, and of a page in a variant's own key.
func TestTags(t *testing.T) { // BUG-07
	t.Parallel()
	c := open(t, nil)
	o := &origin{header: []string{"Vary", "X-A"}}
	byPath := func(r *http.Request) []string { return []string{"path:" + r.URL.Path} }
	h := over(t, c, nil).View(time.Minute, &httpcache.ViewOptions{Tags: byPath}).Handler(
		http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			httpcache.AddTags(r.Context(), "all", "a:"+r.Header.Get("X-A"))
			o.ServeHTTP(w, r)
		}))
	ask := func() string {
		var out []string
		for _, r := range []*http.Request{request("/x", "X-A", "1"), request("/x", "X-A", "2"), request("/y", "X-A", "1")} {
			out = append(out, bodyOf(t, do(h, r)))
		}
		return strings.Join(out, ", ")
	}
	wantEqual(t, "first", ask(), "run 1, run 2, run 3")
	wantEqual(t, "again", ask(), "run 1, run 2, run 3")
	for _, tt := range []struct{ tag, want string }{
		{"path:/y", "run 1, run 2, run 4"},
		{"a:2", "run 1, run 5, run 4"},
		{"all", "run 6, run 7, run 8"},
		{"other", "run 6, run 7, run 8"},
	} {
		if err := c.Invalidate(t.Context(), tt.tag); err != nil {
			t.Fatal(err)
		}
		wantEqual(t, "after "+tt.tag, ask(), tt.want)
	}
	httpcache.AddTags(t.Context(), "outside") // does nothing
}

// TestSilentHandler: one that writes nothing leaves the answer to what is
// around us.
func TestSilentHandler(t *testing.T) {
	t.Parallel()
	h := newPages(t, nil).View(time.Minute, nil).Handler(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	w := httptest.NewRecorder()
	h.ServeHTTP(w, request("/"))
	w.WriteHeader(http.StatusTeapot)
	wantEqual(t, "status", w.Code, http.StatusTeapot)
}

package httpcache_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stratacache/strata/httpcache"
)

// together runs n requests at the same time, and returns the bodies.
func together(h http.Handler, n int, make func(i int) *http.Request) []*httptest.ResponseRecorder {
	var wg sync.WaitGroup
	out := []*httptest.ResponseRecorder{}
	for i := range n {
		w := httptest.NewRecorder()
		out = append(out, w)
		wg.Go(func() {
			defer func() { _ = recover() }()
			h.ServeHTTP(w, make(i))
		})
	}
	wg.Wait()
	return out
}

// TestCollapse: 20 concurrent requests, by what the response allows.
func TestCollapse(t *testing.T) {
	t.Parallel()
	cookie := func(i int) *http.Request { return request("/", "Cookie", "user="+itoa(int64(i))) }
	for _, tt := range []struct {
		name   string
		header []string
		runs   int64
		took   time.Duration // the handler takes 1 s
	}{
		{"cacheable", []string{"Cache-Control", "max-age=60"}, 1, time.Second},
		{"private, no-store", []string{"Cache-Control", "private, no-store"}, 20, 2 * time.Second},
		{"Vary: Cookie", []string{"Cache-Control", "max-age=60", "Vary", "Cookie"}, 20, 2 * time.Second},
		{"no-cache", []string{"Cache-Control", "no-cache", "Etag", `"1"`}, 20, 2 * time.Second},
		{"stale at once", []string{"Cache-Control", "max-age=0", "Etag", `"1"`}, 20, 2 * time.Second},
		{"Set-Cookie", []string{"Cache-Control", "max-age=60", "Set-Cookie", "a=b"}, 20, 2 * time.Second},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var runs atomic.Int64
				h := newPages(t, nil).Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					runs.Add(1)
					time.Sleep(time.Second)
					for i := 0; i < len(tt.header); i += 2 {
						w.Header().Add(tt.header[i], tt.header[i+1])
					}
					if runs.Load() == 1 && tt.runs == 1 {
						_, _ = io.WriteString(w, "for all")
						return
					}
					_, _ = io.WriteString(w, r.Header.Get("Cookie"))
				}))
				began := time.Now()
				collapsed := 0
				for i, w := range together(h, 20, cookie) {
					want := "user=" + itoa(int64(i))
					if tt.runs == 1 {
						want = "for all"
					}
					wantEqual(t, "body", w.Body.String(), want)
					if strings.HasSuffix(w.Header().Get("Cache-Status"), "; collapsed") {
						collapsed++
					}
				}
				wantEqual(t, "runs", runs.Load(), tt.runs)
				wantEqual(t, "collapsed", int64(collapsed), 20-tt.runs)
				if took := time.Since(began); took != tt.took {
					t.Errorf("20 requests took %v, want %v: they waited for one another", took, tt.took)
				}
			})
		})
	}
}

// TestApart: once a page was found unshareable, nobody waits for it again for a
// while; and it is stored all the same when it becomes shareable.
func TestApart(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var private atomic.Bool
		private.Store(true)
		var runs atomic.Int64
		c := open(t, nil)
		h := over(t, c, nil).Handler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			runs.Add(1)
			time.Sleep(time.Second)
			if w.Header().Set("Cache-Control", "max-age=60"); private.Load() {
				w.Header().Set("Cache-Control", "private")
			}
			w.WriteHeader(200)
		}))
		get := func(int) *http.Request { return request("/") }
		round := func() time.Duration {
			began := time.Now()
			together(h, 5, get)
			return time.Since(began)
		}
		wantEqual(t, "first round", round(), 2*time.Second)
		wantEqual(t, "second round", round(), time.Second)
		time.Sleep(20 * time.Second)
		wantEqual(t, "after a while", round(), 2*time.Second)
		private.Store(false)
		wantEqual(t, "the page is public now", round(), time.Second)
		wantEqual(t, "and stored", round(), 0)
		if err := c.Clear(t.Context()); err != nil {
			t.Fatal(err)
		}
		runs.Store(0)
		wantEqual(t, "after Clear", round(), time.Second)
		wantEqual(t, "runs", runs.Load(), 1)
	})
}

// TestFailureIsNotRemembered: those who waited for a page that could not be made
// try for themselves, and the next ones wait for one another again.
func TestFailureIsNotRemembered(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var broken atomic.Bool
		broken.Store(true)
		var runs atomic.Int64
		h := newPages(t, nil).View(time.Minute, nil).Handler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			runs.Add(1)
			time.Sleep(time.Second)
			if broken.Load() {
				w.WriteHeader(http.StatusServiceUnavailable)
			}
			_, _ = io.WriteString(w, "x")
		}))
		began := time.Now()
		together(h, 5, func(int) *http.Request { return request("/") })
		wantEqual(t, "took", time.Since(began), 2*time.Second)
		wantEqual(t, "runs", runs.Swap(0), 5)
		broken.Store(false)
		for _, w := range together(h, 5, func(int) *http.Request { return request("/") }) {
			wantEqual(t, "status", w.Code, http.StatusOK)
		}
		wantEqual(t, "runs", runs.Load(), 1)
	})
}

// TestAuthorizedDoesNotLead: a request whose response will hardly be shared
// holds nobody up, and does not spoil the page for those who share it.
func TestAuthorizedDoesNotLead(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var runs atomic.Int64
		h := newPages(t, nil).View(time.Minute, nil).Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			runs.Add(1)
			time.Sleep(time.Second)
			_, _ = io.WriteString(w, "for "+r.Header.Get("Authorization"))
		}))
		began := time.Now()
		for i, w := range together(h, 6, func(i int) *http.Request {
			if i == 0 {
				return request("/", "Authorization", "a")
			}
			time.Sleep(time.Millisecond)
			return request("/")
		}) {
			want := "for "
			if i == 0 {
				want = "for a"
			}
			wantEqual(t, "body", w.Body.String(), want)
		}
		wantEqual(t, "took", time.Since(began), time.Second+time.Millisecond)
		wantEqual(t, "runs", runs.Load(), 2)
	})
}

// TestReleasedAtTheHeader: those who wait for a stream do not wait for its end.
func TestReleasedAtTheHeader(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, cc string
		body     int
	}{{"no-store", "no-store", 1}, {"over MaxBody", "max-age=60", 100}} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				h := newPages(t, &httpcache.Options{MaxBody: 50}).Handler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
					w.Header().Set("Cache-Control", tt.cc)
					_, _ = io.WriteString(w, strings.Repeat("x", tt.body))
					time.Sleep(time.Minute)
				}))
				began := time.Now()
				together(h, 5, func(int) *http.Request { return request("/") })
				wantEqual(t, "took", time.Since(began), time.Minute)
			})
		})
	}
}

// TestLeaderFails: a leader that panics, is cancelled or aborts releases those
// who wait, and one of them leads.
func TestLeaderFails(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		fail func(w http.ResponseWriter, r *http.Request)
	}{
		{"panic", func(http.ResponseWriter, *http.Request) { panic("application bug") }},
		{"abort mid-body", func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, "half")
			panic(http.ErrAbortHandler)
		}},
		{"cancelled", func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.WriteString(w, "half")
			<-r.Context().Done()
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var runs atomic.Int64
				h := newPages(t, nil).View(time.Minute, nil).Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					n := runs.Add(1)
					time.Sleep(time.Second)
					if n == 1 {
						tt.fail(w, r)
						return
					}
					_, _ = io.WriteString(w, "whole")
				}))
				ctx, cancel := context.WithCancel(t.Context())
				var first sync.WaitGroup
				first.Go(func() {
					defer func() { _ = recover() }()
					h.ServeHTTP(httptest.NewRecorder(), request("/").WithContext(ctx))
				})
				synctest.Wait()
				time.AfterFunc(1500*time.Millisecond, cancel)
				for _, w := range together(h, 10, func(int) *http.Request { return request("/") }) {
					wantEqual(t, "body", w.Body.String(), "whole")
				}
				first.Wait()
				wantEqual(t, "runs", runs.Load(), 2)
			})
		})
	}
}

// TestWaitIsBounded: by the request's own context, and by CollapseTimeout.
func TestWaitIsBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var runs atomic.Int64
		h := newPages(t, &httpcache.Options{CollapseTimeout: 5 * time.Second}).View(time.Minute, nil).Handler(
			http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if runs.Add(1) == 1 {
					time.Sleep(time.Minute)
				}
				if r.Context().Err() != nil {
					w.WriteHeader(http.StatusServiceUnavailable)
					return
				}
				_, _ = io.WriteString(w, "ok")
			}))
		var wg sync.WaitGroup
		defer wg.Wait()
		wg.Go(func() { do(h, request("/")) })
		synctest.Wait()

		began := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		resp := do(h, request("/").WithContext(ctx))
		wantEqual(t, "the handler decides what a timeout is", resp.StatusCode, http.StatusServiceUnavailable)
		wantEqual(t, "waited", time.Since(began), time.Second)

		began = time.Now()
		wantEqual(t, "body", get(t, h, "/"), "ok")
		wantEqual(t, "waited", time.Since(began), 5*time.Second)
	})
}

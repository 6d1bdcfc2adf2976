package httpcache_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stratacache/strata/httpcache"
)

const swr = "max-age=10, stale-while-revalidate=600"

// slow answers after a second, and counts.
type slow struct {
	runs, ended atomic.Int64
	ctx         atomic.Value
}

func (s *slow) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	n := s.runs.Add(1)
	s.ctx.Store(r.Context())
	select {
	case <-time.After(time.Second):
	case <-r.Context().Done():
		return
	}
	s.ended.Add(1)
	w.Header().Set("Cache-Control", swr)
	_, _ = io.WriteString(w, "run "+itoa(n))
}

// TestRefreshOnce: many who come in the window get the stale page at once, and
// one run of the handler makes the next; it does not end with its client.
func TestRefreshOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &slow{}
		h := newPages(t, nil).Handler(s)
		do(h, request("/"))
		time.Sleep(11 * time.Second)
		ctx, cancel := context.WithCancel(t.Context())
		began := time.Now()
		for range 20 {
			wantEqual(t, "stale body", bodyOf(t, do(h, request("/").WithContext(ctx))), "run 1")
		}
		cancel()
		wantEqual(t, "waited", time.Since(began), 0)
		time.Sleep(2 * time.Second)
		wantEqual(t, "runs", s.runs.Load(), 2)
		wantEqual(t, "new body", get(t, h, "/"), "run 2")
	})
}

// TestRefreshBounds: MaxRefreshes, RefreshTimeout and Close.
func TestRefreshBounds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &slow{}
		pages := newPages(t, &httpcache.Options{MaxRefreshes: 1, RefreshTimeout: 500 * time.Millisecond})
		h := pages.Handler(s)
		get(t, h, "/a", "/b")
		time.Sleep(11 * time.Second)
		get(t, h, "/a", "/b")
		synctest.Wait()
		wantEqual(t, "runs with one place", s.runs.Load(), 3)
		time.Sleep(time.Second)
		wantEqual(t, "ended in time", s.ended.Load(), 2)
		get(t, h, "/b")
		synctest.Wait()
		wantEqual(t, "runs when there is a place again", s.runs.Load(), 4)
		if err := pages.Close(t.Context()); err != nil {
			t.Error(err)
		}
		wantEqual(t, "after Close", get(t, h, "/a", "/b"), "run 1, run 2")
		synctest.Wait()
		wantEqual(t, "runs after Close", s.runs.Load(), 4)
	})
}

// TestCloseCancels: what does not end by itself is told to when Close's own
// context ends.
func TestCloseCancels(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &slow{}
		pages := newPages(t, nil)
		h := pages.Handler(s)
		get(t, h, "/")
		time.Sleep(11 * time.Second)
		get(t, h, "/")
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		if err := pages.Close(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
		if s.ctx.Load().(context.Context).Err() == nil {
			t.Error("the handler was not told")
		}
	})
}

// TestRefreshPanics: a bug in one page, which nobody waits for, does not end the
// process; it is told to the server's log, and others may refresh the page.
func TestRefreshPanics(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var logged bytes.Buffer
		runs := 0
		h := newPages(t, nil).Handler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			if runs++; runs == 2 {
				panic("application bug")
			}
			w.Header().Set("Cache-Control", swr)
			_, _ = io.WriteString(w, "run "+itoa(int64(runs)))
		}))
		ctx := context.WithValue(t.Context(), http.ServerContextKey, &http.Server{ErrorLog: log.New(&logged, "", 0)})
		ask := func() string {
			defer synctest.Wait()
			return bodyOf(t, do(h, request("/").WithContext(ctx)))
		}
		ask()
		time.Sleep(11 * time.Second)
		wantEqual(t, "bodies", ask()+", "+ask()+", "+ask(), "run 1, run 1, run 3")
		if !strings.Contains(logged.String(), "application bug") {
			t.Errorf("logged: %q", logged.String())
		}
	})
}

// TestWaitersShareAFailure: when the handler fails, those who waited for it take
// the stale page as well, and do not try one after another.
func TestWaitersShareAFailure(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var runs atomic.Int64
		h := newPages(t, nil).Handler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			if runs.Add(1) > 1 {
				time.Sleep(time.Second)
				w.WriteHeader(http.StatusServiceUnavailable)
				return
			}
			w.Header().Set("Cache-Control", "max-age=10, stale-if-error=600")
			_, _ = io.WriteString(w, "page")
		}))
		get(t, h, "/")
		time.Sleep(11 * time.Second)
		began := time.Now()
		for _, w := range together(h, 10, func(int) *http.Request { return request("/") }) {
			wantEqual(t, "body", w.Body.String(), "page")
		}
		wantEqual(t, "took", time.Since(began), time.Second)
		wantEqual(t, "runs", runs.Load(), 2)
	})
}

// TestAbortBeforeHeader: a handler that gives up has no answer; a stale page that
// may be used is better, and without one the abort is as it was.
func TestAbortBeforeHeader(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		runs := 0
		h := newPages(t, nil).Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if runs++; runs > 1 || r.URL.Path == "/none" {
				if r.URL.Path == "/signal" {
					httpcache.Unreachable(r.Context())
					w.WriteHeader(http.StatusTeapot)
					return
				}
				panic(http.ErrAbortHandler)
			}
			w.Header().Set("Cache-Control", "max-age=10")
			if r.URL.Path == "/strict" {
				w.Header().Add("Cache-Control", "must-revalidate")
			}
			w.Header().Set("Etag", `"v1"`)
			_, _ = io.WriteString(w, "page")
		}))
		get(t, h, "/strict")
		time.Sleep(11 * time.Second)
		wantEqual(t, "where the page forbids it", do(h, request("/strict")).StatusCode, http.StatusGatewayTimeout)
		for _, path := range []string{"/", "/signal"} {
			runs = 0
			get(t, h, path)
			time.Sleep(11 * time.Second)
			resp := do(h, request(path))
			wantEqual(t, "status", resp.StatusCode, 200)
			wantEqual(t, "body", bodyOf(t, resp), "page")
		}
		defer func() { wantEqual(t, "panic", recover(), any(http.ErrAbortHandler)) }()
		do(h, request("/none"))
	})
}

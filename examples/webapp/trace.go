package main

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/stratacache/strata/cache"
)

// trace is what one request asked of the cache, and how long its parts took. It
// travels in the request's context, where the hooks of the cache find it: no
// handler has to report anything.
type trace struct {
	begun time.Time

	mu    sync.Mutex // loads run in goroutines of their own
	spent map[string]time.Duration
	reads []cacheRead
	cache time.Duration
}

// cacheRead is one key read, as the footer names it.
type cacheRead struct {
	What    string // such as "package" or "latest notes"
	Outcome cache.Outcome
	N       int // how many keys

	last string // the key that was read last
}

// Hit tells whether a value came from the cache.
func (r cacheRead) Hit() bool { return r.Outcome == cache.Hit || r.Outcome == cache.NearHit }

type traceKey struct{}

// traced gives each request a trace, and each response what it says: the header
// fields Server-Timing, and Cache-Status (RFC 9211) unless the page cache has set
// it. They say what is known when the header leaves; the footer comes later.
func traced(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		t := &trace{begun: time.Now(), spent: map[string]time.Duration{}}
		next.ServeHTTP(&traceWriter{ResponseWriter: w, trace: t}, r.WithContext(context.WithValue(r.Context(), traceKey{}, t)))
	})
}

// traceOf returns the trace of a request that came through traced.
func traceOf(ctx context.Context) *trace {
	t, _ := ctx.Value(traceKey{}).(*trace)
	return t
}

type traceWriter struct {
	http.ResponseWriter
	trace *trace
	wrote bool
}

// Unwrap is for http.ResponseController.
func (w *traceWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (w *traceWriter) WriteHeader(status int) {
	if !w.wrote && status >= 200 {
		w.wrote = true
		w.trace.setHeaders(w.Header())
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *traceWriter) Write(b []byte) (int, error) {
	if !w.wrote {
		w.WriteHeader(http.StatusOK)
	}
	return w.ResponseWriter.Write(b)
}

// measure times a part of the request's work: defer measure(ctx, "db")().
func measure(ctx context.Context, part string) func() {
	t := traceOf(ctx)
	if t == nil {
		return func() {}
	}
	begun := time.Now()
	return func() {
		took := time.Since(begun)
		t.mu.Lock()
		defer t.mu.Unlock()
		t.spent[part] += took
	}
}

// traceHooks makes the cache report to the trace of the request it works for.
func traceHooks() cache.Hooks {
	return cache.Hooks{
		Read: func(ctx context.Context, r cache.ReadInfo) {
			t := traceOf(ctx)
			if t == nil {
				return
			}
			what := keyLabel(r.Prefix)
			t.mu.Lock()
			defer t.mu.Unlock()
			t.cache += r.Took
			if what == readsPrefix || what == recentPrefix {
				return // they live in the cache: absent is no miss
			}
			for i := range t.reads {
				if have := &t.reads[i]; have.What == what && have.Outcome == r.Outcome {
					if have.last != r.Key { // not merely looked at twice
						have.N, have.last = have.N+1, r.Key
					}
					return
				}
			}
			t.reads = append(t.reads, cacheRead{what, r.Outcome, 1, r.Key})
		},
	}
}

// part is a share of the time, as the footer and Server-Timing show it.
type part struct {
	Name string
	Took time.Duration
}

// snapshot returns what is known so far.
func (t *trace) snapshot() (reads []cacheRead, parts []part) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, name := range []string{"parse", "render", "db"} {
		if d, ok := t.spent[name]; ok {
			parts = append(parts, part{name, d})
		}
	}
	if t.cache > 0 { // memory is too fast to be timed
		parts = append(parts, part{"cache", t.cache})
	}
	reads = slices.Clone(t.reads)
	// The page is what matters most, though the aside is asked for first.
	slices.SortStableFunc(reads, func(a, b cacheRead) int { return order(a) - order(b) })
	return reads, append(parts, part{"total", time.Since(t.begun)})
}

func order(r cacheRead) int {
	if r.What == "fragment" {
		return 1
	}
	return 0
}

func (t *trace) setHeaders(h http.Header) {
	reads, parts := t.snapshot()
	var timing []string
	for _, p := range parts {
		timing = append(timing, fmt.Sprintf("%s;dur=%.3f", p.Name, float64(p.Took)/float64(time.Millisecond)))
	}
	h.Set("Server-Timing", strings.Join(timing, ", "))
	if h.Get("Cache-Status") != "" {
		return
	}
	status := "webapp; fwd=bypass" // not kept as a page, but its parts may be
	if len(reads) > 0 {
		hits := 0
		for _, r := range reads {
			if r.Hit() {
				hits++
			}
		}
		status += fmt.Sprintf(`; detail="%d of %d parts hit"`, hits, len(reads))
	}
	h.Set("Cache-Status", status)
}

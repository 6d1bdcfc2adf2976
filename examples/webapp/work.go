package main

import (
	"context"
	"slices"
	"sync"
	"time"
)

// work counts what was computed rather than taken from the cache, so that a
// person can see (on /stats) that a new note costs one page and not all.
type work struct {
	mu     sync.Mutex
	totals map[string]int
	recent []job // newest last
}

// job is one thing that was computed.
type job struct {
	Kind, What string
	When       time.Time
	Took       time.Duration
}

// recentJobs is how many jobs the page shows.
const recentJobs = 40

// The kinds of work that are counted.
const (
	workList     = "list read"
	workParse    = "package parsed"
	workDoc      = "documentation rendered"
	workPage     = "page rendered"
	workFragment = "fragment rendered"
)

// does times a job: defer w.does(ctx, workParse, "net/http", "parse")(). The
// last argument is the part of the request's time to which it adds, if any.
func (w *work) does(ctx context.Context, kind, what, part string) func() {
	begun, done := time.Now(), func() {}
	if part != "" {
		done = measure(ctx, part)
	}
	return func() {
		done()
		w.mu.Lock()
		defer w.mu.Unlock()
		if w.totals == nil {
			w.totals = map[string]int{}
		}
		w.totals[kind]++
		w.recent = append(w.recent, job{kind, what, begun, time.Since(begun)})
		if extra := len(w.recent) - recentJobs; extra > 0 {
			w.recent = slices.Delete(w.recent, 0, extra)
		}
	}
}

// count is how often a kind of work was done since the start.
func (w *work) count(kind string) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.totals[kind]
}

// snapshot returns the latest jobs, newest first.
func (w *work) snapshot() []job {
	w.mu.Lock()
	defer w.mu.Unlock()
	jobs := slices.Clone(w.recent)
	slices.Reverse(jobs)
	return jobs
}

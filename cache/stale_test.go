package cache_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stratacache/strata/backends/locmem"
	"github.com/stratacache/strata/cache"
)

// source is a loader whose values are v1, v2, … and that can be slow or fail.
type source struct {
	loads atomic.Int64
	takes atomic.Int64 // nanoseconds
	err   atomic.Pointer[error]
}

func (s *source) load(ctx context.Context) (string, error) {
	n := s.loads.Add(1)
	select {
	case <-time.After(time.Duration(s.takes.Load())):
	case <-ctx.Done():
		return "", context.Cause(ctx)
	}
	if err := s.err.Load(); err != nil {
		return "", *err
	}
	return fmt.Sprintf("v%d", n), nil
}

func (s *source) slow(d time.Duration) { s.takes.Store(int64(d)) }

func (s *source) fail(err error) {
	if err == nil {
		s.err.Store(nil)
		return
	}
	s.err.Store(&err)
}

// staleWorld is a client whose entries live a minute and are kept an hour more.
type staleWorld struct {
	t      *testing.T
	client *cache.Client
	values cache.Typed[string]
	source source

	mu    sync.Mutex
	reads []cache.ReadInfo
}

func inStaleWorld(t *testing.T, opts cache.Options, test func(w *staleWorld)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := &staleWorld{t: t}
		if opts.TTL == 0 {
			opts.TTL = time.Minute
		}
		if opts.Stale == 0 {
			opts.Stale = time.Hour
		}
		for i := range opts.Near {
			opts.Near[i].Store = locmem.New(nil)
		}
		opts.Hooks.Read = func(_ context.Context, i cache.ReadInfo) {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.reads = append(w.reads, i)
		}
		w.client = open(t, nil, &opts)
		w.values = cache.For[string](w.client)
		test(w)
		synctest.Wait()
	})
}

// get checks what GetOrSet returns: a value, or an error that has the text.
func (w *staleWorld) get(want string, opts ...cache.Option) {
	w.t.Helper()
	got, err := w.values.GetOrSet(w.t.Context(), "k", w.source.load, opts...)
	if err != nil {
		got = err.Error()
	}
	if got != want && (err == nil || !strings.Contains(got, want)) {
		w.t.Errorf("GetOrSet: got %s, want %s", got, want)
	}
}

func (w *staleWorld) loaded(want int64) {
	w.t.Helper()
	synctest.Wait()
	if got := w.source.loads.Load(); got != want {
		w.t.Errorf("loads: got %d, want %d", got, want)
	}
}

// last checks the outcome of the last read.
func (w *staleWorld) last(outcome cache.Outcome, why cache.StaleReason) {
	w.t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	if r := w.reads[len(w.reads)-1]; r.Outcome != outcome || r.Why != why {
		w.t.Errorf("the last read: got %v (%v), want %v (%v)", r.Outcome, r.Why, outcome, why)
	}
}

var errSource = errors.New("the database is down")

func TestStaleWhileRevalidate(t *testing.T) {
	inStaleWorld(t, cache.Options{}, func(w *staleWorld) {
		t := w.t
		w.get("v1")
		time.Sleep(2 * time.Minute)
		w.source.slow(time.Second)
		began := time.Now()
		for range 10 {
			w.get("v1")
			w.last(cache.StaleHit, cache.Refreshing)
		}
		if took := time.Since(began); took != 0 {
			t.Errorf("a stale value took %v", took)
		}
		time.Sleep(time.Second)
		w.loaded(2)
		w.get("v2")
		w.last(cache.Hit, 0)
		if s := w.client.Stats(); s.StaleHits != 10 || s.Loads != 2 || s.Stored != 2 {
			t.Errorf("Stats: got %+v", s)
		}
	})
}

func TestStaleEnds(t *testing.T) {
	inStaleWorld(t, cache.Options{}, func(w *staleWorld) {
		t := w.t
		w.get("v1")
		time.Sleep(time.Minute + time.Hour)
		w.source.slow(time.Second)
		w.get("v2")
		time.Sleep(2 * time.Minute)
		if _, err := w.values.Get(w.t.Context(), "k"); !errors.Is(err, cache.ErrMiss) {
			t.Errorf("Get of a stale value: got %v, want a miss: there is no loader to replace it", err)
		}
	})
}

func TestSoftTimeout(t *testing.T) {
	inStaleWorld(t, cache.Options{SoftTimeout: 100 * time.Millisecond}, func(w *staleWorld) {
		t := w.t
		w.source.slow(time.Second)
		w.get("v1") // without a stale value there is nothing but to wait
		time.Sleep(2 * time.Minute)
		w.source.slow(50 * time.Millisecond)
		w.get("v2")
		time.Sleep(2 * time.Minute)
		w.source.slow(time.Second)
		began := time.Now()
		w.get("v2")
		w.last(cache.StaleHit, cache.Refreshing)
		if took := time.Since(began); took != 100*time.Millisecond {
			t.Errorf("waited %v, want the soft timeout", took)
		}
		time.Sleep(time.Second)
		w.get("v3")
		w.loaded(3)
	})
}

func TestFailSafe(t *testing.T) {
	inStaleWorld(t, cache.Options{SoftTimeout: cache.Forever, RetryAfter: 10 * time.Second}, func(w *staleWorld) {
		w.get("v1")
		time.Sleep(2 * time.Minute)
		w.source.fail(errSource)
		w.get("v1")
		w.last(cache.StaleHit, cache.LoadFailed)
		for range 5 {
			time.Sleep(time.Second)
			w.get("v1")
			w.last(cache.StaleHit, cache.Throttled)
		}
		w.loaded(2)
		time.Sleep(5 * time.Second)
		w.get("v1")
		w.loaded(3)
		time.Sleep(10 * time.Second)
		w.source.fail(nil)
		w.get("v4")
		w.last(cache.Miss, 0)

		time.Sleep(2 * time.Minute) // "not found" is an answer, and no failure
		w.source.fail(cache.ErrNotFound)
		w.get(cache.ErrNotFound.Error())
		w.get(cache.ErrNotFound.Error())
		w.last(cache.NegativeHit, 0)
	})
}

func TestFailSafeOfARefreshInTheBackground(t *testing.T) {
	inStaleWorld(t, cache.Options{RetryAfter: 10 * time.Second}, func(w *staleWorld) {
		w.get("v1")
		time.Sleep(2 * time.Minute)
		w.source.fail(errSource)
		w.get("v1")
		w.loaded(2)
		w.get("v1")
		w.last(cache.StaleHit, cache.Throttled)
		w.loaded(2)
	})
}

// What was invalidated is never served, stale or not.
func TestStaleIsNotWhatWasInvalidated(t *testing.T) {
	for name, invalidate := range map[string]func(context.Context, *cache.Client) error{
		"by key":   func(ctx context.Context, c *cache.Client) error { _, err := c.Delete(ctx, "k"); return err },
		"by tag":   func(ctx context.Context, c *cache.Client) error { return c.Invalidate(ctx, "t") },
		"by clear": func(ctx context.Context, c *cache.Client) error { return c.Clear(ctx) },
	} {
		t.Run(name, func(t *testing.T) {
			inStaleWorld(t, cache.Options{}, func(w *staleWorld) {
				t := w.t
				w.get("v1", cache.Tags("t"))
				time.Sleep(2 * time.Minute)
				if err := invalidate(t.Context(), w.client); err != nil {
					t.Fatal(err)
				}
				w.get("v2", cache.Tags("t"))
				w.last(cache.Miss, 0)

				// While a refresh in the background runs.
				time.Sleep(2 * time.Minute)
				w.source.slow(time.Second)
				w.get("v2", cache.Tags("t"))
				synctest.Wait()
				if err := invalidate(t.Context(), w.client); err != nil {
					t.Fatal(err)
				}
				w.get("v4", cache.Tags("t"))
				w.get("v4", cache.Tags("t"))
				w.last(cache.Hit, 0)

				// And its failure does not bring the old value back.
				time.Sleep(2 * time.Minute)
				if err := invalidate(t.Context(), w.client); err != nil {
					t.Fatal(err)
				}
				w.source.fail(errSource)
				w.get(errSource.Error(), cache.Tags("t"))
			})
		})
	}
}

func TestHardTimeout(t *testing.T) {
	inStaleWorld(t, cache.Options{HardTimeout: 100 * time.Millisecond, MaxBackground: 1}, func(w *staleWorld) {
		t := w.t
		w.source.slow(time.Second)
		w.get("the load takes too long")
		if _, err := w.values.GetOrSet(t.Context(), "other", w.source.load); !errors.Is(err, cache.ErrLoadTimeout) || errors.Is(err, cache.ErrUnavailable) {
			t.Errorf("another key: got %v, want ErrLoadTimeout, which is no outage", err)
		}
		time.Sleep(time.Second)
		w.get("v1")
		w.last(cache.Hit, 0)
		// There was no place in the background for the second.
		if ok, _ := w.client.Has(t.Context(), "other"); ok {
			t.Error("a load beyond MaxBackground went on")
		}
		time.Sleep(2 * time.Minute)
		w.get("v1", cache.SoftTimeout(time.Hour))
		w.last(cache.StaleHit, cache.Refreshing)
	})
}

// What was set or added ends with its TTL: a lock that nobody can see must not be
// held.
func TestOnlyLoadsAreKeptStale(t *testing.T) {
	inStaleWorld(t, cache.Options{}, func(w *staleWorld) {
		t := w.t
		for range 2 {
			if ok, err := w.client.Add(t.Context(), "lock", nil); !ok || err != nil {
				t.Errorf("Add: got %v, %v, want true", ok, err)
			}
			if n, err := w.client.Incr(t.Context(), "n", 1, cache.Initial(0)); n != 1 || err != nil {
				t.Errorf("Incr: got %d, %v, want 1", n, err)
			}
			if err := w.values.Set(t.Context(), "set", "v"); err != nil {
				t.Error(err)
			}
			time.Sleep(time.Minute)
			if ok, err := w.client.Touch(t.Context(), "set"); ok || err != nil {
				t.Errorf("Touch after the TTL: got %v, %v, want false", ok, err)
			}
		}
		if err := w.values.Set(t.Context(), "k", "v0", cache.Stale(time.Hour)); err != nil {
			t.Error(err)
		}
		time.Sleep(2 * time.Minute)
		w.get("v0") // by its own wish
	})
}

// A call may say otherwise than the client.
func TestStaleOptionsOfACall(t *testing.T) {
	inStaleWorld(t, cache.Options{}, func(w *staleWorld) {
		w.get("v1", cache.TTL(time.Second), cache.Stale(0))
		time.Sleep(2 * time.Second)
		w.get("v2", cache.TTL(time.Second), cache.Stale(3*time.Second))
		time.Sleep(2 * time.Second)
		w.get("v3", cache.SoftTimeout(time.Second))
		w.last(cache.Miss, 0)
	})
}

func TestRefreshesInTheBackgroundAreBounded(t *testing.T) {
	inStaleWorld(t, cache.Options{MaxBackground: 3}, func(w *staleWorld) {
		t := w.t
		key := func(i int) string { return fmt.Sprint("k", i) }
		for i := range 10 {
			if _, err := w.values.GetOrSet(t.Context(), key(i), w.source.load); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(2 * time.Minute)
		w.source.slow(time.Second)
		for i := range 10 {
			if _, err := w.values.GetOrSet(t.Context(), key(i), w.source.load); err != nil {
				t.Fatal(err)
			}
		}
		w.loaded(13)
		time.Sleep(2 * time.Second)
		for i := range 10 {
			_, _ = w.values.GetOrSet(t.Context(), key(i), w.source.load)
		}
		w.loaded(16)
	})
}

// The bound holds when all is cold, and a load within a load does not wait for
// the one that waits for it.
func TestMaxLoads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := cache.For[string](open(t, nil, &cache.Options{MaxLoads: 4}))
		var running, most atomic.Int64
		var wg sync.WaitGroup
		for i := range 100 {
			wg.Go(func() {
				_, err := c.GetOrSet(t.Context(), fmt.Sprint(i), func(ctx context.Context) (string, error) {
					n := running.Add(1)
					defer running.Add(-1)
					for old := most.Load(); n > old && !most.CompareAndSwap(old, n); old = most.Load() {
					}
					time.Sleep(time.Millisecond)
					return c.GetOrSet(ctx, fmt.Sprint("inner", i), func(context.Context) (string, error) {
						time.Sleep(time.Millisecond)
						return "v", nil
					})
				})
				if err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if got := most.Load(); got != 4 {
			t.Errorf("loaders at once: got %d, want 4", got)
		}
	})
}

func TestMaxLoadsLineEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := cache.For[string](open(t, nil, &cache.Options{MaxLoads: 1, LoadTimeout: time.Second}))
		go func() {
			_, _ = c.GetOrSet(t.Context(), "a", func(ctx context.Context) (string, error) {
				time.Sleep(3 * time.Second) // does not look at its context
				return "v", nil
			})
		}()
		synctest.Wait()
		_, err := c.GetOrSet(t.Context(), "b", func(context.Context) (string, error) { return "v", nil })
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v, want the end of LoadTimeout", err)
		}
		time.Sleep(3 * time.Second)
		if got, err := c.GetOrSet(t.Context(), "b", func(context.Context) (string, error) { return "v", nil }); got != "v" || err != nil {
			t.Errorf("afterwards: got %q, %v", got, err)
		}
	})
}

func TestEarlyRefresh(t *testing.T) {
	for name, near := range map[string]bool{"one tier": false, "with a near tier": true} {
		t.Run(name, func(t *testing.T) {
			opts := cache.Options{EarlyRefresh: 1}
			if near {
				opts.Near = []cache.Tier{{}}
			}
			inStaleWorld(t, opts, func(w *staleWorld) {
				w.source.slow(time.Second)
				w.get("v1")
				for range 1000 {
					w.get("v1") // 59 s before its end the chance is e^-59
				}
				w.loaded(1)
				time.Sleep(59*time.Second - 400*time.Millisecond) // now it is e^-0.4 … and v1 is fresh
				for range 50 {
					w.get("v1")
				}
				w.loaded(2)
				time.Sleep(1100 * time.Millisecond)
				w.get("v2")
				w.get("v2")
				w.loaded(2)
				w.last(map[bool]cache.Outcome{false: cache.Hit, true: cache.NearHit}[near], 0)
			})
		})
	}
}

// Cheap loads, and entries without an end, are not refreshed early.
func TestEarlyRefreshNeedsACost(t *testing.T) {
	inStaleWorld(t, cache.Options{EarlyRefresh: 1000}, func(w *staleWorld) {
		t := w.t
		w.get("v1")
		w.get("v1")
		w.loaded(1)
		if _, err := w.values.Delete(t.Context(), "k"); err != nil {
			t.Fatal(err)
		}
		w.source.slow(time.Second)
		w.get("v2", cache.TTL(cache.Forever))
		w.get("v2", cache.TTL(cache.Forever))
		w.loaded(2)
	})
}

// A stale value of another type is no value.
func TestStaleOfAnotherType(t *testing.T) {
	inStaleWorld(t, cache.Options{}, func(w *staleWorld) {
		t := w.t
		w.get("v1")
		time.Sleep(2 * time.Minute)
		numbers := cache.For[struct{ N int }](w.client)
		got, err := numbers.GetOrSet(t.Context(), "k", func(context.Context) (struct{ N int }, error) { return struct{ N int }{7}, nil })
		if got.N != 7 || err != nil {
			t.Errorf("got %v, %v, want what the loader made", got, err)
		}
	})
}

func TestCloseWaitsForTheBackground(t *testing.T) {
	inStaleWorld(t, cache.Options{}, func(w *staleWorld) {
		t := w.t
		w.get("v1")
		time.Sleep(2 * time.Minute)
		w.source.slow(time.Second)
		w.get("v1")
		synctest.Wait()
		began := time.Now()
		if err := w.client.Close(t.Context()); err != nil {
			t.Error(err)
		}
		if took := time.Since(began); took != time.Second {
			t.Errorf("Close took %v, want the rest of the load", took)
		}
	})
}

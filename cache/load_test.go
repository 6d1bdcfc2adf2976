package cache_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stratacache/strata/cache"
)

// database is what loaders read: a value with a version.

type database struct{ version atomic.Int64 }

func (d *database) write() string { return fmt.Sprintf("v%d", d.version.Add(1)) }

func (d *database) read() string { return fmt.Sprintf("v%d", d.version.Load()) }

func TestCallersOfOneKeyShareOneLoad(t *testing.T) { // INV-037
	synctest.Test(t, func(t *testing.T) {
		c := cache.For[string](open(t, nil, nil))
		var loads atomic.Int32
		var wg sync.WaitGroup
		for range 1000 {
			wg.Go(func() {
				got, err := c.GetOrSet(t.Context(), "k", func(context.Context) (string, error) {
					loads.Add(1)
					time.Sleep(50 * time.Millisecond)
					return "v", nil
				})
				if got != "v" || err != nil {
					t.Errorf("GetOrSet: got %q, %v; want v", got, err)
				}
			})
		}
		wg.Wait()
		if n := loads.Load(); n != 1 {
			t.Errorf("loads: got %d, want 1", n)
		}
	})
}

// The first caller's context ends; the others still get the value.

func TestALoadOutlivesItsFirstCaller(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := cache.For[string](open(t, nil, nil))
		first, cancel := context.WithCancel(t.Context())
		load := func(ctx context.Context) (string, error) {
			select {
			case <-time.After(time.Second):
				return "v", nil
			case <-ctx.Done():
				return "", context.Cause(ctx)
			}
		}
		var wg sync.WaitGroup
		wg.Go(func() {
			if _, err := c.GetOrSet(first, "k", load); !errors.Is(err, context.Canceled) {
				t.Errorf("the cancelled caller: got %v, want context.Canceled", err)
			}
		})
		synctest.Wait()
		for range 9 {
			wg.Go(func() {
				if got, err := c.GetOrSet(t.Context(), "k", load); got != "v" || err != nil {
					t.Errorf("a follower: got %q, %v; want v", got, err)
				}
			})
		}
		synctest.Wait()
		cancel()
		wg.Wait()
	})
}

func TestALoadEndsWithItsLastWaiter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := cache.For[string](open(t, nil, nil))
		ctx, cancel := context.WithCancel(t.Context())
		var ended atomic.Bool
		var wg sync.WaitGroup
		for range 3 {
			wg.Go(func() {
				_, _ = c.GetOrSet(ctx, "k", func(ctx context.Context) (string, error) {
					<-ctx.Done()
					ended.Store(true)
					time.Sleep(time.Hour) // it takes its time to notice
					return "", ctx.Err()
				})
			})
		}
		synctest.Wait()
		if ended.Load() {
			t.Error("the load's context ended while callers waited")
		}
		cancel()
		wg.Wait()
		synctest.Wait()
		if !ended.Load() {
			t.Error("the load's context did not end with its last waiter")
		}
		// A caller that comes now must not be given the cancelled load.
		got, err := c.GetOrSet(t.Context(), "k", func(context.Context) (string, error) { return "new", nil })
		if got != "new" || err != nil {
			t.Errorf("after the cancelled load: got %q, %v; want new", got, err)
		}
	})
}

func TestLoadTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := cache.For[string](open(t, nil, &cache.Options{LoadTimeout: time.Second}))
		began := time.Now()
		_, err := c.GetOrSet(t.Context(), "k", func(ctx context.Context) (string, error) {
			<-ctx.Done()
			return "", ctx.Err()
		})
		if !errors.Is(err, context.DeadlineExceeded) || time.Since(began) != time.Second {
			t.Errorf("got %v after %v, want DeadlineExceeded after 1s", err, time.Since(began))
		}
	})
}

func TestPanicAndGoexitBecomeErrors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := cache.For[string](open(t, nil, nil))
		cause := errors.New("boom")
		for name, load := range map[string]func(context.Context) (string, error){
			"panic":  func(context.Context) (string, error) { time.Sleep(time.Nanosecond); panic(cause) },
			"goexit": func(context.Context) (string, error) { time.Sleep(time.Nanosecond); runtime.Goexit(); return "", nil },
		} {
			var wg sync.WaitGroup
			for range 4 {
				wg.Go(func() {
					_, err := c.GetOrSet(t.Context(), name, load)
					var p *cache.PanicError
					if !errors.As(err, &p) {
						t.Errorf("%s: got %v, want a *PanicError", name, err)
						return
					}
					if name == "panic" && (!errors.Is(err, cause) || !strings.Contains(string(p.Stack), "TestPanicAndGoexit")) {
						t.Errorf("panic: got %v, want the cause and the stack of the loader", err)
					}
				})
			}
			wg.Wait()
			if ok, _ := c.Has(t.Context(), name); ok {
				t.Errorf("%s: something was stored", name)
			}
		}
	})
}

func TestRecursiveLoadIsAnError(t *testing.T) {
	c := cache.For[string](open(t, nil, nil))
	var inner error
	got, err := c.GetOrSet(t.Context(), "a", func(ctx context.Context) (string, error) {
		return c.GetOrSet(ctx, "b", func(ctx context.Context) (string, error) {
			_, inner = c.GetOrSet(ctx, "a", func(context.Context) (string, error) { return "", nil })
			return "v", nil
		})
	})
	if got != "v" || err != nil || !errors.Is(inner, cache.ErrRecursiveLoad) {
		t.Errorf("got %q, %v, inner %v; want v and ErrRecursiveLoad inside", got, err, inner)
	}
}

func TestNotFoundIsRememberedForItsOwnTime(t *testing.T) { // INV-001
	synctest.Test(t, func(t *testing.T) {
		c := cache.For[string](open(t, nil, &cache.Options{NegativeTTL: 10 * time.Second}))
		loads := 0
		load := func(context.Context) (string, error) {
			loads++
			return "", fmt.Errorf("user 7: %w", cache.ErrNotFound)
		}
		for range 3 {
			if _, err := c.GetOrSet(t.Context(), "k", load); !errors.Is(err, cache.ErrNotFound) {
				t.Fatalf("GetOrSet: got %v, want ErrNotFound", err)
			}
		}
		if _, err := c.Get(t.Context(), "k"); !errors.Is(err, cache.ErrNotFound) || errors.Is(err, cache.ErrMiss) {
			t.Errorf("Get: got %v, want ErrNotFound and not ErrMiss", err)
		}
		time.Sleep(10 * time.Second)
		_, _ = c.GetOrSet(t.Context(), "k", load)
		if loads != 2 {
			t.Errorf("loads: got %d, want 2: one, and one after NegativeTTL", loads)
		}
	})
}

func TestErrorsAreNotStored(t *testing.T) {
	client := open(t, nil, nil)
	c := cache.For[string](client)
	failure := errors.New("database down")
	for range 2 {
		if _, err := c.GetOrSet(t.Context(), "k", func(context.Context) (string, error) { return "", failure }); !errors.Is(err, failure) {
			t.Errorf("got %v, want the loader's error", err)
		}
	}
	if s := client.Stats(); s.Loads != 2 || s.LoadErrors != 2 {
		t.Errorf("got %d loads, %d failed; want 2, 2", s.Loads, s.LoadErrors)
	}
}

// The classic fault: a reader loads the old row, a writer commits and

// invalidates, the reader stores.

// A caller that begins after an invalidation must not be given the result of a

// load that began before it, although it waits for that very load.

// Not finding a thing is a result like any other: who comes after it was made

// and the invalidation must not be told that it does not exist.

// An invalidation in the middle of a load costs one load more, however many

// callers wait for it.

// A caller that gives up while the load it waits for ends: for the race

// detector.

// Two views of one key that want different types load apart.

// A connection's timeout calls itself context.DeadlineExceeded. It is an outage

// all the same; the caller's own deadline is not.

// A caller may wait for a flight only until the flight's result is on its way

// into the store: a store that cannot check and store in one step may have

// looked at the tags before the invalidation that the caller must see.

// After a Delete nobody even waits for the old load: it could not be stored.

// When the store does not answer, loaders run, one for each key, and nobody

// is given a result that is older than this process's own invalidations.

// A Close whose context ends cancels what is left.

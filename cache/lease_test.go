package cache_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stratacache/strata/backends/locmem"
	"github.com/stratacache/strata/cache"
	"github.com/stratacache/strata/cache/driver"
)

// inProcesses runs a test with clients of one store, each as in a process of its
// own.
func inProcesses(t *testing.T, n int, opts *cache.Options, test func(t *testing.T, c []*cache.Client)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		shared := locmem.New(nil)
		t.Cleanup(func() { _ = shared.Close(context.Background()) })
		clients := make([]*cache.Client, n)
		for i := range clients {
			clients[i] = open(t, remote{shared}, opts)
		}
		test(t, clients)
		synctest.Wait()
	})
}

// remote is a store that is not in this process.
type remote struct{ driver.Store }

func (remote) Close(context.Context) error { return nil }

func TestProcessesShareOneLoad(t *testing.T) {
	inProcesses(t, 4, nil, func(t *testing.T, clients []*cache.Client) {
		var loads atomic.Int64
		var wg sync.WaitGroup
		for i := range 1000 {
			wg.Go(func() {
				got, err := cache.For[string](clients[i%4]).GetOrSet(t.Context(), "k", func(context.Context) (string, error) {
					loads.Add(1)
					time.Sleep(50 * time.Millisecond)
					return "v", nil
				})
				if got != "v" || err != nil {
					t.Errorf("got %q, %v", got, err)
				}
			})
		}
		wg.Wait()
		if n := loads.Load(); n != 1 {
			t.Errorf("loads: got %d, want 1", n)
		}
		var awaited uint64
		for _, c := range clients {
			awaited += c.Stats().Awaited
		}
		if awaited != 3 {
			t.Errorf("Awaited: got %d, want 3", awaited)
		}
	})
}

// loadsAfter is how long a call of GetOrSet takes until its loader runs.
func loadsAfter(t *testing.T, c *cache.Client, opts ...cache.Option) time.Duration {
	t.Helper()
	began := time.Now()
	var took time.Duration = -1
	_, err := cache.For[string](c).GetOrSet(t.Context(), "k", func(context.Context) (string, error) {
		took = time.Since(began)
		return "loaded", nil
	}, opts...)
	if err != nil {
		t.Error(err)
	}
	return took
}

// A process that dies while it loads holds the others up for LeaseWait, no more.
func TestLeaseOfADeadProcess(t *testing.T) {
	for wait, want := range map[time.Duration]time.Duration{0: 3 * time.Second, 200 * time.Millisecond: 200 * time.Millisecond, cache.Never: 0} {
		t.Run(fmt.Sprint(wait), func(t *testing.T) {
			inProcesses(t, 2, &cache.Options{LeaseWait: wait}, func(t *testing.T, c []*cache.Client) {
				if _, err := c[0].Fence(t.Context(), "k"); err != nil { // and is heard of no more
					t.Fatal(err)
				}
				if got := loadsAfter(t, c[1]); got < want || got > want+200*time.Millisecond {
					t.Errorf("waited %v, want %v", got, want)
				}
				if got := loadsAfter(t, c[0]); got >= 0 {
					t.Error("what was loaded was not stored")
				}
			})
		})
	}
}

// A load that stores nothing does not give back what a caller of Fence holds.
func TestAFenceIsNotGivenBack(t *testing.T) {
	inProcesses(t, 1, nil, func(t *testing.T, c []*cache.Client) {
		f, err := c[0].Fence(t.Context(), "k")
		if err != nil {
			t.Fatal(err)
		}
		loadsAfter(t, c[0], cache.NoStore())
		synctest.Wait()
		if ok, err := c[0].Fill(t.Context(), "k", []byte("v"), f); !ok || err != nil {
			t.Errorf("Fill: got %v, %v, want it stored", ok, err)
		}
	})
}

// Nobody waits for a load that failed, was cancelled or kept its result.
func TestLeaseIsGivenBack(t *testing.T) {
	for name, end := range map[string]func(ctx context.Context, c *cache.Client){
		"failed": func(ctx context.Context, c *cache.Client) {
			_, _ = c.GetOrSet(ctx, "k", func(context.Context) ([]byte, error) { return nil, errSource })
		},
		"panicked": func(ctx context.Context, c *cache.Client) {
			_, _ = c.GetOrSet(ctx, "k", func(context.Context) ([]byte, error) { panic("oh") })
		},
		"not stored": func(ctx context.Context, c *cache.Client) {
			_, _ = c.GetOrSet(ctx, "k", func(context.Context) ([]byte, error) { return nil, nil }, cache.NoStore())
		},
		"a batch that failed": func(ctx context.Context, c *cache.Client) {
			_, _ = c.GetOrSetMany(ctx, []string{"j", "k"}, func(context.Context, []string) (map[string][]byte, error) { return nil, errSource })
		},
		"cancelled": func(ctx context.Context, c *cache.Client) {
			ctx, cancel := context.WithTimeout(ctx, time.Millisecond)
			defer cancel()
			_, _ = c.GetOrSet(ctx, "k", func(ctx context.Context) ([]byte, error) { <-ctx.Done(); return nil, ctx.Err() })
		},
	} {
		t.Run(name, func(t *testing.T) {
			inProcesses(t, 2, nil, func(t *testing.T, c []*cache.Client) {
				end(t.Context(), c[0])
				synctest.Wait()
				if got := loadsAfter(t, c[1]); got != 0 {
					t.Errorf("the other process loaded after %v, want at once", got)
				}
			})
		})
	}
}

// A fence of this process is nothing to wait for.
func TestOwnFenceIsNoLease(t *testing.T) {
	inProcesses(t, 1, nil, func(t *testing.T, c []*cache.Client) {
		if _, err := c[0].Fence(t.Context(), "k"); err != nil {
			t.Fatal(err)
		}
		if got := loadsAfter(t, c[0]); got != 0 {
			t.Errorf("loaded after %v, want at once", got)
		}
	})
}

// Whoever waits for another process is not given what was invalidated.
func TestInvalidationWhileAnotherProcessLoads(t *testing.T) {
	for name, invalidate := range map[string]func(context.Context, *cache.Client) error{
		"by key": func(ctx context.Context, c *cache.Client) error { _, err := c.Delete(ctx, "k"); return err },
		"by tag": func(ctx context.Context, c *cache.Client) error { return c.Invalidate(ctx, "t") },
	} {
		t.Run(name, func(t *testing.T) {
			inProcesses(t, 3, nil, func(t *testing.T, c []*cache.Client) {
				var db database
				db.write()
				load := func(context.Context) (string, error) {
					v := db.read()
					time.Sleep(time.Second)
					return v, nil
				}
				get := func(i int) (string, error) {
					return cache.For[string](c[i]).GetOrSet(t.Context(), "k", load, cache.Tags("t"))
				}
				var wg sync.WaitGroup
				wg.Go(func() { _, _ = get(0) })
				synctest.Wait()
				wg.Go(func() { _, _ = get(1) }) // waits, and began before the invalidation
				time.Sleep(100 * time.Millisecond)
				db.write()
				if err := invalidate(t.Context(), c[2]); err != nil {
					t.Fatal(err)
				}
				for i := range c {
					wg.Go(func() {
						if got, err := get(i); got != "v2" || err != nil {
							t.Errorf("process %d: got %q, %v, want v2", i, got, err)
						}
					})
				}
				wg.Wait()
			})
		})
	}
}

// What another process loads under the key may be of another type.
func TestLeaseOfAnotherType(t *testing.T) {
	inProcesses(t, 2, nil, func(t *testing.T, c []*cache.Client) {
		var wg sync.WaitGroup
		wg.Go(func() {
			_, _ = cache.For[int](c[0]).GetOrSet(t.Context(), "k", func(context.Context) (int, error) { time.Sleep(time.Second); return 7, nil })
		})
		synctest.Wait()
		if got := loadsAfter(t, c[1]); got < time.Second || got > 2*time.Second {
			t.Errorf("loaded after %v, want once the other was done", got)
		}
		wg.Wait()
	})
}

// "Not found" is an answer for the other processes too.
func TestLeaseOfNotFound(t *testing.T) {
	inProcesses(t, 2, nil, func(t *testing.T, c []*cache.Client) {
		var wg sync.WaitGroup
		for _, c := range c {
			wg.Go(func() {
				_, err := c.GetOrSet(t.Context(), "k", func(context.Context) ([]byte, error) {
					time.Sleep(time.Second)
					return nil, cache.ErrNotFound
				})
				if !errors.Is(err, cache.ErrNotFound) {
					t.Errorf("got %v", err)
				}
			})
		}
		wg.Wait()
		if a, b := c[0].Stats().Loads, c[1].Stats().Loads; a+b != 1 {
			t.Errorf("loads: got %d and %d, want one", a, b)
		}
	})
}

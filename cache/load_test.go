package cache_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stratacache/strata/backends/locmem"
	"github.com/stratacache/strata/cache"
	"github.com/stratacache/strata/cache/driver"
)

// database is what loaders read: a value with a version.
type database struct{ version atomic.Int64 }

func (d *database) write() string { return fmt.Sprintf("v%d", d.version.Add(1)) }
func (d *database) read() string  { return fmt.Sprintf("v%d", d.version.Load()) }

func TestCallersOfOneKeyShareOneLoad(t *testing.T) {
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

func TestNotFoundIsRememberedForItsOwnTime(t *testing.T) {
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
func TestAnInvalidationDuringALoadKeepsItsResultOut(t *testing.T) {
	for name, invalidate := range map[string]func(context.Context, cache.Cache) error{
		"by key":   func(ctx context.Context, c cache.Cache) error { _, err := c.Delete(ctx, "k"); return err },
		"by tag":   func(ctx context.Context, c cache.Cache) error { return c.Invalidate(ctx, "t") },
		"by clear": func(ctx context.Context, c cache.Cache) error { return c.Clear(ctx) },
		"by set":   func(ctx context.Context, c cache.Cache) error { return c.Set(ctx, "k", []byte("v2")) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				client := open(t, nil, nil)
				c := cache.For[string](client.WithPrefix("p"))
				bytes := client.WithPrefix("p")
				var db database
				db.write()
				loaded, goOn := make(chan struct{}), make(chan struct{})
				var wg sync.WaitGroup
				wg.Go(func() {
					got, err := c.GetOrSet(t.Context(), "k", func(context.Context) (string, error) {
						v := db.read()
						close(loaded)
						<-goOn
						return v, nil
					}, cache.Tags("t"))
					if got != "v1" || err != nil {
						t.Errorf("the load's own caller: got %q, %v; want v1", got, err)
					}
				})
				<-loaded
				db.write()
				if err := invalidate(t.Context(), bytes); err != nil {
					t.Fatal(err)
				}
				close(goOn)
				wg.Wait()
				got, err := c.GetOrSet(t.Context(), "k", func(context.Context) (string, error) { return db.read(), nil })
				if name == "by set" { // stored as bytes: another type, and so a miss here
					raw, _ := bytes.Get(t.Context(), "k")
					got = string(raw)
				}
				if got != "v2" || err != nil {
					t.Errorf("after the invalidation: got %q, %v; want v2", got, err)
				}
			})
		})
	}
}

// A caller that begins after an invalidation must not be given the result of a
// load that began before it, although it waits for that very load.
func TestALateCallerIsNotGivenAnOldLoad(t *testing.T) {
	for name, tc := range map[string]struct {
		invalidate func(context.Context, cache.Cache) error
		loads      int32 // 2 where the old load is of no use to the late caller
		want       string
	}{
		"by key":            {func(ctx context.Context, c cache.Cache) error { _, err := c.Delete(ctx, "k"); return err }, 2, "v2"},
		"by tag":            {func(ctx context.Context, c cache.Cache) error { return c.Invalidate(ctx, "t") }, 2, "v2"},
		"by clear":          {func(ctx context.Context, c cache.Cache) error { return c.Clear(ctx) }, 2, "v2"},
		"by something else": {func(ctx context.Context, c cache.Cache) error { return c.Invalidate(ctx, "other") }, 1, "v1"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				client := open(t, nil, nil)
				c := cache.For[string](client)
				var db database
				db.write()
				var loads atomic.Int32
				load := func(context.Context) (string, error) {
					loads.Add(1)
					v := db.read()
					time.Sleep(time.Second)
					return v, nil
				}
				var wg sync.WaitGroup
				wg.Go(func() { _, _ = c.GetOrSet(t.Context(), "k", load, cache.Tags("t")) })
				synctest.Wait()
				db.write()
				if err := tc.invalidate(t.Context(), client); err != nil {
					t.Fatal(err)
				}
				for range 3 {
					wg.Go(func() {
						got, err := c.GetOrSet(t.Context(), "k", load, cache.Tags("t"))
						if err != nil || got < tc.want {
							t.Errorf("a late caller: got %q, %v; want %s", got, err, tc.want)
						}
					})
				}
				wg.Wait()
				if n := loads.Load(); (n == 1) != (tc.loads == 1) {
					t.Errorf("loads: got %d, want %d", n, tc.loads)
				}
			})
		})
	}
}

// Not finding a thing is a result like any other: who comes after it was made
// and the invalidation must not be told that it does not exist.
func TestALateCallerIsNotGivenAnOldNotFound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client := open(t, nil, nil)
		var made atomic.Bool
		load := func(context.Context) ([]byte, error) {
			is := made.Load()
			time.Sleep(time.Second)
			if !is {
				return nil, cache.ErrNotFound
			}
			return []byte("row"), nil
		}
		var wg sync.WaitGroup
		wg.Go(func() { _, _ = client.GetOrSet(t.Context(), "k", load, cache.Tags("t")) })
		synctest.Wait()
		made.Store(true)
		if err := client.Invalidate(t.Context(), "t"); err != nil {
			t.Fatal(err)
		}
		if got, err := client.GetOrSet(t.Context(), "k", load, cache.Tags("t")); string(got) != "row" || err != nil {
			t.Errorf("got %q, %v; want row", got, err)
		}
		wg.Wait()
	})
}

// An invalidation in the middle of a load costs one load more, however many
// callers wait for it.
func TestLateCallersShareTheNextLoad(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client := open(t, nil, nil)
		var loads, now, most atomic.Int64
		load := func(context.Context) ([]byte, error) {
			loads.Add(1)
			most.Store(max(most.Load(), now.Add(1)))
			defer now.Add(-1)
			time.Sleep(time.Second)
			return []byte("row"), nil
		}
		var wg sync.WaitGroup
		get := func() { wg.Go(func() { _, _ = client.GetOrSet(t.Context(), "k", load, cache.Tags("t")) }) }
		get()
		synctest.Wait()
		_ = client.Invalidate(t.Context(), "t")
		for range 200 {
			get()
		}
		wg.Wait()
		if loads.Load() != 2 || most.Load() != 1 {
			t.Errorf("got %d loads, %d at once; want 2, one after the other", loads.Load(), most.Load())
		}
	})
}

// A caller that gives up while the load it waits for ends: for the race
// detector.
func TestGivingUpAsALoadEnds(t *testing.T) {
	client := open(t, nil, nil)
	for range 50 {
		_, _ = client.Delete(t.Context(), "k")
		begun, goOn := make(chan struct{}), make(chan struct{})
		load := func(context.Context) ([]byte, error) { close(begun); <-goOn; return []byte("x"), nil }
		var wg sync.WaitGroup
		wg.Go(func() { _, _ = client.GetOrSet(t.Context(), "k", load) })
		<-begun
		_ = client.Invalidate(t.Context(), "other") // who joins now has to ask whether it was stored
		ctx, cancel := context.WithCancel(t.Context())
		wg.Go(func() { _, _ = client.GetOrSet(ctx, "k", func(context.Context) ([]byte, error) { return nil, nil }) })
		wg.Go(cancel)
		wg.Go(func() { close(goOn) })
		wg.Wait()
	}
}

// Two views of one key that want different types load apart.
func TestLoadsOfDifferentTypesDoNotJoin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client := open(t, nil, nil)
		var wg sync.WaitGroup
		wg.Go(func() {
			got, err := cache.For[user](client).GetOrSet(t.Context(), "k", func(context.Context) (user, error) {
				time.Sleep(time.Second)
				return user{Name: "a"}, nil
			})
			if got.Name != "a" || err != nil {
				t.Errorf("got %v, %v; want a", got, err)
			}
		})
		synctest.Wait()
		for range 2 {
			if got, err := cache.For[string](client).GetOrSet(t.Context(), "k", func(context.Context) (string, error) { return "s", nil }); got != "s" || err != nil {
				t.Errorf("got %q, %v; want s", got, err)
			}
		}
		wg.Wait()
	})
}

// A connection's timeout calls itself context.DeadlineExceeded. It is an outage
// all the same; the caller's own deadline is not.
func TestTimeoutOfAConnectionIsAnOutage(t *testing.T) {
	_, timeout := net.DialTimeout("tcp", "127.0.0.1:1", time.Nanosecond)
	for cause, want := range map[error]bool{timeout: true, errDown: true, context.DeadlineExceeded: false, context.Canceled: false} {
		store := &tapped{Store: locmem.New(nil)}
		store.get = func(context.Context, driver.Key, time.Duration, driver.Store) (driver.Reading, error) {
			return driver.Reading{}, cause
		}
		if _, err := open(t, store, nil).Get(t.Context(), "k"); errors.Is(err, cache.ErrUnavailable) != want {
			t.Errorf("%v: ErrUnavailable %v, want %v", err, !want, want)
		}
	}
}

// A caller may wait for a flight only until the flight's result is on its way
// into the store: a store that cannot check and store in one step may have
// looked at the tags before the invalidation that the caller must see.
func TestNobodyJoinsAFlightThatIsStoring(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		storing, goOn := make(chan struct{}), make(chan struct{})
		var first atomic.Bool
		store := &tapped{Store: locmem.New(nil)}
		store.put = func(ctx context.Context, key driver.Key, e *driver.Entry, mode driver.Mode, token driver.Token, next driver.Store) (driver.Result, error) {
			if first.CompareAndSwap(false, true) {
				close(storing) // the tags have been looked at
				<-goOn
				return driver.Result{Done: true}, nil
			}
			return next.Put(ctx, key, e, mode, token)
		}
		client := open(t, store, nil)
		c := cache.For[string](client)
		var db database
		db.write()
		load := func(context.Context) (string, error) { return db.read(), nil }
		var wg sync.WaitGroup
		wg.Go(func() { _, _ = c.GetOrSet(t.Context(), "k", load, cache.Tags("t")) })
		<-storing
		db.write()
		if err := client.Invalidate(t.Context(), "t"); err != nil {
			t.Fatal(err)
		}
		wg.Go(func() {
			if got, err := c.GetOrSet(t.Context(), "k", load, cache.Tags("t")); got != "v2" || err != nil {
				t.Errorf("got %q, %v; want v2", got, err)
			}
		})
		synctest.Wait()
		close(goOn)
		wg.Wait()
	})
}

// After a Delete nobody even waits for the old load: it could not be stored.
func TestDeleteDetachesALoad(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client := open(t, nil, nil)
		load := func(context.Context) ([]byte, error) { time.Sleep(time.Second); return nil, nil }
		var wg sync.WaitGroup
		wg.Go(func() { _, _ = client.GetOrSet(t.Context(), "k", load) })
		synctest.Wait()
		if _, err := client.Delete(t.Context(), "k"); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Millisecond)
		began := time.Now()
		_, _ = client.GetOrSet(t.Context(), "k", load)
		if took := time.Since(began); took != time.Second {
			t.Errorf("the load after the Delete took %v, want its own second alone", took)
		}
		wg.Wait()
	})
}

func TestALoadIsStampedBeforeItReads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client := open(t, nil, nil)
		c := cache.For[string](client)
		f, err := c.Fence(t.Context(), "k")
		if err != nil {
			t.Fatal(err)
		}
		old := "read before the invalidation"
		if err := client.Invalidate(t.Context(), "discovered"); err != nil {
			t.Fatal(err)
		}
		stored, err := c.Fill(t.Context(), "k", old, f, cache.Tags("discovered"))
		if stored || err != nil {
			t.Errorf("Fill after the invalidation of a tag that was discovered: got %v, %v; want false", stored, err)
		}
		f, _ = c.Fence(t.Context(), "k")
		if stored, err := c.Fill(t.Context(), "k", "new", f, cache.Tags("discovered")); !stored || err != nil {
			t.Errorf("Fill under a newer fence: got %v, %v; want true (equal is valid)", stored, err)
		}
		if got, err := c.Get(t.Context(), "k"); got != "new" || err != nil {
			t.Errorf("Get: got %q, %v; want new", got, err)
		}
	})
}

func TestWriteThrough(t *testing.T) {
	client := open(t, nil, nil)
	c := cache.For[string](client)
	ctx := t.Context()
	if err := c.Set(ctx, "k", "v", cache.Tags("t")); !errors.Is(err, cache.ErrUnfenced) {
		t.Errorf("Set with tags and no fence: got %v, want ErrUnfenced", err)
	}
	f, _ := c.Fence(ctx, "k")
	if err := c.Set(ctx, "k", "v1", cache.Tags("t"), cache.Fenced(f)); err != nil {
		t.Fatal(err)
	}
	if got, _ := c.Get(ctx, "k"); got != "v1" {
		t.Errorf("a fenced Set: got %q, want v1", got)
	}
	f, _ = c.Fence(ctx, "k")
	_ = client.Invalidate(ctx, "t") // another writer
	if err := c.Set(ctx, "k", "v2", cache.Tags("t"), cache.Fenced(f)); err != nil {
		t.Fatal(err)
	}
	if got, err := c.Get(ctx, "k"); !errors.Is(err, cache.ErrMiss) {
		t.Errorf("a fenced Set that was overtaken: got %q, %v; want ErrMiss: the key is removed", got, err)
	}
	other, _ := c.Fence(ctx, "other")
	if err := c.Set(ctx, "k", "v", cache.Fenced(other)); !errors.Is(err, cache.ErrKey) {
		t.Errorf("a fence of another key: got %v, want ErrKey", err)
	}
	if err := c.Set(ctx, "k", "v", cache.Fenced(cache.Fence{})); !errors.Is(err, cache.ErrKey) {
		t.Errorf("no fence at all: got %v, want ErrKey", err)
	}
}

var errDown = errors.New("connection refused")

// When the store does not answer, loaders run, one for each key, and nobody
// is given a result that is older than this process's own invalidations.
func TestOutageFailsOpen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var down atomic.Bool
		store := &tapped{Store: locmem.New(nil)}
		store.get = func(ctx context.Context, key driver.Key, hold time.Duration, next driver.Store) (driver.Reading, error) {
			if down.Load() {
				return driver.Reading{}, errDown
			}
			return next.Get(ctx, key, hold)
		}
		client := open(t, store, nil)
		c := cache.For[string](client)
		var db database
		db.write()
		var loads atomic.Int32
		load := func(context.Context) (string, error) {
			loads.Add(1)
			v := db.read()
			time.Sleep(time.Second)
			return v, nil
		}
		down.Store(true)
		if _, err := c.Get(t.Context(), "k"); !errors.Is(err, errDown) || !errors.Is(err, cache.ErrUnavailable) || errors.Is(err, cache.ErrMiss) {
			t.Errorf("Get: got %v, want the outage and not ErrMiss", err)
		}
		var wg sync.WaitGroup
		for range 10 {
			wg.Go(func() {
				if got, err := c.GetOrSet(t.Context(), "k", load); got != "v1" || err != nil {
					t.Errorf("GetOrSet: got %q, %v; want v1", got, err)
				}
			})
		}
		synctest.Wait()
		db.write()
		_ = client.Invalidate(t.Context(), "t") // it goes through: only reads are down
		wg.Go(func() {
			if got, err := c.GetOrSet(t.Context(), "k", load); got != "v2" || err != nil {
				t.Errorf("after an invalidation: got %q, %v; want v2", got, err)
			}
		})
		wg.Wait()
		if n := loads.Load(); n != 2 {
			t.Errorf("loads: got %d, want 2", n)
		}
		down.Store(false)
		if _, err := c.Get(t.Context(), "k"); !errors.Is(err, cache.ErrMiss) {
			t.Errorf("after the outage: got %v, want ErrMiss: nothing was stored", err)
		}
	})
}

func TestCloseDrains(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, err := cache.New(locmem.New(nil), nil)
		if err != nil {
			t.Fatal(err)
		}
		c := cache.For[string](client)
		var wg sync.WaitGroup
		wg.Go(func() {
			got, err := c.GetOrSet(t.Context(), "k", func(context.Context) (string, error) {
				time.Sleep(time.Second)
				return "v", nil
			})
			if got != "v" || err != nil {
				t.Errorf("a load under way: got %q, %v; want v", got, err)
			}
		})
		synctest.Wait()
		if err := client.Close(t.Context()); err != nil {
			t.Errorf("Close: %v", err)
		}
		if err := client.Close(t.Context()); err != nil {
			t.Errorf("Close again: %v", err)
		}
		wg.Wait()
		for op, err := range map[string]error{
			"Get":        second(c.Get(t.Context(), "k")),
			"GetMany":    second(c.GetMany(t.Context(), "k")),
			"GetOrSet":   second(c.GetOrSet(t.Context(), "k", nil)),
			"Set":        c.Set(t.Context(), "k", "v"),
			"Add":        second(c.Add(t.Context(), "k", "v")),
			"Delete":     second(c.Delete(t.Context(), "k")),
			"Incr":       second(client.Incr(t.Context(), "k", 1)),
			"Invalidate": client.Invalidate(t.Context(), "t"),
			"Clear":      client.Clear(t.Context()),
			"Ping":       client.Ping(t.Context()),
		} {
			if !errors.Is(err, cache.ErrClosed) {
				t.Errorf("%s after Close: got %v, want ErrClosed", op, err)
			}
		}
	})
}

func second[T any](_ T, err error) error { return err }

// A Close whose context ends cancels what is left.
func TestCloseCancels(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, _ := cache.New(locmem.New(nil), nil)
		var wg sync.WaitGroup
		wg.Go(func() {
			_, err := client.GetOrSet(t.Context(), "k", func(ctx context.Context) ([]byte, error) {
				<-ctx.Done()
				return nil, ctx.Err()
			})
			if !errors.Is(err, context.Canceled) {
				t.Errorf("the load: got %v, want context.Canceled", err)
			}
		})
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := client.Close(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Close: got %v, want DeadlineExceeded", err)
		}
		wg.Wait()
	})
}

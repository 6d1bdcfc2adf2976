package cache_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stratacache/strata/backends/locmem"
	"github.com/stratacache/strata/cache"
	"github.com/stratacache/strata/cache/driver"
)

func TestAnInvalidationDuringALoadKeepsItsResultOut(t *testing.T) { // INV-030, BUG-21
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

// What came to stand there meanwhile may be of another type: then it is loaded.
func TestAskingAnewMeetsAnotherType(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client := open(t, locmem.New(nil), nil)
		c := cache.For[string](client)
		slow := func(context.Context) (string, error) { time.Sleep(time.Second); return "v", nil }
		go func() { _, _ = c.GetOrSet(t.Context(), "k", slow) }()
		synctest.Wait()
		_ = client.Invalidate(t.Context(), "other")
		type thing struct{ A int }
		go func() {
			time.Sleep(time.Millisecond)
			_ = cache.For[thing](client).Set(t.Context(), "k", thing{1})
		}()
		got, err := c.GetOrSet(t.Context(), "k", slow)
		if err != nil {
			t.Errorf("single: %q %v", got, err)
		}
		time.Sleep(time.Minute)
	})
}

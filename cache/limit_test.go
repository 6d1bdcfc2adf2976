package cache_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stratacache/strata/backends/locmem"
	"github.com/stratacache/strata/cache"
	"github.com/stratacache/strata/cache/driver"
)

// slowStore takes so long for each call, and gives up when its context ends.
type slowStore struct {
	driver.Store
	nanos atomic.Int64
}

func (s *slowStore) takes(d time.Duration) { s.nanos.Store(int64(d)) }

func (s *slowStore) nap(ctx context.Context) error {
	select {
	case <-time.After(time.Duration(s.nanos.Load())):
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (s *slowStore) Get(ctx context.Context, key driver.Key, hold time.Duration) (driver.Reading, error) {
	if err := s.nap(ctx); err != nil {
		return driver.Reading{}, err
	}
	return s.Store.Get(ctx, key, hold)
}

func (s *slowStore) Put(ctx context.Context, key driver.Key, e *driver.Entry, mode driver.Mode, token driver.Token) (driver.Result, error) {
	if err := s.nap(ctx); err != nil {
		return driver.Result{}, err
	}
	return s.Store.Put(ctx, key, e, mode, token)
}

func (s *slowStore) Invalidate(ctx context.Context, what driver.Invalidation) (driver.Invalidated, error) {
	if err := s.nap(ctx); err != nil {
		return driver.Invalidated{}, err
	}
	return s.Store.Invalidate(ctx, what)
}

func TestStoreTimeoutIsAnOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &slowStore{Store: locmem.New(nil)}
		client := open(t, store, &cache.Options{StoreTimeout: time.Second})
		if err := client.Set(t.Context(), "k", []byte("v")); err != nil {
			t.Fatal(err)
		}
		store.takes(time.Minute)
		for name, call := range map[string]func(context.Context) error{
			"Get":     func(ctx context.Context) error { _, err := client.Get(ctx, "k"); return err },
			"GetMany": func(ctx context.Context) error { _, err := client.GetMany(ctx, "k"); return err },
			"Set":     func(ctx context.Context) error { return client.Set(ctx, "k", []byte("w")) },
			"SetMany": func(ctx context.Context) error { return client.SetMany(ctx, map[string][]byte{"k": []byte("w")}) },
			"Delete":  func(ctx context.Context) error { _, err := client.Delete(ctx, "k"); return err },
		} {
			began := time.Now()
			err := call(t.Context())
			if took := time.Since(began); took != time.Second || !errors.Is(err, cache.ErrStoreTimeout) || !errors.Is(err, cache.ErrUnavailable) {
				t.Errorf("%s: got %v after %v, want ErrStoreTimeout and ErrUnavailable after 1s", name, err, took)
			}
			ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
			err = call(ctx) // the caller's own time is no outage
			cancel()
			if !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, cache.ErrUnavailable) {
				t.Errorf("%s with a deadline: got %v, want the deadline", name, err)
			}
		}
		got, err := client.GetOrSet(t.Context(), "k", func(context.Context) ([]byte, error) { return []byte("loaded"), nil })
		if string(got) != "loaded" || err != nil {
			t.Errorf("GetOrSet: got %q, %v; want what the loader has", got, err)
		}
		if s := client.Stats(); s.StoreTimeouts < 6 {
			t.Errorf("got %+v; want 6 store timeouts", s)
		}
		store.takes(0)
		time.Sleep(time.Minute)
	})
}

func TestStoreSoftTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &slowStore{Store: locmem.New(nil)}
		client := open(t, store, &cache.Options{
			StoreSoftTimeout: 100 * time.Millisecond, StoreTimeout: time.Second, Staleness: time.Hour,
			Near: []cache.Tier{{Store: locmem.New(nil)}},
		})
		c := cache.For[string](client)
		if err := c.Set(t.Context(), "k", "stored"); err != nil {
			t.Fatal(err)
		}
		must := func(key, want string, wantTook time.Duration) {
			t.Helper()
			began := time.Now()
			got, err := c.GetOrSet(t.Context(), key, value("loaded"))
			if took := time.Since(began); got != want || err != nil || took != wantTook {
				t.Errorf("%s: got %q, %v after %v; want %s after %v", key, got, err, took, want, wantTook)
			}
		}
		store.takes(200 * time.Millisecond)
		time.Sleep(time.Nanosecond)
		must("k", "loaded", 100*time.Millisecond)
		time.Sleep(time.Second)
		must("k", "stored", 0) // what came late is in the near tier

		began := time.Now()
		if got, err := c.Get(t.Context(), "none"); !errors.Is(err, cache.ErrMiss) || time.Since(began) != 200*time.Millisecond {
			t.Errorf("Get: got %q, %v after %v; want ErrMiss, which it waits for", got, err, time.Since(began))
		}
		// A fence that was planted too late guards nothing: it is given back.
		must("absent", "loaded", 100*time.Millisecond)
		many, err := c.GetOrSetMany(t.Context(), []string{"k", "x", "y"}, func(_ context.Context, missing []string) (map[string]string, error) {
			return map[string]string{"x": "loaded", "y": "loaded"}, nil
		})
		if len(many) != 3 || err != nil {
			t.Errorf("GetOrSetMany: got %v, %v; want three values", many, err)
		}
		time.Sleep(time.Second)
		for _, key := range []string{"absent", "x", "y"} {
			r, err := store.Store.Get(t.Context(), driver.Key{Scope: ":1:", Name: key}, 0)
			if r.Entry != nil || r.Fence.Token != 0 || err != nil {
				t.Errorf("%s: got %+v, %v; want nothing under the key", key, r, err)
			}
		}
		if s := client.Stats(); s.StoreSlow != 3 || s.StoreTimeouts != 0 || s.StoreErrors != 4 {
			t.Errorf("got %+v; want 3 slow reads, whose 4 results were not stored", s)
		}
	})
}

func TestSlowReadsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var under, most atomic.Int64
		tap := &tapped{Store: locmem.New(nil)}
		tap.get = func(ctx context.Context, _ driver.Key, _ time.Duration, _ driver.Store) (driver.Reading, error) {
			most.Store(max(most.Load(), under.Add(1)))
			defer under.Add(-1)
			<-ctx.Done()
			return driver.Reading{}, context.Cause(ctx)
		}
		client := open(t, tap, &cache.Options{StoreSoftTimeout: time.Millisecond, MaxBackground: 3})
		for range 10 {
			_, _ = client.GetOrSet(t.Context(), "k", func(context.Context) ([]byte, error) { return nil, nil })
			synctest.Wait()
		}
		if under.Load() != 3 || most.Load() != 4 {
			t.Errorf("%d calls go on, at most %d at once; want 3 and 4", under.Load(), most.Load())
		}
		time.Sleep(2 * time.Minute) // as long as a load may take
		if n := under.Load(); n != 0 {
			t.Errorf("%d calls go on for ever", n)
		}
	})
}

func TestFailClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tap := &tapped{Store: locmem.New(nil)}
		client := open(t, tap, &cache.Options{OnOutage: cache.FailClosed})
		c := cache.For[string](client)
		none := func(context.Context) (string, error) { t.Error("the loader ran"); return "", nil }
		down := func(context.Context, driver.Key, time.Duration, driver.Store) (driver.Reading, error) {
			return driver.Reading{}, errDown
		}
		tap.get = down
		if got, err := c.GetOrSet(t.Context(), "k", none); !errors.Is(err, errDown) || !errors.Is(err, cache.ErrUnavailable) {
			t.Errorf("GetOrSet: got %q, %v; want the outage", got, err)
		}
		if _, err := client.GetOrSet(t.Context(), "k", func(context.Context) ([]byte, error) { return nil, errors.New("ran") }); !errors.Is(err, errDown) {
			t.Errorf("GetOrSet of bytes: got %v; want the outage", err)
		}
		tap.get = nil
		many := &manyDown{tap}
		client2 := open(t, many, &cache.Options{OnOutage: cache.FailClosed})
		got, err := cache.For[string](client2).GetOrSetMany(t.Context(), []string{"down", "up"}, func(_ context.Context, missing []string) (map[string]string, error) {
			if len(missing) != 1 || missing[0] != "up" {
				t.Errorf("the loader was asked for %q, want what could be read", missing)
			}
			return map[string]string{"up": "v"}, nil
		})
		if failed, ok := errors.AsType[cache.ManyError](err); len(got) != 1 || got["up"] != "v" || !ok || !errors.Is(failed["down"], errDown) {
			t.Errorf("GetOrSetMany: got %v, %v; want one value and one outage", got, err)
		}
		if s := client.Stats(); s.Failures != 2 || s.Loads != 0 {
			t.Errorf("got %+v; want 2 failures and no load", s)
		}
	})
}

// manyDown cannot read the key "down" of a batch.
type manyDown struct{ *tapped }

func (s *manyDown) GetMany(ctx context.Context, keys []driver.Key, hold time.Duration) ([]driver.KeyReading, error) {
	out, err := s.tapped.GetMany(ctx, keys, hold)
	for i := range out {
		if keys[i].Name == "down" {
			out[i] = driver.KeyReading{Err: errDown}
		}
	}
	return out, err
}

// Each trip of a load that fails says so, not the first alone.
func TestFailClosedWhenALoadLooksAgain(t *testing.T) {
	for _, many := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			shared := locmem.New(nil)
			defer shared.Close(context.Background())
			store := &tapped{Store: remote{shared}}
			gets := 0
			store.get = func(ctx context.Context, key driver.Key, hold time.Duration, next driver.Store) (driver.Reading, error) {
				if gets++; gets > 1 {
					return driver.Reading{}, errDown
				}
				return next.Get(ctx, key, hold)
			}
			a := open(t, remote{shared}, nil)
			b := open(t, struct{ driver.Store }{store}, &cache.Options{OnOutage: cache.FailClosed}) // no batch goes around get
			if _, err := a.Fence(t.Context(), "k"); err != nil {
				t.Fatal(err)
			}
			loads := 0
			var err error
			if many {
				_, err = b.GetOrSetMany(t.Context(), []string{"k"}, func(context.Context, []string) (map[string][]byte, error) { loads++; return nil, nil })
			} else {
				_, err = b.GetOrSet(t.Context(), "k", func(context.Context) ([]byte, error) { loads++; return nil, nil })
			}
			if loads > 0 || err == nil {
				t.Errorf("many=%v: loaded %d times though FailClosed, %v", many, loads, err)
			}
		})
	}
}

// The question whether another process refreshes is one, too.
func TestFailClosedWhenAClaimFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &tapped{Store: remote{locmem.New(nil)}}
		down := atomic.Bool{}
		gets := 0
		store.get = func(ctx context.Context, key driver.Key, hold time.Duration, next driver.Store) (driver.Reading, error) {
			if down.Load() {
				if gets++; gets > 1 {
					return driver.Reading{}, errDown
				}
			}
			return next.Get(ctx, key, hold)
		}
		c := cache.For[string](open(t, store, &cache.Options{OnOutage: cache.FailClosed, TTL: time.Minute, Stale: time.Hour}))
		_, _ = c.GetOrSet(t.Context(), "k", value("v1"))
		time.Sleep(2 * time.Minute)
		down.Store(true)
		loads := 0
		got, err := c.GetOrSet(t.Context(), "k", func(context.Context) (string, error) { loads++; return "v2", nil }, cache.SoftTimeout(time.Minute))
		if got != "v1" || err != nil {
			t.Errorf("got %q, %v, want the stale value", got, err)
		}
		if loads > 0 {
			t.Error("loaded though FailClosed, and the store failed the claim")
		}
		synctest.Wait()
		_ = store.Store.(remote).Store.Close(context.Background())
	})
}

package cache_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stratacache/strata/cache"
)

// With and without near tiers, which are no source of what has expired.
func inExpireWorlds(t *testing.T, test func(w *staleWorld)) {
	t.Helper()
	for name, near := range map[string][]cache.Tier{"one tier": nil, "two tiers": {{}}} {
		t.Run(name, func(t *testing.T) {
			inStaleWorld(t, cache.Options{Near: near}, test)
		})
	}
}

func TestExpireServesWhileItLoads(t *testing.T) {
	inExpireWorlds(t, func(w *staleWorld) {
		ctx := w.t.Context()
		w.get("v1", cache.Tags("t", "u"))
		if err := w.client.Expire(ctx, "other"); err != nil {
			w.t.Fatal(err)
		}
		w.get("v1", cache.Tags("t", "u"))
		w.loaded(1)
		if err := w.client.Expire(ctx, "t"); err != nil {
			w.t.Fatal(err)
		}
		if _, err := w.values.Get(ctx, "k"); !errors.Is(err, cache.ErrMiss) {
			w.t.Errorf("Get: got %v, want a miss: it is not fresh", err)
		}
		if v, fresh, err := w.values.GetStale(ctx, "k"); v != "v1" || fresh || err != nil {
			w.t.Errorf("GetStale: got %v, %v, %v", v, fresh, err)
		}
		w.last(cache.StaleHit, cache.Asked)
		w.get("v1", cache.Tags("t", "u"))
		w.last(cache.StaleHit, cache.Refreshing)
		w.loaded(2)
		w.get("v2", cache.Tags("t", "u"))
		w.loaded(2)
		if v, fresh, err := w.values.GetStale(ctx, "k"); v != "v2" || !fresh || err != nil {
			w.t.Errorf("GetStale: got %v, %v, %v", v, fresh, err)
		}
	})
}

// What is invalidated goes, however often it was expired.
func TestInvalidateBeatsExpire(t *testing.T) {
	inExpireWorlds(t, func(w *staleWorld) {
		ctx := w.t.Context()
		drops := map[string]func() error{
			"invalidated": func() error { return w.client.Invalidate(ctx, "t") },
			"both": func() error {
				return errors.Join(w.client.Expire(ctx, "t"), w.client.Invalidate(ctx, "t"), w.client.Expire(ctx, "t"))
			},
			"cleared": func() error { return errors.Join(w.client.Expire(ctx, "t"), w.client.Clear(ctx)) },
			"deleted": func() error {
				_, err := w.client.Delete(ctx, "k")
				return errors.Join(w.client.Expire(ctx, "t"), err)
			},
		}
		for what, drop := range drops {
			if err := w.values.Set(ctx, "k", what, cache.Tags("t"), cache.Stale(time.Hour), w.fenced()); err != nil {
				w.t.Fatal(err)
			}
			if err := drop(); err != nil {
				w.t.Fatal(err)
			}
			if v, _, err := w.values.GetStale(ctx, "k"); !errors.Is(err, cache.ErrMiss) {
				w.t.Errorf("%s: got %q, %v, want a miss", what, v, err)
			}
		}
	})
}

func (w *staleWorld) fenced() cache.Option {
	w.t.Helper()
	f, err := w.client.Fence(w.t.Context(), "k")
	if err != nil {
		w.t.Fatal(err)
	}
	return cache.Fenced(f)
}

// What may not be stale is dropped.
func TestExpireDropsWhatMayNotBeStale(t *testing.T) {
	inExpireWorlds(t, func(w *staleWorld) {
		w.get("v1", cache.Tags("t"), cache.Stale(0))
		if err := w.client.Expire(w.t.Context(), "t"); err != nil {
			w.t.Fatal(err)
		}
		if v, _, err := w.values.GetStale(w.t.Context(), "k"); !errors.Is(err, cache.ErrMiss) {
			w.t.Errorf("got %q, %v, want a miss", v, err)
		}
		w.get("v2", cache.Tags("t"))
		// A Touch may take away the time in which it may be.
		if ok, err := w.values.Touch(w.t.Context(), "k", cache.TTL(time.Hour), cache.Stale(0)); !ok || err != nil {
			w.t.Fatal(ok, err)
		}
		if err := w.client.Expire(w.t.Context(), "t"); err != nil {
			w.t.Fatal(err)
		}
		w.get("v3", cache.Tags("t"))
	})
}

// A load that began before does not make fresh what was expired meanwhile.
func TestExpireRefusesALoadInFlight(t *testing.T) {
	inExpireWorlds(t, func(w *staleWorld) {
		w.source.slow(time.Second)
		go w.get("v1", cache.Tags("t"))
		synctest.Wait()
		if err := w.client.Expire(w.t.Context(), "t"); err != nil {
			w.t.Fatal(err)
		}
		w.get("v2", cache.Tags("t"))
		w.loaded(2)
		w.get("v2", cache.Tags("t"))
		w.loaded(2)
	})
}

// "Not modified" makes an expired value fresh, though its tags are newer.
func TestNotModifiedAfterExpire(t *testing.T) {
	inExpireWorlds(t, func(w *staleWorld) {
		w.get("v1", cache.Tags("t"))
		if err := w.client.Expire(w.t.Context(), "t"); err != nil {
			w.t.Fatal(err)
		}
		w.source.fail(cache.ErrNotModified)
		w.get("v1", cache.Tags("t"))
		w.loaded(2)
		w.get("v1", cache.Tags("t"))
		w.last(cache.Hit, 0)
		w.loaded(2)
		if err := w.client.Invalidate(w.t.Context(), "t"); err != nil {
			w.t.Fatal(err)
		}
		w.source.fail(nil)
		w.get("v3", cache.Tags("t"))
	})
}

func TestExpireTellsTheHook(t *testing.T) { // INV-043
	var got []cache.InvalidateInfo
	c := open(t, nil, &cache.Options{Hooks: cache.Hooks{
		Invalidate: func(_ context.Context, i cache.InvalidateInfo) { got = append(got, i) },
	}})
	for _, f := range []func(context.Context, ...string) error{c.Expire, c.Invalidate} {
		if err := f(t.Context(), "a", "b"); err != nil {
			t.Fatal(err)
		}
		if err := f(t.Context(), "\x00!a"); !errors.Is(err, cache.ErrKey) {
			t.Errorf("a tag of the cache's own: got %v, want ErrKey", err)
		}
	}
	if len(got) != 2 || !got[0].Expire || got[1].Expire || len(got[0].Tags) != 2 || len(got[1].Tags) != 2 {
		t.Errorf("got %+v, want one that expires and one that removes, of two tags each", got)
	}
	if n := c.Stats().Invalidations; n != 2 {
		t.Errorf("Invalidations: got %d, want 2", n)
	}
}

// What is made from a stale value is not stored: it would be as old, and fresh.
func TestNothingFreshIsMadeOfStaleValues(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := open(t, nil, &cache.Options{Stale: time.Hour})
		for name, end := range map[string]func() error{
			"expired": func() error { return c.Expire(t.Context(), "t") },
			"past":    func() error { time.Sleep(10 * time.Minute); return nil },
		} {
			now := "old"
			load := func(context.Context) ([]byte, error) { time.Sleep(time.Second); return []byte(now), nil }
			inner := map[string]func(context.Context) ([]byte, error){
				"one": func(ctx context.Context) ([]byte, error) {
					return c.GetOrSet(ctx, name+"inner", load, cache.Tags("t"))
				},
				"many": func(ctx context.Context) ([]byte, error) {
					many, err := c.GetOrSetMany(ctx, []string{name + "inner2"}, func(ctx context.Context, keys []string) (map[string][]byte, error) {
						v, err := load(ctx)
						return map[string][]byte{keys[0]: v}, err
					}, cache.Tags("t"))
					return many[name+"inner2"], err
				},
			}
			get := func(key string) string {
				t.Helper()
				v, err := c.GetOrSet(t.Context(), name+key, inner[key], cache.Tags("t"))
				if err != nil {
					t.Error(err)
				}
				return string(v)
			}
			get("one")
			get("many")
			now = "new"
			if err := end(); err != nil {
				t.Fatal(err)
			}
			for key := range inner {
				for range 3 {
					get(key)
					time.Sleep(5 * time.Second)
				}
				if got := get(key); got != "new" {
					t.Errorf("%s, %s: got %s, long after its parts were loaded anew", name, key, got)
				}
			}
		}
	})
}

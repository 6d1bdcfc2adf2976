package cache_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stratacache/strata/cache"
)

func TestALoaderChoosesLifetimeAndTags(t *testing.T) { // INV-027
	inStaleWorld(t, cache.Options{TTL: time.Hour}, func(w *staleWorld) {
		t := w.t
		load := func(ctx context.Context) (string, error) {
			cache.Loading(ctx).SetTTL(time.Second)
			if err := cache.Loading(ctx).AddTags("learned"); err != nil {
				return "", err
			}
			return w.source.load(ctx)
		}
		get := func(want string) {
			t.Helper()
			got, err := w.values.GetOrSet(t.Context(), "k", load, cache.Tags("told"), cache.Stale(0))
			if got != want || err != nil {
				t.Errorf("got %q, %v, want %s", got, err, want)
			}
		}
		get("v1")
		get("v1")
		time.Sleep(2 * time.Second)
		get("v2")
		for i, tag := range []string{"learned", "told"} {
			if err := w.client.Invalidate(t.Context(), tag); err != nil {
				t.Fatal(err)
			}
			get(fmt.Sprint("v", 3+i))
		}
	})
}

// What a result is made from may limit its life, in whatever order it is told.
func TestALoaderLimitsTheLifetime(t *testing.T) { // INV-029
	const s, least = time.Second, time.Minute
	for _, tc := range []struct {
		tell func(*cache.Load)
		want time.Duration
	}{
		{func(*cache.Load) {}, least},
		{func(l *cache.Load) { l.LimitTTL(time.Hour) }, least},
		{func(l *cache.Load) { l.LimitTTL(3 * s); l.LimitTTL(2 * s); l.LimitTTL(4 * s) }, 2 * s},
		{func(l *cache.Load) { l.LimitTTL(2 * s); l.SetTTL(time.Hour) }, 2 * s},
		{func(l *cache.Load) { l.SetTTL(time.Hour); l.LimitTTL(2 * least) }, 2 * least},
		{func(l *cache.Load) { l.LimitTTL(-s) }, -s},
	} {
		inStaleWorld(t, cache.Options{TTL: least, NegativeTTL: time.Hour}, func(w *staleWorld) {
			t := w.t
			for _, result := range []error{nil, cache.ErrNotFound} {
				loads := 0
				load := func(ctx context.Context) (string, error) {
					loads++
					if tc.tell(cache.Loading(ctx)); cache.Loading(ctx).TTL(least) != tc.want {
						t.Errorf("TTL: got %v, want %v", cache.Loading(ctx).TTL(least), tc.want)
					}
					return "x", result
				}
				get := func() int {
					if _, err := w.values.GetOrSet(t.Context(), fmt.Sprint(result), load, cache.Stale(0)); !errors.Is(err, result) {
						t.Error(err)
					}
					return loads
				}
				get()
				time.Sleep(max(tc.want-1, 0))
				if n := get(); (n == 1) != (tc.want > 0) {
					t.Errorf("before %v: %d loads", tc.want, n)
				}
				if time.Sleep(time.Nanosecond); get() < 2 {
					t.Errorf("after %v: it is still there", tc.want)
				}
			}
		})
	}
}

func TestALoaderKeepsItsResultOut(t *testing.T) {
	inStaleWorld(t, cache.Options{}, func(w *staleWorld) {
		t := w.t
		for range 3 {
			_, err := w.values.GetOrSet(t.Context(), "k", func(ctx context.Context) (string, error) {
				cache.Loading(ctx).SetTTL(cache.Never)
				return w.source.load(ctx)
			})
			if err != nil {
				t.Error(err)
			}
		}
		w.loaded(3)
	})
}

// NoStore is the caller's word, whatever the loader says.
func TestNoStoreWinsOverTheLoader(t *testing.T) {
	inStaleWorld(t, cache.Options{}, func(w *staleWorld) {
		for range 2 {
			_, err := w.values.GetOrSet(w.t.Context(), "k", func(ctx context.Context) (string, error) {
				cache.Loading(ctx).SetTTL(time.Hour)
				return w.source.load(ctx)
			}, cache.NoStore())
			if err != nil {
				w.t.Error(err)
			}
		}
		w.loaded(2)
	})
}

func TestLoadingOutsideOfALoad(t *testing.T) {
	t.Parallel()
	l := cache.Loading(t.Context())
	l.SetTTL(time.Second)
	if err := l.AddTags("t"); err != nil {
		t.Error(err)
	}
	if err := l.AddTags(""); !errors.Is(err, cache.ErrKey) {
		t.Errorf("a bad tag: got %v, want ErrKey", err)
	}
	if v, ok := cache.Previous[string](t.Context()); ok {
		t.Errorf("Previous: got %q", v)
	}
}

// A loader that finds the old value unchanged renews its life.
func TestNotModified(t *testing.T) {
	for name, near := range map[string]bool{"one tier": false, "with a near tier": true} {
		t.Run(name, func(t *testing.T) {
			opts := cache.Options{SoftTimeout: cache.Forever}
			if near {
				opts.Near = []cache.Tier{{}}
			}
			inStaleWorld(t, opts, func(w *staleWorld) {
				t := w.t
				var asked []string
				load := func(ctx context.Context) (string, error) {
					old, ok := cache.Previous[string](ctx)
					asked = append(asked, fmt.Sprint(old, ok))
					if ok {
						return "", cache.ErrNotModified
					}
					return w.source.load(ctx)
				}
				get := func(opts ...cache.Option) {
					t.Helper()
					got, err := w.values.GetOrSet(t.Context(), "k", load, append(opts, cache.Tags("t"))...)
					if got != "v1" || err != nil {
						t.Errorf("got %q, %v, want v1", got, err)
					}
				}
				get()
				time.Sleep(2 * time.Minute)
				get() // not modified
				get()
				w.last(cache.Hit, 0)
				get(cache.Refresh())
				if got := fmt.Sprint(asked); got != "[false v1true v1true]" {
					t.Errorf("previous values: got %s", got)
				}
				w.loaded(1)
				if s := w.client.Stats(); s.LoadErrors != 0 || s.Stored != 3 {
					t.Errorf("Stats: got %+v", s)
				}
			})
		})
	}
}

// What was invalidated while the loader asked is not renewed.
func TestNotModifiedAfterAnInvalidation(t *testing.T) {
	inStaleWorld(t, cache.Options{SoftTimeout: cache.Forever}, func(w *staleWorld) {
		t := w.t
		w.get("v1", cache.Tags("t"))
		time.Sleep(2 * time.Minute)
		got, err := w.values.GetOrSet(t.Context(), "k", func(ctx context.Context) (string, error) {
			if err := w.client.Invalidate(ctx, "t"); err != nil {
				return "", err
			}
			return "", cache.ErrNotModified
		}, cache.Tags("t"))
		if got != "v1" || err != nil {
			t.Errorf("the load's own caller: got %q, %v", got, err)
		}
		w.get("v2", cache.Tags("t"))
	})
}

func TestNotModifiedWithoutAPreviousValue(t *testing.T) {
	inStaleWorld(t, cache.Options{}, func(w *staleWorld) {
		w.source.fail(cache.ErrNotModified)
		w.get(cache.ErrNotModified.Error())
	})
}

func TestOptionsOfOneRead(t *testing.T) {
	inStaleWorld(t, cache.Options{Near: []cache.Tier{{}}}, func(w *staleWorld) {
		t := w.t
		w.get("v1")
		time.Sleep(10 * time.Millisecond) // until the log is followed
		w.get("v1")
		w.get("v1")
		w.last(cache.NearHit, 0)
		w.get("v1", cache.SkipNear())
		w.last(cache.Hit, 0)
		w.get("v2", cache.Refresh())
		w.get("v2")
		w.get("v3", cache.Refresh(), cache.NoStore())
		w.get("v2")
		w.loaded(3)
		w.source.fail(errSource)
		w.get(errSource.Error(), cache.Refresh()) // whoever wants a new one is not served an old one
		if err := w.values.Set(t.Context(), "k", "v", cache.Refresh()); !errors.Is(err, cache.ErrOption) {
			t.Errorf("Set with Refresh: got %v, want ErrOption", err)
		}
	})
}

// A load that began before is not new enough for Refresh.
func TestRefreshDoesNotJoin(t *testing.T) {
	inStaleWorld(t, cache.Options{}, func(w *staleWorld) {
		w.source.slow(time.Second)
		done := make(chan struct{})
		go func() {
			defer close(done)
			w.get("v1")
		}()
		time.Sleep(time.Millisecond)
		w.get("v2", cache.Refresh())
		<-done
	})
}

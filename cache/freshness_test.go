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

// stalled is a store whose log can stand still.
type stalled struct {
	driver.Store
	stop atomic.Bool
}

func (s *stalled) Unwrap() driver.Store { return s.Store }
func (s *stalled) ReadLog(ctx context.Context, after driver.Stamp, wait time.Duration) (driver.LogReading, error) {
	if s.stop.Load() {
		<-ctx.Done()
		return driver.LogReading{}, ctx.Err()
	}
	l, _ := driver.Log(s.Store)
	r, err := l.ReadLog(ctx, after, wait)
	if s.stop.Load() { // the reply is under way
		<-ctx.Done()
		return driver.LogReading{}, ctx.Err()
	}
	return r, err
}

// The bound of a near copy must not become the lifetime of what is made of it.
func TestLoadReadsNoCopyOlderThanItsFence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		shared := locmem.New(nil)
		store := &stalled{Store: shared}
		client := open(t, store, &cache.Options{Near: []cache.Tier{{Store: locmem.New(nil)}}})
		other := open(t, struct{ driver.Store }{remote{shared}}, nil)
		c := cache.For[string](client)
		dep := func(v string) func(context.Context) (string, error) {
			return func(ctx context.Context) (string, error) { return c.GetOrSet(ctx, "dep", value(v), cache.Tags("dep")) }
		}
		for range 4 {
			_, _ = dep("old")(t.Context())
			time.Sleep(300 * time.Millisecond)
		}
		store.stop.Store(true)
		_ = other.Invalidate(t.Context(), "dep")
		if _, err := c.GetOrSet(t.Context(), "page", dep("new"), cache.Tags("dep")); err != nil {
			t.Error(err)
		}
		store.stop.Store(false)
		time.Sleep(time.Minute)
		if got, err := cache.For[string](other).Get(t.Context(), "page"); got == "old" {
			t.Errorf("a minute after Invalidate(dep): page %q %v", got, err)
		}
	})
}

// What a request has read before may be older than the fence of its load.
func TestLoadHasNoMemo(t *testing.T) {
	inProcesses(t, 2, &cache.Options{RequestMemo: true}, func(t *testing.T, cs []*cache.Client) {
		c, other := cache.For[string](cs[0]), cache.For[string](cs[1])
		ctx := cache.WithMemo(t.Context())
		_, _ = c.GetOrSet(ctx, "dep", value("old"), cache.Tags("dep"))
		_ = cs[1].Invalidate(t.Context(), "dep")
		page := func(ctx context.Context) (string, error) {
			return c.GetOrSet(ctx, "dep", value("new"), cache.Tags("dep"))
		}
		_, _ = c.GetOrSet(ctx, "page", page, cache.Tags("dep"))
		time.Sleep(time.Minute)
		if got, err := other.Get(t.Context(), "page"); got == "old" {
			t.Errorf("a minute after Invalidate(dep), in another process: page %q %v", got, err)
		}
	})
}

// A stale value does not become a fresh one by way of the memo.
func TestMemoKeepsNothingStale(t *testing.T) {
	inProcesses(t, 1, &cache.Options{RequestMemo: true, TTL: time.Minute, Stale: time.Hour}, func(t *testing.T, cs []*cache.Client) {
		c := cache.For[string](cs[0])
		if _, err := c.GetOrSet(t.Context(), "k", value("old")); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Minute)
		ctx := cache.WithMemo(t.Context())
		slow := func(context.Context) (string, error) { time.Sleep(time.Second); return "new", nil }
		if got, err := c.GetOrSet(ctx, "k", slow); got != "old" || err != nil {
			t.Errorf("got %q, %v, want the stale value", got, err)
		}
		if got, err := c.Get(ctx, "k"); !errors.Is(err, cache.ErrMiss) {
			t.Errorf("Get after a stale GetOrSet: %q %v, want ErrMiss", got, err)
		}
		if got, fresh, err := c.GetStale(ctx, "k"); fresh {
			t.Errorf("GetStale: %q fresh=%v %v", got, fresh, err)
		}
		_, _ = c.GetOrSet(ctx, "page", func(ctx context.Context) (string, error) {
			v, err := c.GetOrSet(ctx, "k", slow)
			return "page of " + v, err
		})
		time.Sleep(5 * time.Second)
		if got, err := c.Get(t.Context(), "page"); !errors.Is(err, cache.ErrMiss) {
			t.Errorf("page of a stale value was stored: %q, %v", got, err)
		}
	})
}

// A flight that was joined by its fence may be from before a Delete of this process.
func TestMemoOfAFlightFromBeforeADelete(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &tapped{Store: locmem.New(nil)}
		var c *cache.Client
		armed := atomic.Bool{}
		store.get = func(ctx context.Context, key driver.Key, hold time.Duration, next driver.Store) (driver.Reading, error) {
			r, err := next.Get(ctx, key, hold)
			if armed.CompareAndSwap(true, false) {
				_, _ = c.Delete(context.Background(), "k")
			}
			return r, err
		}
		c = open(t, store, &cache.Options{RequestMemo: true})
		ctx := cache.WithMemo(t.Context())
		done := make(chan struct{})
		go func() {
			defer close(done)
			_, _ = c.GetOrSet(t.Context(), "k", func(context.Context) ([]byte, error) { time.Sleep(time.Second); return []byte("old"), nil })
		}()
		synctest.Wait()
		armed.Store(true)
		_, _ = c.GetOrSet(ctx, "k", func(context.Context) ([]byte, error) { return []byte("own"), nil })
		<-done
		got, err := c.GetOrSet(ctx, "k", func(context.Context) ([]byte, error) { return []byte("new"), nil })
		if string(got) == "old" {
			t.Errorf("memo served what was deleted by this process: %q %v", got, err)
		}
	})
}

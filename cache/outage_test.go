package cache_test

import (
	"context"
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stratacache/strata/backends/locmem"
	"github.com/stratacache/strata/cache"
	"github.com/stratacache/strata/cache/driver"
)

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

var errDown = errors.New("connection refused")

func TestOutageFailsOpen(t *testing.T) { // INV-039
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

// While the store does not answer nobody knows what other processes invalidate:
// a load is shared only by callers that come within the bound.
func TestAnOldLoadIsNotSharedInAnOutage(t *testing.T) {
	for name, read := range map[string]func(context.Context, cache.Typed[string], func(context.Context) (string, error)) (string, error){
		"GetOrSet": func(ctx context.Context, c cache.Typed[string], load func(context.Context) (string, error)) (string, error) {
			return c.GetOrSet(ctx, "k", load)
		},
		"GetOrSetMany": func(ctx context.Context, c cache.Typed[string], load func(context.Context) (string, error)) (string, error) {
			values, err := c.GetOrSetMany(ctx, []string{"k"}, func(ctx context.Context, _ []string) (map[string]string, error) {
				v, err := load(ctx)
				return map[string]string{"k": v}, err
			})
			return values["k"], err
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				store := &tapped{Store: locmem.New(nil)}
				store.get = func(context.Context, driver.Key, time.Duration, driver.Store) (driver.Reading, error) {
					return driver.Reading{}, errDown
				}
				c := cache.For[string](open(t, struct{ driver.Store }{store}, nil)) // without a GetMany of its own
				var db database
				db.write()
				load := func(context.Context) (string, error) {
					v := db.read()
					time.Sleep(10 * time.Second)
					return v, nil
				}
				var wg sync.WaitGroup
				wg.Go(func() { _, _ = read(t.Context(), c, load) })
				time.Sleep(time.Second)
				db.write() // and another process invalidates
				time.Sleep(time.Second)
				if got, err := read(t.Context(), c, load); got != "v2" || err != nil {
					t.Errorf("a second after the invalidation: got %q, %v; want v2", got, err)
				}
				wg.Wait()
			})
		})
	}
}

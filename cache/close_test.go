package cache_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stratacache/strata/backends/locmem"
	"github.com/stratacache/strata/cache"
)

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

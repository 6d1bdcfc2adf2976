package cache_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/stratacache/strata/backends/locmem"
	"github.com/stratacache/strata/cache"
	"github.com/stratacache/strata/cache/driver"
)

// flaky stands for a server that can be down.
type flaky struct {
	driver.Store
	down atomic.Bool
}

func (s *flaky) Get(ctx context.Context, key driver.Key, hold time.Duration) (driver.Reading, error) {
	if s.down.Load() {
		return driver.Reading{}, errors.New("connection refused")
	}
	return s.Store.Get(ctx, key, hold)
}

func (s *flaky) Invalidate(ctx context.Context, what driver.Invalidation) (driver.Invalidated, error) {
	if s.down.Load() {
		return driver.Invalidated{}, errors.New("connection refused")
	}
	return s.Store.Invalidate(ctx, what)
}

// An invalidation that the server does not take is an error, and is not
// forgotten: what it concerns is not served, and it is sent again.
func ExampleOptions_recovery() {
	ctx := context.Background()
	server := &flaky{Store: locmem.New(nil)}
	c, err := cache.New(server, &cache.Options{Recovery: 1000})
	if err != nil {
		panic(err)
	}
	prices := cache.For[int](c)
	_, _ = prices.GetOrSet(ctx, "42", func(context.Context) (int, error) { return 100, nil }, cache.Tags("sale"))

	server.down.Store(true)
	err = c.Invalidate(ctx, "sale")
	fmt.Println(err, errors.Is(err, cache.ErrUnavailable))

	server.down.Store(false) // for reads, at once
	_, err = prices.Get(ctx, "42")
	fmt.Println(err)
	fmt.Println(c.Close(ctx)) // sends what is left
	s := c.Stats()
	fmt.Println(s.Queued, "queued,", s.Replayed, "replayed")
	// Output:
	// strata: invalidate: connection refused true
	// strata: no such entry
	// <nil>
	// 1 queued, 1 replayed
}

package cache_test

import (
	"context"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/stratacache/strata/backends/locmem"
	"github.com/stratacache/strata/cache"
	"github.com/stratacache/strata/cache/driver"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// open returns a client over store, or over memory if store is nil.
func open(t testing.TB, store driver.Store, opts *cache.Options) *cache.Client {
	t.Helper()
	if store == nil {
		store = locmem.New(nil)
	}
	c, err := cache.New(store, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close(context.Background()) })
	return c
}

// tapped is a store whose steps a test can see and hold up.
type tapped struct {
	driver.Store
	get        func(ctx context.Context, key driver.Key, hold time.Duration, next driver.Store) (driver.Reading, error)
	put        func(ctx context.Context, key driver.Key, e *driver.Entry, mode driver.Mode, token driver.Token, next driver.Store) (driver.Result, error)
	invalidate func(ctx context.Context, what driver.Invalidation, next driver.Store) (driver.Invalidated, error)
}

func (s *tapped) Invalidate(ctx context.Context, what driver.Invalidation) (driver.Invalidated, error) {
	if s.invalidate != nil {
		return s.invalidate(ctx, what, s.Store)
	}
	return s.Store.Invalidate(ctx, what)
}

func (s *tapped) Get(ctx context.Context, key driver.Key, hold time.Duration) (driver.Reading, error) {
	if s.get != nil {
		return s.get(ctx, key, hold, s.Store)
	}
	return s.Store.Get(ctx, key, hold)
}

func (s *tapped) Put(ctx context.Context, key driver.Key, e *driver.Entry, mode driver.Mode, token driver.Token) (driver.Result, error) {
	if s.put != nil {
		return s.put(ctx, key, e, mode, token, s.Store)
	}
	return s.Store.Put(ctx, key, e, mode, token)
}

func (s *tapped) GetMany(ctx context.Context, keys []driver.Key, hold time.Duration) ([]driver.KeyReading, error) {
	return driver.GetMany(ctx, s.Store, keys, hold)
}

func (s *tapped) PutMany(ctx context.Context, items []driver.Item) []driver.ItemResult {
	return driver.PutMany(ctx, s.Store, items)
}

func (s *tapped) Move(ctx context.Context, from, to driver.Key) (driver.Result, error) {
	return driver.Move(ctx, s.Store, from, to)
}

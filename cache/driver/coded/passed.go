package coded

import (
	"context"

	"github.com/stratacache/strata/cache/driver"
)

// Touch implements driver.Store.
func (s *Store) Touch(ctx context.Context, key driver.Key, life driver.Life) (driver.Result, error) {
	return s.store.Touch(ctx, key, life)
}

// Incr implements driver.Store. The store counts, in plain digits.
func (s *Store) Incr(ctx context.Context, key driver.Key, delta int64, initial *driver.Entry) (driver.Sum, error) {
	return s.store.Incr(ctx, key, delta, initial)
}

// Invalidate implements driver.Store.
func (s *Store) Invalidate(ctx context.Context, what driver.Invalidation) (driver.Invalidated, error) {
	return s.store.Invalidate(ctx, what)
}

// Clocks implements driver.ClockCounter: there are as many as the store has.
func (s *Store) Clocks() int {
	if c, ok := driver.As[driver.ClockCounter](s.store); ok {
		return c.Clocks()
	}
	return 1
}

// Logged is the store under the wrapper, whose log is the wrapper's too: see
// [driver.Log].
func (s *Store) Logged() driver.Store { return s.store }

// Ping implements driver.Store.
func (s *Store) Ping(ctx context.Context) error { return s.store.Ping(ctx) }

// Close closes the store.
func (s *Store) Close(ctx context.Context) error { return s.store.Close(ctx) }

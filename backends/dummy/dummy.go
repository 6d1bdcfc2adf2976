package dummy

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/stratacache/strata/cache/driver"
)

// Store is a driver.Store that keeps nothing. Make one with [New].
type Store struct {
	epoch  uint64
	n      atomic.Uint64
	closed atomic.Bool
}

var _ driver.Store = (*Store)(nil)

// New returns a store.
func New() *Store { return &Store{epoch: max(rand.Uint64(), 1)} }

// begin is the beginning of every call.
func (s *Store) begin(ctx context.Context) error {
	if s.closed.Load() {
		return driver.ErrClosed
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return nil
}

func (s *Store) clock() driver.Stamp { return driver.Stamp{Epoch: s.epoch, N: s.n.Load()} }

func (s *Store) advance() driver.Stamp { return driver.Stamp{Epoch: s.epoch, N: s.n.Add(1)} }

// Get implements driver.Store. There is never anything but the clock.
func (s *Store) Get(ctx context.Context, _ driver.Key, _ time.Duration) (driver.Reading, error) {
	if err := s.begin(ctx); err != nil {
		return driver.Reading{}, err
	}
	return driver.Reading{Fence: driver.Fence{Stamp: s.clock()}}, nil
}

// Put implements driver.Store. Set and Add are done, and what they stored is
// gone at once; for Fill and SetFenced no token stands.
func (s *Store) Put(ctx context.Context, _ driver.Key, e *driver.Entry, mode driver.Mode, _ driver.Token) (driver.Result, error) {
	if err := s.begin(ctx); err != nil {
		return driver.Result{}, err
	}
	if e.Kind > driver.Coded {
		return driver.Result{}, fmt.Errorf("dummy: put: kind %d: %w", e.Kind, errors.ErrUnsupported)
	}
	switch mode {
	case driver.Set, driver.Add:
		return driver.Result{Done: true, Clock: s.advance()}, nil
	case driver.Fill:
		return driver.Result{Clock: s.clock()}, nil
	case driver.SetFenced:
		return driver.Result{Clock: s.advance()}, nil
	}
	return driver.Result{}, fmt.Errorf("dummy: put: mode %d: %w", mode, errors.ErrUnsupported)
}

// Touch implements driver.Store: there is nothing to touch.
func (s *Store) Touch(ctx context.Context, _ driver.Key, _ driver.Life) (driver.Result, error) {
	if err := s.begin(ctx); err != nil {
		return driver.Result{}, err
	}
	return driver.Result{Clock: s.clock()}, nil
}

// Incr implements driver.Store: each counter is absent.
func (s *Store) Incr(ctx context.Context, _ driver.Key, _ int64, initial *driver.Entry) (driver.Sum, error) {
	if err := s.begin(ctx); err != nil {
		return driver.Sum{}, err
	}
	if initial == nil {
		return driver.Sum{Clock: s.clock()}, driver.ErrMiss
	}
	n, err := initial.Integer()
	if err != nil {
		return driver.Sum{Clock: s.clock()}, err
	}
	return driver.Sum{Value: n, Created: true, Clock: s.advance()}, nil
}

// Invalidate implements driver.Store. It advances, so that nobody joins a load
// that began before.
func (s *Store) Invalidate(ctx context.Context, _ driver.Invalidation) (driver.Invalidated, error) {
	if err := s.begin(ctx); err != nil {
		return driver.Invalidated{}, err
	}
	return driver.Invalidated{Clock: s.advance()}, nil
}

// Ping implements driver.Store.
func (s *Store) Ping(ctx context.Context) error { return s.begin(ctx) }

// Close implements driver.Store. All other methods return driver.ErrClosed
// afterwards.
func (s *Store) Close(context.Context) error {
	s.closed.Store(true)
	return nil
}

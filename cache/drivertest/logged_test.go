package drivertest_test

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stratacache/strata/cache/driver"
	"github.com/stratacache/strata/cache/drivertest"
)

// logged is smallest with a log: each step and its change are one.
type logged struct {
	*smallest
	steps sync.Mutex
	first uint64          // the number before log[0]
	log   []driver.Change // of the epoch
	more  chan struct{}   // closed by the next change
}

func newLogged() *logged { return &logged{smallest: newSmallest(), more: make(chan struct{})} }

func (s *logged) now() driver.Stamp {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.clock
}

func (s *logged) newEpoch() {
	s.steps.Lock()
	defer s.steps.Unlock()
	s.loseMeta()
	s.first, s.log = 0, nil
	s.tell()
}

func (s *logged) tell() {
	close(s.more)
	s.more = make(chan struct{})
}

// step does one, which if it advances the clock is a change of these names.
func (s *logged) step(do func(), keys []driver.Key, tags []string) {
	s.steps.Lock()
	defer s.steps.Unlock()
	before := s.now()
	do()
	after := s.now()
	if after.N == before.N {
		return
	}
	c := driver.Change{N: after.N, Tags: slices.Clone(tags)}
	for _, k := range keys {
		c.Keys = append(c.Keys, k.String())
	}
	s.log = append(s.log, c)
	s.tell()
}

func (s *logged) Put(ctx context.Context, key driver.Key, e *driver.Entry, mode driver.Mode, token driver.Token) (r driver.Result, err error) {
	s.step(func() { r, err = s.smallest.Put(ctx, key, e, mode, token) }, []driver.Key{key}, nil)
	return r, err
}

func (s *logged) Touch(ctx context.Context, key driver.Key, life driver.Life) (r driver.Result, err error) {
	s.step(func() { r, err = s.smallest.Touch(ctx, key, life) }, []driver.Key{key}, nil)
	return r, err
}

func (s *logged) Incr(ctx context.Context, key driver.Key, delta int64, initial *driver.Entry) (r driver.Sum, err error) {
	s.step(func() { r, err = s.smallest.Incr(ctx, key, delta, initial) }, []driver.Key{key}, nil)
	return r, err
}

func (s *logged) Invalidate(ctx context.Context, what driver.Invalidation) (r driver.Invalidated, err error) {
	s.step(func() { r, err = s.smallest.Invalidate(ctx, what) }, what.Keys, what.Tags)
	return r, err
}

func (s *logged) ReadLog(ctx context.Context, after driver.Stamp, wait time.Duration) (driver.LogReading, error) {
	timeout := time.After(wait)
	for {
		r, more := s.read(after)
		if len(r.Changes) > 0 || !r.Complete {
			return r, nil
		}
		select {
		case <-more:
		case <-timeout:
			return r, nil
		case <-ctx.Done():
			return r, context.Cause(ctx)
		}
	}
}

func (s *logged) read(after driver.Stamp) (driver.LogReading, <-chan struct{}) {
	const most = 1000
	s.steps.Lock()
	defer s.steps.Unlock()
	r := driver.LogReading{Clock: s.now()}
	if after.Epoch != r.Clock.Epoch || after.N < s.first {
		return r, s.more
	}
	r.Complete = true
	for _, c := range s.log {
		if c.N > after.N {
			r.Changes = append(r.Changes, c)
		}
	}
	if len(r.Changes) > most {
		r.More, r.Changes = true, r.Changes[:most]
		r.Clock.N = r.Changes[most-1].N
	}
	return r, s.more
}

func TestLogged(t *testing.T) {
	t.Parallel()
	drivertest.Run(t, drivertest.Harness{
		Open:     func(testing.TB) driver.Store { return newLogged() },
		LoseMeta: func(_ testing.TB, s driver.Store) { s.(*logged).newEpoch() },
		Bubble:   true,
	})
}

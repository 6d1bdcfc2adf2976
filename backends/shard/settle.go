package shard

import (
	"context"
	"sync"
	"time"

	"github.com/stratacache/strata/cache/driver"
)

// An entry that moves from A to B needs a stamp of B. The present one would be
// wrong: an invalidation of its tag may have been on B already and be on its way
// to A, where it would no longer find the entry.
//
// So the stamp is one that was read at least settle before the entry is found
// valid on A, and an invalidation succeeds only if all shards have done it within
// that time. What had been on B when the stamp was read has then been on A before
// the entry is looked at, so that an entry which it concerns is not valid there;
// and what came to B later has a number greater than the stamp.

const (
	// within is how long an invalidation of tags may take on all shards together.
	within = 2 * time.Second
	// settle is longer, so that clocks of machines may run at different speeds.
	settle = within + within/10
)

// clock keeps readings of a shard's clock until they have settled.
type clock struct {
	mu    sync.Mutex
	old   reading // had settled when young was taken
	young reading
}

type reading struct {
	stamp driver.Stamp // of epoch 0: there is none
	at    time.Time    // when it had arrived
}

// saw keeps a reading that has just arrived, if the last one has settled.
func (c *clock) saw(stamp driver.Stamp, settle time.Duration) {
	if !c.mu.TryLock() {
		return // somebody else keeps one
	}
	defer c.mu.Unlock()
	if now := time.Now(); now.Sub(c.young.at) >= settle {
		c.old, c.young = c.young, reading{stamp, now}
	}
}

// settled is the latest reading that has settled, if there is one.
func (c *clock) settled(settle time.Duration) (driver.Stamp, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	r := c.old
	if time.Since(c.young.at) >= settle {
		r = c.young
	}
	return r.stamp, r.stamp.Epoch != 0
}

// saw keeps a reading of p's clock for a move to it.
func (s *Store) saw(p *part, stamp driver.Stamp) {
	if len(s.parts) > 1 && stamp.Epoch != 0 {
		p.clock.saw(stamp, s.settle)
	}
}

// settleNow reads p's clock and waits until the reading has settled.
func (s *Store) settleNow(ctx context.Context, p *part, key driver.Key) (driver.Stamp, error) {
	r, err := p.store.Get(ctx, key, 0)
	if err != nil {
		return driver.Stamp{}, err
	}
	timer := time.NewTimer(s.settle)
	defer timer.Stop()
	select {
	case <-timer.C:
		return r.Fence.Stamp, nil
	case <-ctx.Done():
		return driver.Stamp{}, context.Cause(ctx)
	}
}

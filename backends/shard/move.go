package shard

import (
	"context"
	"time"

	"github.com/stratacache/strata/cache/driver"
)

// moveHold is how long the fence of a Move between shards stands.
const moveHold = 10 * time.Second

// Move implements [driver.Mover]. Within a shard it is the shard's own.
//
// Between shards the entry gets a stamp of its new shard, read before the entry
// was found valid on its old one: see Invalidate for why no invalidation is
// lost. The removal from the old shard decides: who did not remove the entry,
// because it was moved, removed or invalidated meanwhile, takes back what it
// stored.
func (s *Store) Move(ctx context.Context, from, to driver.Key) (driver.Result, error) {
	source, from := s.at(from)
	target, to := s.at(to)
	if source == target {
		r, err := driver.Move(ctx, source.store, from, to)
		return r, source.wrap(err)
	}
	before, err := target.store.Get(ctx, to, 0)
	if err != nil {
		return driver.Result{}, target.wrap(err)
	}
	found, err := source.store.Get(ctx, from, 0)
	if err != nil || found.Entry == nil || found.Entry.Kind == driver.Negative {
		return driver.Result{}, source.wrap(err)
	}
	// Only now, so that a move of nothing plants nothing.
	fence, err := target.store.Get(ctx, to, moveHold)
	if err != nil {
		return driver.Result{}, target.wrap(err)
	}
	e := found.Entry.Clone()
	e.Stamp = before.Fence.Stamp
	put, err := target.store.Put(ctx, to, e, driver.SetFenced, fence.Fence.Token)
	if err != nil || !put.Done {
		return driver.Result{}, target.wrap(err)
	}
	gone, err := source.store.Invalidate(ctx, driver.Invalidation{Keys: []driver.Key{from}})
	if err != nil {
		return driver.Result{}, source.wrap(err)
	}
	if gone.Removed == 0 {
		_, err := target.store.Invalidate(ctx, driver.Invalidation{Keys: []driver.Key{to}})
		return driver.Result{}, target.wrap(err)
	}
	return driver.Result{Done: true, Clock: put.Clock}, nil
}

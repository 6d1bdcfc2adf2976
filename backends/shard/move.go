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
// Between shards the entry gets a settled stamp of its new shard. The removal
// from the old one decides: who did not remove the entry, because it was moved,
// removed or invalidated meanwhile, takes back what it stored.
func (s *Store) Move(ctx context.Context, from, to driver.Key) (driver.Result, error) {
	source, from := s.at(from)
	target, to := s.at(to)
	if source == target {
		r, err := driver.Move(ctx, source.store, from, to)
		return r, source.wrap(err)
	}
	m := move{source: source, target: target, from: from, to: to}
	if stamp, ok := target.clock.settled(s.settle); ok {
		if r, outdated, err := m.try(ctx, stamp); err != nil || !outdated {
			return r, err
		}
	} else if found, err := m.find(ctx); err != nil || found == nil {
		return driver.Result{}, err // and nothing waits
	}
	stamp, err := s.settleNow(ctx, target, to)
	if err != nil {
		return driver.Result{}, target.wrap(err)
	}
	r, _, err := m.try(ctx, stamp)
	return r, err
}

// move is one between shards.
type move struct {
	source, target *part
	from, to       driver.Key
}

// find is the entry that is to be moved, or nil.
func (m *move) find(ctx context.Context) (*driver.Entry, error) {
	r, err := m.source.store.Get(ctx, m.from, 0)
	if err != nil || !r.Live() {
		return nil, m.source.wrap(err)
	}
	return r.Entry, nil
}

// try moves the entry with a settled stamp. outdated says that nothing was moved
// because the stamp is too old for one of the entry's tags, or of an older epoch.
func (m *move) try(ctx context.Context, stamp driver.Stamp) (_ driver.Result, outdated bool, _ error) {
	found, err := m.find(ctx)
	if err != nil || found == nil {
		return driver.Result{}, false, err
	}
	at, err := m.target.store.Get(ctx, m.to, moveHold)
	if err != nil {
		return driver.Result{}, false, m.target.wrap(err)
	}
	e := found.Clone()
	e.Stamp = stamp
	put, err := m.target.store.Put(ctx, m.to, e, driver.Fill, at.Fence.Token)
	if err != nil {
		return driver.Result{}, false, m.target.wrap(err)
	}
	if !put.Done { // is it the stamp, or has somebody written?
		now, err := m.target.store.Get(ctx, m.to, 0)
		return driver.Result{}, err == nil && now.Fence.Token == at.Fence.Token && at.Fence.Token != 0, m.target.wrap(err)
	}
	var gone, after driver.Invalidated
	err = each([]*part{m.source, m.target}, func(i int, p *part) (err error) {
		if i == 0 {
			gone, err = p.store.Invalidate(ctx, driver.Invalidation{Keys: []driver.Key{m.from}})
			return err
		}
		after, err = p.store.Invalidate(ctx, driver.Invalidation{}) // advances: a Fill does not
		return err
	})
	if err != nil {
		return driver.Result{}, false, err
	}
	if gone.Removed == 0 {
		_, err := m.target.store.Invalidate(ctx, driver.Invalidation{Keys: []driver.Key{m.to}})
		return driver.Result{}, false, m.target.wrap(err)
	}
	return driver.Result{Done: true, Clock: after.Clock}, false, nil
}

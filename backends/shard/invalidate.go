package shard

import (
	"context"
	"errors"
	"time"

	"github.com/stratacache/strata/cache/driver"
)

// errApart: the shards were told, but an entry that moved meanwhile may have
// escaped.
var errApart = errors.New("shard: the shards took too long to invalidate the tags: do it again")

// Invalidate implements [driver.Store]: keys on their own shards, tags on all.
func (s *Store) Invalidate(ctx context.Context, what driver.Invalidation) (driver.Invalidated, error) {
	parts, shares := s.shares(what)
	if len(parts) == 1 {
		r, err := parts[0].store.Invalidate(ctx, shares[0])
		return r, parts[0].wrap(err)
	}
	began := time.Now()
	removed := make([]int, len(parts))
	err := each(parts, func(i int, p *part) error {
		r, err := p.store.Invalidate(ctx, shares[i])
		removed[i] = r.Removed
		return err
	})
	if err == nil && len(what.Tags) > 0 && time.Since(began) > s.within {
		err = errApart
	}
	var out driver.Invalidated // without a Clock: there are several
	for _, n := range removed {
		out.Removed += n
	}
	return out, err
}

// shares are the shards that must be told, and what.
func (s *Store) shares(what driver.Invalidation) (parts []*part, shares []driver.Invalidation) {
	keys := make([][]driver.Key, len(s.parts))
	for _, k := range what.Keys {
		i := s.pick(k)
		keys[i] = append(keys[i], s.inner(k))
	}
	for i, p := range s.parts {
		// What names nothing still advances the clock, so all are told.
		if len(keys[i]) > 0 || len(what.Tags) > 0 || len(what.Keys) == 0 {
			parts = append(parts, p)
			shares = append(shares, driver.Invalidation{Keys: keys[i], Tags: what.Tags})
		}
	}
	return parts, shares
}

package sqlstore

import (
	"context"
	"time"

	"github.com/stratacache/strata/cache/driver"
	"github.com/stratacache/strata/internal/gather"
)

const (
	// readsAtOnce is how many readings run at once before others wait, to go
	// together: so they wait for a quarter of a round trip.
	readsAtOnce = 4
	// togetherMost is how many calls go together, of which none sets more than
	// togetherSize, or invalidates more than togetherNames: the log tells of a thousand.
	togetherMost  = 64
	togetherSize  = 16 << 10
	togetherNames = 15
	// togetherWait is how long they wait at most: a connection may be dead.
	togetherWait = 10 * time.Millisecond
)

// together has calls that come at once go together. Sets, and invalidations, would wait for
// each other at the namespace's row.
func (s *Store) together() {
	s.reads = gather.NewReads("sqlstore: get", readsAtOnce, togetherMost, togetherWait, s.getOne, s.GetMany)
	s.sets = gather.NewSets("sqlstore: put", 1, togetherMost, togetherWait, s.putOne, s.putMany)
	s.drops = &gather.Group[driver.Invalidation, driver.Invalidated]{
		Op: "sqlstore: invalidate", Width: 1, Max: togetherMost, Patience: togetherWait, One: s.invalidate, Many: s.invalidateMany,
	}
}

// invalidateMany is one step. What two of them name is removed by the first.
func (s *Store) invalidateMany(ctx context.Context, whats []driver.Invalidation) []gather.Answer[driver.Invalidated] {
	var all driver.Invalidation
	for _, what := range whats {
		all.Keys, all.Tags = append(all.Keys, what.Keys...), append(all.Tags, what.Tags...)
	}
	var done outcome
	p := invalidation(all)
	p.by = int64(len(whats))
	err := s.run(ctx, "invalidate", func(c session) (err error) {
		done, err = s.engine.invalidate(ctx, c, p)
		return err
	})
	if err == nil && p.clear {
		s.sweeper.invalid.Store(true)
		s.wrote(1)
	}
	removed := make(map[string]bool, len(done.removed))
	for _, name := range done.removed {
		removed[name] = true
	}
	out := make([]gather.Answer[driver.Invalidated], len(whats))
	for i, what := range whats {
		if out[i].Err = err; err != nil {
			continue
		}
		out[i].Value.Clock = done.clock
		for _, k := range what.Keys {
			if name := string(nameOf(k)); removed[name] {
				out[i].Value.Removed++
				delete(removed, name)
			}
		}
	}
	return out
}

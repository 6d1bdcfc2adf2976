package redisstore

import (
	"context"
	"hash/maphash"
	"sync"
	"sync/atomic"

	"github.com/redis/go-redis/v9"

	"github.com/stratacache/strata/cache/driver"
)

// primary is a namespace whose keys are all on one server, so that one script
// does each step at once.
type primary struct {
	space
	rdb   *redis.Client
	sizes sizes
	// clock is one that was seen lately, for PutMany to begin with; nil at first.
	clock atomic.Pointer[driver.Stamp]
	sets  sync.Pool // of *setCmds
	// quiet says that the last batch met no log, so that the next need not tell of
	// what it changes. It may be wrong: then its readers start anew.
	quiet atomic.Bool
	// history is the last known id of the server's history, "" if it tells none.
	history atomic.Pointer[string]
	// unchecked says that the client had connections before New, so that the
	// first call must look at the history itself.
	unchecked atomic.Bool
}

// newPrimary does not look at the server's history: see watchHistory.
func newPrimary(rdb *redis.Client, namespace string) (*primary, error) {
	s := &primary{rdb: rdb, sizes: sizes{from: large, seed: maphash.MakeSeed()}}
	if err := s.init(namespace+":", namespace+"!meta"); err != nil {
		return nil, err
	}
	rdb.Options().ContextTimeoutEnabled = true
	s.history.Store(new(string))
	return s, nil
}

// begin is the start of each call. All that follows is done in the caller's
// goroutine: handing it to another one, so that a canceled call need not wait
// for a server that hangs, was measured to double the time of a hit.
func (s *primary) begin(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return wrap(ctx, err)
	}
	return wrap(ctx, s.checkOnce(ctx))
}

// Ping implements driver.Store.
func (s *primary) Ping(ctx context.Context) error {
	if err := s.begin(ctx); err != nil {
		return err
	}
	return wrap(ctx, s.rdb.Ping(ctx).Err())
}

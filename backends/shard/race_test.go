package shard_test

import (
	"context"
	"math/rand/v2"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stratacache/strata/cache/driver"
	"github.com/stratacache/strata/cache/drivertest"
)

// Entries of one row of a database move between shards that are slow and fail
// now and then, while a writer commits versions of the row and invalidates its
// tag. Nobody may read a version that was invalidated before the reading began.
func TestNoStaleReadWhateverMoves(t *testing.T) {
	t.Parallel()
	for seed := range uint64(4) {
		t.Run(strconv.FormatUint(seed, 10), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) { stress(t, seed) })
		})
	}
}

func stress(t *testing.T, seed uint64) {
	by, shards := faulties("a", "b", "c")
	s := over(t, shards...)
	s.Settle(12*time.Millisecond, 13*time.Millisecond) // less than the slowest take
	for i, sh := range shards {
		by[sh.Name].Plan(drivertest.Seeded(seed*10+uint64(i), map[string]drivertest.Odds{
			"":           {Error: 0.01, Lost: 0.01, Delay: time.Millisecond},
			"Invalidate": {Error: 0.03, Lost: 0.03, Delay: 15 * time.Millisecond},
		}))
	}
	var names []driver.Key
	for _, sh := range shards {
		names = append(names, on(s, sh.Name, 0), on(s, sh.Name, 1))
	}
	var row, invalidated, reads, moves atomic.Int64
	ctx, stop := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	each := func(n int, do func(rng *rand.Rand)) {
		for i := range n {
			rng := rand.New(rand.NewPCG(seed, uint64(i)))
			wg.Go(func() {
				for ctx.Err() == nil {
					do(rng)
					time.Sleep(time.Duration(rng.IntN(100)) * time.Microsecond)
				}
			})
		}
	}
	name := func(rng *rand.Rand) driver.Key { return names[rng.IntN(len(names))] }

	each(4, func(rng *rand.Rand) { // readers, who load what is not there
		k, since := name(rng), invalidated.Load()
		r, err := s.Get(ctx, k, time.Minute)
		if err != nil {
			return
		}
		if r.Entry != nil {
			reads.Add(1)
			if got, _ := strconv.ParseInt(string(r.Entry.Payload), 10, 64); got < since {
				t.Errorf("a read that began after version %d was invalidated got version %d", since, got)
			}
			return
		}
		if rng.IntN(2) == 0 {
			return // else all names were always full
		}
		seen := row.Load()
		time.Sleep(time.Duration(rng.IntN(2000)) * time.Microsecond)
		e := value(strconv.FormatInt(seen, 10), "row")
		e.Stamp = r.Fence.Stamp
		_, _ = s.Put(ctx, k, e, driver.Fill, r.Fence.Token)
	})
	each(4, func(rng *rand.Rand) { // movers
		if r, err := s.Move(ctx, name(rng), name(rng)); err == nil && r.Done {
			moves.Add(1)
		}
	})
	rng := rand.New(rand.NewPCG(seed, 1000))
	for v := int64(1); v <= 60; v++ { // the writer, who repeats what failed
		row.Store(v)
		for {
			if _, err := s.Invalidate(ctx, driver.Invalidation{Tags: []string{"row"}}); err == nil {
				break
			}
		}
		invalidated.Store(v)
		time.Sleep(time.Duration(rng.IntN(60)) * time.Millisecond)
	}
	stop()
	wg.Wait()
	t.Logf("%d reads of entries, %d moves", reads.Load(), moves.Load())
	if reads.Load() == 0 || moves.Load() == 0 {
		t.Errorf("got %d reads and %d moves: nothing was tried", reads.Load(), moves.Load())
	}
}

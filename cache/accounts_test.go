package cache_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stratacache/strata/backends/locmem"
	"github.com/stratacache/strata/cache"
	"github.com/stratacache/strata/cache/driver"
)

// books are what the test itself and the hooks know to have happened.
type books struct {
	mu sync.Mutex
	// Of the test: keys that calls read, loaders that ran, how these ended.
	reads, loads, loadErrors, results int
	deadlines                         int
	// Of the hooks.
	outcomes map[cache.Outcome]int
	events   map[cache.Event]int
	told     cache.Stats
}

func (b *books) note(do func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	do()
}

func (b *books) hooks() cache.Hooks {
	return cache.Hooks{
		Read: func(_ context.Context, i cache.ReadInfo) {
			b.note(func() {
				b.outcomes[i.Outcome]++
				if i.Suspect {
					b.told.Suspects++
				}
				if i.Odd != nil {
					b.told.Odd++
				}
			})
		},
		Load: func(_ context.Context, i cache.LoadInfo) {
			b.note(func() {
				b.told.Loads++
				if i.Err != nil && !errors.Is(i.Err, cache.ErrNotFound) {
					b.told.LoadErrors++
				}
			})
		},
		Lease: func(context.Context, cache.LeaseInfo) { b.note(func() { b.told.LeasesLost++ }) },
		Write: func(_ context.Context, i cache.WriteInfo) {
			b.note(func() {
				if i.Done {
					b.told.Writes++
				}
			})
		},
		Invalidate: func(_ context.Context, i cache.InvalidateInfo) {
			b.note(func() {
				if i.Err == nil {
					b.told.Invalidations++
				}
			})
		},
		Event: func(_ context.Context, i cache.EventInfo) {
			b.note(func() { b.events[i.Event] += max(i.Names, 1) })
		},
	}
}

// loader is one that returns a value, an error or ErrNotFound, or needs long.
func (b *books) loader(r *rand.Rand) func(context.Context) (string, error) {
	takes, ends := time.Duration(r.IntN(3))*20*time.Millisecond, r.IntN(6)
	return func(ctx context.Context) (string, error) {
		ends := ends // it may run twice at once
		b.note(func() { b.loads++ })
		select {
		case <-time.After(takes):
		case <-ctx.Done():
			ends = 0
		}
		switch ends {
		case 0:
			b.note(func() { b.loadErrors++ })
			return "", errDown
		case 1:
			b.note(func() { b.results++ })
			return "", cache.ErrNotFound
		}
		b.note(func() { b.results++ })
		return "v", nil
	}
}

// one does a random thing.
func (b *books) one(ctx context.Context, r *rand.Rand, client *cache.Client) {
	c := cache.For[string](client)
	key := func() string { return fmt.Sprint("k", r.IntN(4)) }
	var opts []cache.Option
	if r.IntN(2) == 0 {
		opts = append(opts, cache.Tags("t"))
	}
	if r.IntN(8) == 0 {
		opts = append(opts, cache.NoStore())
	}
	if r.IntN(8) == 0 {
		opts = append(opts, cache.Refresh())
	}
	if r.IntN(6) == 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, time.Duration(r.IntN(30))*time.Millisecond)
		defer cancel()
	}
	read := func(keys ...string) {
		slices.Sort(keys)
		b.note(func() { b.reads += len(slices.Compact(keys)) })
	}
	switch r.IntN(13) {
	case 0, 1:
		k := key()
		read(k)
		_, _ = c.Get(ctx, k)
	case 2:
		k := key()
		read(k)
		_, _ = c.Has(ctx, k)
	case 3:
		keys := []string{key(), key(), key()}
		_, _ = c.GetMany(ctx, keys...)
		read(keys...)
	case 4, 5, 6:
		k := key()
		read(k)
		_, err := c.GetOrSet(ctx, k, b.loader(r), opts...)
		b.timedOut(err)
	case 7, 8:
		keys := []string{key(), key(), key()}
		load := b.loader(r)
		_, err := c.GetOrSetMany(ctx, keys, func(ctx context.Context, missing []string) (map[string]string, error) {
			v, err := load(ctx)
			if err != nil && !errors.Is(err, cache.ErrNotFound) {
				return nil, err
			}
			b.note(func() { b.results += len(missing) - 1 })
			if err != nil {
				return nil, nil
			}
			return map[string]string{missing[0]: v}, nil
		}, opts...)
		read(keys...)
		b.timedOut(err)
	case 9:
		_ = c.Set(ctx, key(), "s")
	case 10:
		_, _ = c.Delete(ctx, key())
	case 11:
		_ = client.Invalidate(ctx, "t")
	case 12:
		_, _ = c.Add(ctx, key(), "a")
	}
}

func (b *books) timedOut(err error) {
	if failed, ok := errors.AsType[cache.ManyError](err); ok {
		for _, one := range failed {
			b.timedOut(one)
		}
	} else if errors.Is(err, cache.ErrLoadTimeout) {
		b.note(func() { b.deadlines++ })
	}
}

// Stats, hooks and what callers and loaders saw are the same story.
func TestTheBooksBalance(t *testing.T) {
	var seen cache.Stats // in any of the runs, so that none of it is vacuous
	for seed := range uint64(60) {
		synctest.Test(t, func(t *testing.T) {
			s := balance(t, seed)
			for _, p := range []struct{ to, from *uint64 }{
				{&seen.Hits, &s.Hits},
				{&seen.NearHits, &s.NearHits},
				{&seen.NegativeHits, &s.NegativeHits},
				{&seen.Misses, &s.Misses},
				{&seen.Joins, &s.Joins},
				{&seen.StaleHits, &s.StaleHits},
				{&seen.Failures, &s.Failures},
				{&seen.Stored, &s.Stored},
				{&seen.Refused, &s.Refused},
				{&seen.Unstored, &s.Unstored},
				{&seen.StoreErrors, &s.StoreErrors},
				{&seen.Awaited, &s.Awaited},
				{&seen.LeasesLost, &s.LeasesLost},
				{&seen.LoadTimeouts, &s.LoadTimeouts},
				{&seen.StoreTimeouts, &s.StoreTimeouts},
				{&seen.StoreSlow, &s.StoreSlow},
				{&seen.Suspects, &s.Suspects},
				{&seen.Queued, &s.Queued},
				{&seen.Replayed, &s.Replayed},
			} {
				*p.to += *p.from
			}
		})
	}
	t.Logf("%+v", seen)
	for name, n := range map[string]uint64{
		"hits": seen.Hits, "near hits": seen.NearHits, "negative hits": seen.NegativeHits, "misses": seen.Misses, "joins": seen.Joins,
		"stale hits": seen.StaleHits, "failures": seen.Failures, "stored": seen.Stored, "refused": seen.Refused, "unstored": seen.Unstored,
		"store errors": seen.StoreErrors, "awaited": seen.Awaited, "leases lost": seen.LeasesLost, "load timeouts": seen.LoadTimeouts,
		"store timeouts": seen.StoreTimeouts, "slow": seen.StoreSlow, "suspects": seen.Suspects, "queued": seen.Queued, "replayed": seen.Replayed,
	} {
		if n == 0 {
			t.Errorf("%s: none in any run", name)
		}
	}
}

func balance(t *testing.T, seed uint64) cache.Stats {
	r := rand.New(rand.NewPCG(seed, 0))
	shared := locmem.New(nil)
	opts := cache.Options{LeaseWait: 50 * time.Millisecond, HardTimeout: 30 * time.Millisecond, RetryAfter: time.Millisecond}
	if r.IntN(2) == 0 {
		opts.TTL, opts.Stale = 30*time.Millisecond, time.Minute
	}
	if r.IntN(2) == 0 {
		opts.StoreTimeout, opts.StoreSoftTimeout = 20*time.Millisecond, 10*time.Millisecond
	}
	var all []*books
	var clients []*cache.Client
	var tasks sync.WaitGroup
	for range 2 {
		b := &books{outcomes: map[cache.Outcome]int{}, events: map[cache.Event]int{}}
		own := opts
		own.Hooks = b.hooks()
		for range r.IntN(3) {
			own.Near = append(own.Near, cache.Tier{Store: locmem.New(nil)})
		}
		store := &shaky{Store: shared, r: rand.New(rand.NewPCG(seed, 1)), odds: r.IntN(2) * 8}
		client := open(t, store, &own)
		for range 3 {
			dice := rand.New(rand.NewPCG(r.Uint64(), 0))
			tasks.Go(func() {
				for range 30 {
					b.one(t.Context(), dice, client)
					time.Sleep(time.Duration(dice.IntN(20)) * time.Millisecond)
				}
			})
		}
		all, clients = append(all, b), append(clients, client)
	}
	tasks.Wait()
	var total cache.Stats
	for i, client := range clients {
		_ = client.Close(context.Background()) // what goes on in the background ends
		s := client.Stats()
		all[i].check(t, seed, s)
		if i == 0 {
			total = s
		}
	}
	return total
}

func (b *books) check(t *testing.T, seed uint64, s cache.Stats) {
	t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	same := func(what string, got uint64, want int) {
		t.Helper()
		if got != uint64(want) {
			t.Errorf("seed %d: %s: got %d, want %d; %+v", seed, what, got, want, s)
		}
	}
	same("reads", s.Hits+s.NearHits+s.MemoHits+s.NegativeHits+s.Misses+s.Joins+s.StaleHits+s.Failures, b.reads)
	told := 0
	for n := range maps.Values(b.outcomes) {
		told += n
	}
	same("reads that were told", uint64(told), b.reads)
	for o, n := range map[cache.Outcome]uint64{
		cache.Hit: s.Hits, cache.NearHit: s.NearHits, cache.NegativeHit: s.NegativeHits, cache.Miss: s.Misses, cache.Joined: s.Joins,
		cache.StaleHit: s.StaleHits, cache.Failed: s.Failures,
	} {
		same(o.String(), n, b.outcomes[o])
	}
	same("loads", s.Loads, b.loads)
	same("loads that were told", s.Loads, int(b.told.Loads))
	same("load errors", s.LoadErrors, b.loadErrors)
	same("load errors that were told", s.LoadErrors, int(b.told.LoadErrors))
	same("results", s.Stored+s.Refused+s.Unstored+s.StoreErrors, b.results)
	same("load timeouts", s.LoadTimeouts, b.deadlines)
	same("leases lost", s.LeasesLost, int(b.told.LeasesLost))
	same("suspects", s.Suspects, int(b.told.Suspects))
	same("odd", s.Odd, int(b.told.Odd))
	same("writes", s.Writes, int(b.told.Writes))
	same("invalidations", s.Invalidations, int(b.told.Invalidations))
	same("owed", s.Owed, int(s.Queued-s.Replayed))
	for event, n := range map[cache.Event]uint64{
		cache.StoreTimedOut: s.StoreTimeouts, cache.StoreSlow: s.StoreSlow, cache.LoadTimedOut: s.LoadTimeouts,
		cache.Queued: s.Queued, cache.Replayed: s.Replayed,
	} {
		same(event.String(), n, b.events[event])
	}
}

// shaky is a store that is slow or down, one time in odds each.
type shaky struct {
	driver.Store
	odds int

	mu sync.Mutex
	r  *rand.Rand
}

func (s *shaky) fault(ctx context.Context) error {
	s.mu.Lock()
	roll, nap := 3, time.Duration(s.r.IntN(40))*time.Millisecond
	if s.odds > 0 {
		roll = s.r.IntN(s.odds)
	}
	s.mu.Unlock()
	switch {
	case s.odds == 0:
		return ctx.Err()
	case roll == 0:
		return errDown
	case roll > 2:
		return ctx.Err()
	}
	select {
	case <-time.After(nap):
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (s *shaky) Get(ctx context.Context, key driver.Key, hold time.Duration) (driver.Reading, error) {
	if err := s.fault(ctx); err != nil {
		return driver.Reading{}, err
	}
	return s.Store.Get(ctx, key, hold)
}

func (s *shaky) Put(ctx context.Context, key driver.Key, e *driver.Entry, mode driver.Mode, token driver.Token) (driver.Result, error) {
	if err := s.fault(ctx); err != nil {
		return driver.Result{}, err
	}
	return s.Store.Put(ctx, key, e, mode, token)
}

func (s *shaky) Invalidate(ctx context.Context, what driver.Invalidation) (driver.Invalidated, error) {
	if err := s.fault(ctx); err != nil {
		return driver.Invalidated{}, err
	}
	return s.Store.Invalidate(ctx, what)
}

package redisstore

import (
	"context"
	"errors"
	"slices"

	"github.com/redis/go-redis/v9"

	"github.com/stratacache/strata/cache/driver"
)

// PutMany implements driver.ManyPutter, in one pipeline.
func (s *primary) PutMany(ctx context.Context, items []driver.Item) []driver.ItemResult {
	if !slices.ContainsFunc(items, func(it driver.Item) bool {
		return it.Mode != driver.Set || it.Entry.Kind > driver.Coded || !fits(it.Entry)
	}) {
		return s.setMany(ctx, items)
	}
	out := make([]driver.ItemResult, len(items))
	jobs := make([]job, 0, len(items))
	buf := s.buffer()
	defer s.free(buf)
	var of []int // the item of each job
	for i, it := range items {
		sc, args, err := s.putting(it.Key, it.Entry, it.Mode, it.Token, buf)
		if out[i].Err = err; err != nil {
			if !errors.Is(err, driver.ErrTooLarge) || it.Mode != driver.Set && it.Mode != driver.SetFenced {
				continue
			}
			sc, args = &s.scripts.invalidate, s.invalidating(driver.Invalidation{Keys: []driver.Key{it.Key}})
		}
		jobs = append(jobs, job{script: sc, args: args, again: repeatable(it.Mode)})
		of = append(of, i)
	}
	if err := s.evalMany(ctx, jobs); err != nil {
		return all(len(items), err)
	}
	for j, i := range of {
		r, err := result(jobs[j].cmd.Val(), wrap(ctx, jobs[j].err))
		if out[i].Err == nil || err != nil { // otherwise it was too large, and what stood was removed
			out[i] = driver.ItemResult{Result: r, Err: err}
		}
	}
	return out
}

// all is one error for each of n items.
func all(n int, err error) []driver.ItemResult {
	out := make([]driver.ItemResult, n)
	for i := range out {
		out[i].Err = err
	}
	return out
}

// setMany sets with plain commands, because a script costs the server several
// times as much. Entries are stamped with a clock that was seen before: a lower
// stamp than the current one is safe. The pipeline sets, then advances the clock,
// and then asks whether the entries are valid: otherwise all is done again with
// the clock that was learned.
func (s *primary) setMany(ctx context.Context, items []driver.Item) []driver.ItemResult {
	err := s.begin(ctx)
	if err == nil {
		var out []driver.ItemResult
		if out, err = s.setManyNow(ctx, items); err == nil {
			return out
		}
		err = wrap(ctx, err)
	}
	return all(len(items), err)
}

func (s *primary) setManyNow(ctx context.Context, items []driver.Item) ([]driver.ItemResult, error) {
	sets := s.newSetCmds()
	defer s.freeSetCmds(sets)
	clock := s.clock.Load()
	for range 1 + 2*recordAttempts {
		if clock == nil { // nothing is known yet
			meta := s.recordCmd(ctx, nil)
			if err := s.rdb.Process(ctx, meta); err != nil {
				return nil, err
			}
			rec, err := readRecord(meta, nil)
			if err != nil {
				return nil, err
			}
			clock = &rec.clock // of no epoch, if there is no record: see below
		}
		sets.fill(&s.space, items, *clock)
		after, valid, err := s.settle(ctx, sets.cmds, items, *clock)
		switch {
		case errors.Is(err, redis.Nil): // there is no record
			clock = nil
			if err := s.makeRecord(ctx); err != nil {
				return nil, err
			}
		case err != nil:
			return nil, err
		case !valid:
			clock = &after
		default:
			s.clock.Store(&after)
			return sets.results(after, func(err error) error { return wrap(ctx, err) }), nil
		}
	}
	return nil, errors.New("the clock moves faster than many entries can be set")
}

// tagsOf are the tags of all items, each once.
func tagsOf(items []driver.Item) []string {
	var tags []string
	var seen map[string]bool
	for i := range items {
		for _, t := range items[i].Entry.Tags {
			if !seen[t] {
				if seen == nil {
					seen = make(map[string]bool)
				}
				seen[t] = true
				tags = append(tags, t)
			}
		}
	}
	return tags
}

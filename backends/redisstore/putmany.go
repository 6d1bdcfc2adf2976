package redisstore

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/stratacache/strata/cache/driver"
	"github.com/stratacache/strata/cache/driver/envelope"
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
// stamp than the current one is safe. The pipeline first asks whether it still
// makes them valid (otherwise all is done again with the clock that was
// learned), then sets, and then advances.
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
	tags := tagsOf(items)
	clock := s.clock.Load()
	buf := s.buffer()
	defer s.free(buf)
	for range 1 + 2*recordAttempts {
		meta := s.recordCmd(ctx, tags)
		if clock == nil { // nothing is known yet
			if err := s.rdb.Process(ctx, meta); err != nil {
				return nil, err
			}
		}
		var sets []*redis.Cmd
		advance := s.advanceCmd(ctx, keysOf(items))
		if clock != nil {
			sets = s.setCmds(ctx, items, *clock, buf)
			_, _ = s.rdb.Pipelined(ctx, func(p redis.Pipeliner) error {
				_ = p.Process(ctx, meta)
				for _, cmd := range sets {
					_ = p.Process(ctx, cmd)
				}
				return p.Process(ctx, advance)
			})
		}
		if err := meta.Err(); err != nil {
			return nil, err
		}
		rec, err := readRecord(meta, tags)
		if err != nil {
			return nil, err
		}
		if rec.clock.Epoch == 0 {
			if err := s.makeRecord(ctx); err != nil {
				return nil, err
			}
			clock = nil
			continue
		}
		if clock != nil && clock.Epoch == rec.clock.Epoch && !slices.ContainsFunc(items, func(it driver.Item) bool { return rec.outdated(it.Entry) }) {
			after, _, err := splitReply(advance.Result())
			if err != nil {
				return nil, err
			}
			s.clock.Store(&after)
			out := make([]driver.ItemResult, len(items))
			for i, cmd := range sets {
				out[i] = driver.ItemResult{Result: driver.Result{Done: cmd.Err() == nil, Clock: after}, Err: wrap(ctx, cmd.Err())}
			}
			return out, nil
		}
		clock = &rec.clock
	}
	return nil, errors.New("the clock moves faster than many entries can be set")
}

// advanceCmd moves the clock on by one for each of keys. It has the whole script
// with it: nothing in a pipeline could be sent again if the server did not know
// it, and the script is short.
func (s *space) advanceCmd(ctx context.Context, keys []driver.Key) *redis.Cmd {
	args := append(newArgs(1, 2), s.meta, len(keys), s.items(keys))
	args[0], args[1] = "eval", s.scripts.advance.source
	return redis.NewCmd(ctx, args...)
}

// setCmds encodes into buf. The commands' arguments are pointers into shared
// slices, so that they are not allocated one by one.
func (s *space) setCmds(ctx context.Context, items []driver.Item, clock driver.Stamp, buf *[]byte) []*redis.Cmd {
	size := 0
	for _, it := range items {
		size += envelope.Len(it.Entry)
	}
	all := slices.Grow((*buf)[:0], size)
	cmds := make([]*redis.Cmd, len(items))
	names, lives := make([]string, len(items)), make([]int64, len(items))
	s.fillNames(names, func(i int) driver.Key { return items[i].Key })
	const most = 5
	args := make([]any, 0, most*len(items))
	now := time.Now()
	for i, it := range items {
		it.Entry.Token, it.Entry.Stamp = driver.NewToken(), clock
		lives[i] = lifetime(it.Entry.Life, now)
		from := len(args)
		if lives[i] == -1 {
			args = append(args, "pexpire", &names[i], "-1") // removes it, and may stand in a cluster's pipeline
		} else {
			start := len(all)
			all = envelope.Encode(all, it.Key, it.Entry)
			args = append(args, "set", &names[i], all[start:len(all):len(all)])
			if lives[i] != 0 {
				args = append(args, "px", &lives[i])
			}
		}
		cmds[i] = redis.NewCmd(ctx, args[from:len(args):len(args)]...)
	}
	*buf = all
	return cmds
}

// tagsOf are the tags of all items, each once.
func tagsOf(items []driver.Item) []string {
	var tags []string
	seen := make(map[string]bool)
	for _, it := range items {
		for _, t := range it.Entry.Tags {
			if !seen[t] {
				seen[t] = true
				tags = append(tags, t)
			}
		}
	}
	return tags
}

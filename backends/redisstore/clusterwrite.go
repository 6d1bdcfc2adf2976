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

// Put is PutMany of one item.
func (c *cluster) Put(ctx context.Context, key driver.Key, e *driver.Entry, mode driver.Mode, token driver.Token) (driver.Result, error) {
	r := c.PutMany(ctx, []driver.Item{{Key: key, Entry: e, Mode: mode, Token: token}})[0]
	return r.Result, r.Err
}

// PutMany puts items of the same mode that follow each other at once, in
// parallel on their shards; but Adds one by one.
func (c *cluster) PutMany(ctx context.Context, items []driver.Item) []driver.ItemResult {
	out := make([]driver.ItemResult, 0, len(items))
	for len(items) > 0 {
		n := 1
		for n < len(items) && items[n].Mode == items[0].Mode && items[0].Mode != driver.Add {
			n++
		}
		out = append(out, c.putRun(ctx, items[:n])...)
		items = items[n:]
	}
	return out
}

// putRun puts items of one mode. Those that cannot be stored are left out, and
// of Set and SetFenced what stands in their place is removed.
func (c *cluster) putRun(ctx context.Context, items []driver.Item) []driver.ItemResult {
	if err := c.begin(ctx); err != nil {
		return all(len(items), c.failed(ctx, err))
	}
	out := make([]driver.ItemResult, len(items))
	var fit []driver.Item
	var of []int
	mode := items[0].Mode
	for i, it := range items {
		err := admit(it.Entry, mode)
		if err == nil {
			fit, of = append(fit, it), append(of, i)
			continue
		}
		if errors.Is(err, driver.ErrTooLarge) && (mode == driver.Set || mode == driver.SetFenced) {
			if _, failed := c.Invalidate(ctx, driver.Invalidation{Keys: []driver.Key{it.Key}}); failed != nil {
				err = failed
			}
		}
		out[i].Err = err
	}
	if len(fit) == 0 {
		return out
	}
	var done []driver.ItemResult
	var err error
	switch mode {
	case driver.Set:
		done, err = c.set(ctx, fit)
	case driver.Add:
		var r driver.Result
		r, err = c.add(ctx, fit[0].Key, fit[0].Entry)
		done = []driver.ItemResult{{Result: r}}
	default:
		done, err = c.fill(ctx, fit, mode)
	}
	if err != nil {
		done = all(len(fit), c.failed(ctx, err))
	}
	for j, i := range of {
		out[i] = done[j]
	}
	return out
}

// set stamps entries with a clock that was seen before, and asks beside setting
// them whether it makes them valid. If not, all is done again with the clock that
// was learned: that one is of this very call, so that whatever invalidates the
// entries from then on may as well have come after it.
func (c *cluster) set(ctx context.Context, items []driver.Item) ([]driver.ItemResult, error) {
	tags := tagsOf(items)
	clock, seen := c.recent()
	if !seen {
		rec, err := c.record(ctx, tags)
		if err != nil {
			return nil, err
		}
		clock = rec.clock
	}
	buf := c.buffer()
	defer c.free(buf)
	for again := false; ; again = true {
		sets := &setCmds{blobs: *buf} // made anew, because go-redis remembers their slots
		sets.fill(&c.space, items, clock)
		*buf = sets.blobs
		meta := c.recordCmd(ctx, tags)
		_, _ = c.rdb.Pipelined(ctx, func(p redis.Pipeliner) error {
			_ = p.Process(ctx, meta)
			return p.BatchProcess(ctx, sets.cmds...)
		})
		if err := meta.Err(); err != nil {
			return nil, err
		}
		if !again && seen {
			rec, err := readRecord(meta, tags)
			if err == nil && rec.clock.Epoch == 0 {
				rec, err = c.record(ctx, tags)
			}
			if err != nil {
				return nil, err
			}
			if rec.clock.Epoch != clock.Epoch || slices.ContainsFunc(items, func(it driver.Item) bool { return rec.outdated(it.Entry) }) {
				clock = rec.clock
				continue
			}
		}
		after, err := c.advance(ctx, keysOf(items)...)
		if err != nil {
			return nil, err
		}
		c.saw(after)
		return sets.results(after, func(err error) error { return c.failed(ctx, err) }), nil
	}
}

// fill is Fill and SetFenced: it looks at the record, and then at the tokens. A
// tag that is invalidated in between makes the entry invalid where it stands,
// since every reader looks at its tags.
func (c *cluster) fill(ctx context.Context, items []driver.Item, mode driver.Mode) ([]driver.ItemResult, error) {
	rec, err := c.record(ctx, tagsOf(items))
	if err != nil {
		return nil, err
	}
	buf := c.buffer()
	defer c.free(buf)
	size := 0
	for _, it := range items {
		size += envelope.Len(it.Entry)
	}
	blobs := slices.Grow(*buf, size)
	out := make([]driver.ItemResult, len(items))
	var jobs []job
	var of []int
	for i, it := range items {
		out[i].Clock = rec.clock
		token := it.Token
		if it.Entry.Stamp.Epoch != rec.clock.Epoch || rec.outdated(it.Entry) {
			token = 0 // never stands
			if mode == driver.Fill {
				continue
			}
		}
		it.Entry.Token = driver.NewToken()
		start := len(blobs)
		blobs = envelope.Encode(blobs, it.Key, it.Entry)
		args := append(newArgs(1, 3), c.name(it.Key), fence(token), blobs[start:], lifetime(it.Entry.Life, time.Now()))
		sc := &c.scripts.shardFill
		if mode == driver.SetFenced {
			sc = &c.scripts.shardSetFenced
		}
		jobs, of = append(jobs, job{script: sc, args: args}), append(of, i)
	}
	*buf = blobs
	c.run(ctx, jobs)
	for j, i := range of {
		out[i].Done, out[i].Err = jobs[j].cmd.Val() == int64(1), c.failed(ctx, jobs[j].err)
	}
	if mode == driver.SetFenced {
		clock, err := c.advance(ctx, keysOf(items)...)
		if err != nil {
			return nil, err
		}
		c.saw(clock)
		for i := range out {
			out[i].Clock = clock
		}
	}
	return out, nil
}

// add stores e if what stands is not live, and is still what it was when that
// was judged.
func (c *cluster) add(ctx context.Context, key driver.Key, e *driver.Entry) (driver.Result, error) {
	for range moveAttempts {
		s, err := c.stands(ctx, key)
		if err != nil {
			return driver.Result{}, err
		}
		if s.live != nil {
			return driver.Result{Clock: s.clock}, nil
		}
		done, err := c.addOver(ctx, key, e, s)
		if err != nil {
			return driver.Result{}, err
		}
		if done {
			clock, err := c.advance(ctx, key)
			if err != nil {
				return driver.Result{}, err
			}
			c.saw(clock)
			return driver.Result{Done: true, Clock: clock}, nil
		}
	}
	return driver.Result{}, errBusyKey
}

// addOver stores e if nothing has changed since s was judged not to be live.
func (c *cluster) addOver(ctx context.Context, key driver.Key, e *driver.Entry, s standing) (bool, error) {
	e.Token, e.Stamp = driver.NewToken(), s.clock
	args := append(newArgs(1, 3), c.name(key), fence(s.token), encode(key, e), lifetime(e.Life, time.Now()))
	reply, err := evalOnce(ctx, c.rdb, &c.scripts.shardAdd, args, false)
	return reply == int64(1), err
}

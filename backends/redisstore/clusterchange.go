package redisstore

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/stratacache/strata/cache/driver"
	"github.com/stratacache/strata/cache/driver/envelope"
)

// Touch gives the entry that was judged to be live its new life.
func (c *cluster) Touch(ctx context.Context, key driver.Key, life driver.Life) (driver.Result, error) {
	r, err := c.touch(ctx, key, life)
	return r, c.failed(ctx, err)
}

func (c *cluster) touch(ctx context.Context, key driver.Key, life driver.Life) (driver.Result, error) {
	if err := c.begin(ctx); err != nil {
		return driver.Result{}, err
	}
	for range moveAttempts {
		s, err := c.stands(ctx, key)
		if err != nil || s.live == nil {
			return driver.Result{Clock: s.clock}, err
		}
		args := append(newArgs(1, 4), c.name(key), s.parts[0], s.parts[1], envelope.AppendLife(make([]byte, 0, 20), life), lifetime(life, time.Now()))
		reply, err := evalOnce(ctx, c.rdb, &c.scripts.shardTouch, args, false)
		if err != nil {
			return driver.Result{}, err
		}
		if reply == int64(1) {
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

// Incr counts in the entry that was judged to be live. Others that count
// meanwhile change neither its clock nor its tags, and so are not in the way.
func (c *cluster) Incr(ctx context.Context, key driver.Key, delta int64, initial *driver.Entry) (driver.Sum, error) {
	if initial != nil {
		if initial.Kind != driver.Integer {
			return driver.Sum{}, fmt.Errorf("redisstore: incr: the initial entry: %w", driver.ErrNotInteger)
		}
		if !fits(initial) {
			return driver.Sum{}, driver.ErrTooLarge
		}
	}
	sum, answer, err := c.incr(ctx, key, delta, initial)
	if answer != nil {
		return driver.Sum{}, answer
	}
	return sum, c.failed(ctx, err)
}

// incr returns as answer what is no outage.
func (c *cluster) incr(ctx context.Context, key driver.Key, delta int64, initial *driver.Entry) (sum driver.Sum, answer, err error) {
	if err := c.begin(ctx); err != nil {
		return sum, nil, err
	}
	for range moveAttempts {
		s, err := c.stands(ctx, key)
		if err != nil {
			return sum, nil, err
		}
		if s.live == nil {
			if initial == nil {
				return sum, driver.ErrMiss, nil
			}
			done, err := c.addOver(ctx, key, initial, s)
			if err != nil {
				return sum, nil, err
			}
			if !done {
				continue
			}
			value, err := strconv.ParseInt(string(initial.Payload), 10, 64)
			if err != nil {
				return sum, nil, errReply
			}
			clock, err := c.advance(ctx, key)
			if err != nil {
				return sum, nil, err
			}
			c.saw(clock)
			return driver.Sum{Value: value, Created: true, Clock: clock}, nil, nil
		}
		args := append(newArgs(1, 4), c.name(key), s.parts[0], s.parts[1], delta, tokenBytes(driver.NewToken()))
		reply, err := evalOnce(ctx, c.rdb, &c.scripts.shardIncr, args, false)
		if err != nil {
			return sum, nil, err
		}
		switch digits, _ := reply.(string); digits {
		case "T":
			return sum, driver.ErrNotInteger, nil
		case "O":
			return sum, driver.ErrOverflow, nil
		case "C":
			c.drop(ctx, c.rdb, key, s.token, 0)
		case "":
		default:
			n, err := strconv.ParseInt(digits, 10, 64)
			if err != nil {
				return sum, nil, errReply
			}
			return driver.Sum{Value: n, Clock: s.clock}, nil, nil
		}
	}
	return sum, nil, errBusyKey
}

// Invalidate removes the keys on their shards, then advances and gives the tags
// their stamp in one step.
func (c *cluster) Invalidate(ctx context.Context, what driver.Invalidation) (driver.Invalidated, error) {
	r, err := c.invalidate(ctx, what)
	return r, c.failed(ctx, err)
}

func (c *cluster) invalidate(ctx context.Context, what driver.Invalidation) (driver.Invalidated, error) {
	if err := c.begin(ctx); err != nil {
		return driver.Invalidated{}, err
	}
	removed := 0
	if len(what.Keys) > 0 {
		var err error
		if removed, err = c.remove(ctx, what.Keys); err != nil {
			return driver.Invalidated{}, err
		}
	}
	args := append(newArgs(1, 2+len(what.Tags)), c.meta, c.maxFields, c.items(what.Keys))
	for _, t := range what.Tags {
		args = append(args, tagField(t))
	}
	clock, _, err := splitReply(c.evalMeta(ctx, &c.scripts.invalidate, args))
	if err != nil {
		return driver.Invalidated{}, err
	}
	c.saw(clock)
	return driver.Invalidated{Removed: removed, Clock: clock}, nil
}

// remove removes keys, and counts those under which a live entry stood.
func (c *cluster) remove(ctx context.Context, keys []driver.Key) (int, error) {
	tags := *c.guess.Load()
	meta := c.recordCmd(ctx, tags)
	jobs := make([]job, len(keys))
	for i, k := range keys {
		jobs[i] = job{script: &c.scripts.remove, args: append(newArgs(1, 0), c.name(k))}
	}
	c.run(ctx, jobs, meta)
	if err := meta.Err(); err != nil {
		return 0, err
	}
	rec, err := readRecord(meta, tags)
	if err != nil {
		return 0, err
	}
	var heads []driver.KeyReading
	for _, j := range jobs {
		if j.err != nil {
			return 0, j.err
		}
		head, _ := j.cmd.Val().(string)
		if e, _, _ := parseHead(bytesOf(head)); e != nil && e.Kind != driver.Negative && e.Stamp.Epoch == rec.clock.Epoch {
			heads = append(heads, driver.KeyReading{Reading: driver.Reading{Entry: e}})
		}
	}
	if err := c.checkTags(ctx, c.rdb, rec, heads); err != nil {
		return 0, err
	}
	n := 0
	for _, h := range heads {
		if h.Live() {
			n++
		}
	}
	return n, nil
}

// Move takes the entry away from one name, so that only one of several that
// move it has it, and then puts it under the other.
func (c *cluster) Move(ctx context.Context, from, to driver.Key) (driver.Result, error) {
	r, err := c.move(ctx, from, to)
	return r, c.failed(ctx, err)
}

func (c *cluster) move(ctx context.Context, from, to driver.Key) (driver.Result, error) {
	for range moveAttempts {
		r, err := c.Get(ctx, from, 0)
		if err != nil || !r.Live() {
			return driver.Result{Clock: r.Fence.Stamp}, err
		}
		if from.String() == to.String() {
			return driver.Result{Done: true, Clock: r.Fence.Stamp}, nil
		}
		args := append(newArgs(1, 1), c.name(from), fence(r.Entry.Token))
		left, err := evalOnce(ctx, c.rdb, &c.scripts.take, args, false)
		if err != nil {
			return driver.Result{}, err
		}
		ms, _ := left.(int64)
		if ms < -1 {
			continue // it changed since it was read
		}
		e := r.Entry.Clone()
		e.Token = driver.NewToken()
		set := []any{"set", c.name(to), encode(to, e)}
		if ms >= 0 {
			set = append(set, "px", max(ms, 1))
		}
		if err := c.rdb.Process(ctx, redis.NewCmd(ctx, set...)); err != nil {
			return driver.Result{}, err
		}
		clock, err := c.advanceBy(ctx, 1, from, to)
		if err != nil {
			return driver.Result{}, err
		}
		c.saw(clock)
		return driver.Result{Done: true, Clock: clock}, nil
	}
	return driver.Result{}, errBusyKey
}

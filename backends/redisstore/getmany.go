package redisstore

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/stratacache/strata/cache/driver"
)

// manyKeys is how many keys one command takes: it keeps the server from
// everything else, and Lua's unpack has a limit.
const manyKeys = 1000

// GetMany implements driver.ManyGetter. It reads the meta record and then the
// keys, with plain commands in one round trip: a script would cost the server
// several times as much. What it reads of tags are those that the entries of
// the last call had; if there are others, it takes a second round trip, and so
// do placeholders. A value of another type than string counts as nothing, and so
// does an empty one.
func (s *primary) GetMany(ctx context.Context, keys []driver.Key, hold time.Duration) ([]driver.KeyReading, error) {
	if err := s.begin(ctx); err != nil {
		return nil, err
	}
	readings, err := s.getMany(ctx, keys)
	if err != nil {
		return nil, wrap(ctx, err)
	}
	if hold > 0 {
		s.plantMany(ctx, keys, readings, hold)
	} else {
		s.dropMany(ctx, keys, readings)
	}
	return readings, nil
}

func (s *primary) getMany(ctx context.Context, keys []driver.Key) ([]driver.KeyReading, error) {
	for range recordAttempts {
		rec, readings, err := s.readMany(ctx, s.rdb, keys)
		if err != nil || rec.clock.Epoch != 0 {
			return readings, err
		}
		if err := s.makeRecord(ctx); err != nil {
			return nil, err
		}
	}
	return nil, errNoRecord
}

// readMany reads the record and then the keys, in one pipeline. Without a record
// there are no readings.
func (s *space) readMany(ctx context.Context, p processor, keys []driver.Key) (record, []driver.KeyReading, error) {
	guess := *s.guess.Load()
	meta := s.recordCmd(ctx, guess)
	var mgets []*redis.StringSliceCmd
	for part := range slices.Chunk(keys, manyKeys) {
		args := s.newMGetArgs()
		defer s.freeMGetArgs(args)
		mgets = append(mgets, redis.NewStringSliceCmd(ctx, args.fill(s, part)...))
	}
	_, err := p.Pipelined(ctx, func(p redis.Pipeliner) error {
		_ = p.Process(ctx, meta)
		for _, cmd := range mgets {
			_ = p.Process(ctx, cmd)
		}
		return nil
	})
	if err != nil {
		return record{}, nil, err
	}
	rec, err := readRecord(meta, guess)
	if err != nil || rec.clock.Epoch == 0 {
		return rec, nil, err
	}
	readings := make([]driver.KeyReading, len(keys))
	for part := range slices.Chunk(readings, manyKeys) {
		values := mgets[0].Val()
		if len(values) != len(part) {
			return rec, nil, errReply
		}
		for i, v := range values {
			part[i].Fence.Stamp = rec.clock
			if v != "" { // which is what none looks like
				plainReading(&part[i].Reading, keys[i], bytesOf(v))
			}
		}
		mgets, keys = mgets[1:], keys[len(part):]
	}
	return rec, readings, s.checkTags(ctx, p, rec, readings)
}

// plantMany plants placeholders where nothing valid was found.
func (s *primary) plantMany(ctx context.Context, keys []driver.Key, readings []driver.KeyReading, hold time.Duration) {
	var which []int
	for i, r := range readings {
		if r.Entry == nil && !errors.Is(r.Odd, driver.ErrNewer) {
			which = append(which, i)
		}
	}
	for part := range slices.Chunk(which, manyKeys) {
		args := append(newArgs(1+len(part), 2), s.meta)
		for _, i := range part {
			args = append(args, s.name(keys[i]))
		}
		reply, err := s.eval(ctx, &s.scripts.plant, planting(args, hold), true)
		parts, _ := reply.([]any)
		if err == nil && len(parts) != 2 {
			err = errReply
		}
		var clock driver.Stamp
		var bodies []any
		if err == nil {
			clock, _, err = splitReply(parts[0], nil)
			bodies, _ = parts[1].([]any)
		}
		if err == nil && len(bodies) != len(part) {
			err = errReply
		}
		for j, i := range part {
			if err == nil {
				body, _ := bodies[j].(string)
				readings[i].Reading, readings[i].Err = s.reading(ctx, keys[i], clock, bytesOf(body), hold)
			} else {
				readings[i] = driver.KeyReading{Err: err}
			}
		}
	}
}

// dropMany removes what was found corrupt.
func (s *primary) dropMany(ctx context.Context, keys []driver.Key, readings []driver.KeyReading) {
	for i, r := range readings {
		if errors.Is(r.Odd, driver.ErrCorrupt) {
			readings[i].Fence.Token, _ = s.drop(ctx, s.rdb, keys[i], r.Fence.Token, 0)
		}
	}
}

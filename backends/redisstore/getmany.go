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
// do placeholders. A value of another type than string counts as nothing.
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
	var rec record
	guess := *s.guess.Load()
	values := make([]any, 0, len(keys))
	for attempt := 0; ; attempt++ {
		if attempt == recordAttempts {
			return nil, errNoRecord
		}
		var mgets []*redis.SliceCmd
		meta := s.recordCmd(ctx, guess)
		_, err := s.rdb.Pipelined(ctx, func(p redis.Pipeliner) error {
			_ = p.Process(ctx, meta)
			for part := range slices.Chunk(keys, manyKeys) {
				args, names := make([]any, 1, 1+len(part)), make([]string, len(part))
				args[0] = "mget"
				for i, k := range part {
					names[i] = s.name(k)
					args = append(args, &names[i]) // a pointer is not allocated
				}
				cmd := redis.NewSliceCmd(ctx, args...)
				mgets = append(mgets, cmd)
				_ = p.Process(ctx, cmd)
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
		if rec, err = readRecord(meta, guess); err != nil {
			return nil, err
		}
		if rec.clock.Epoch != 0 {
			for _, cmd := range mgets {
				values = append(values, cmd.Val()...)
			}
			break
		}
		if err := s.makeRecord(ctx); err != nil {
			return nil, err
		}
	}
	if len(values) != len(keys) {
		return nil, errReply
	}
	readings := make([]driver.KeyReading, len(keys))
	for i, v := range values {
		text, _ := v.(string)
		readings[i].Reading = plainReading(keys[i], rec.clock, bytesOf(text), v != nil)
	}
	return readings, s.checkTags(ctx, s.rdb, rec, readings)
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

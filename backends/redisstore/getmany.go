package redisstore

import (
	"context"
	"encoding/binary"
	"errors"
	"slices"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/stratacache/strata/cache/driver"
	"github.com/stratacache/strata/cache/driver/envelope"
)

const (
	// manyKeys is how many keys one command takes: it keeps the server from
	// everything else, and Lua's unpack has a limit.
	manyKeys = 1000
	// guessTags is how many tags are remembered from one GetMany to the next.
	guessTags = 64
)

// GetMany implements driver.ManyGetter. It reads the meta record and then the
// keys, with plain commands in one round trip: a script would cost the server
// several times as much. What it reads of tags are those that the entries of
// the last call had; if there are others, it takes a second round trip, and so
// do placeholders. A value of another type than string counts as nothing.
func (s *Store) GetMany(ctx context.Context, keys []driver.Key, hold time.Duration) ([]driver.KeyReading, error) {
	if len(keys) == 0 {
		return nil, nil
	}
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

func (s *Store) getMany(ctx context.Context, keys []driver.Key) ([]driver.KeyReading, error) {
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
	return readings, s.checkTags(ctx, rec, readings)
}

// plainReading judges all of a value but the stamps of its tags.
func plainReading(key driver.Key, clock driver.Stamp, blob []byte, found bool) driver.Reading {
	r := driver.Reading{Fence: driver.Fence{Token: envelope.Token(blob), Stamp: clock}}
	if !found {
		return r
	}
	e, err := envelope.Decode(key, blob)
	switch {
	case errors.Is(err, driver.ErrMiss):
	case errors.Is(err, driver.ErrNewer):
		r.Odd, r.Fence.Token = err, 0
	case err != nil:
		r.Odd = err
	case e.Stamp.Epoch == clock.Epoch:
		r.Entry = e
	}
	return r
}

// checkTags takes the entries away whose tags were invalidated.
func (s *Store) checkTags(ctx context.Context, rec record, readings []driver.KeyReading) error {
	var unknown, all []string
	for _, r := range readings {
		if r.Entry == nil {
			continue
		}
		for _, t := range r.Entry.Tags {
			if _, ok := rec.tags[t]; !ok {
				unknown = append(unknown, t)
				rec.tags[t] = 0
			}
			if len(all) < guessTags && !slices.Contains(all, t) {
				all = append(all, t)
			}
		}
	}
	if len(unknown) > 0 {
		s.guess.Store(&all)
		for part := range slices.Chunk(unknown, manyKeys) {
			meta := s.recordCmd(ctx, part)
			if err := s.rdb.Process(ctx, meta); err != nil {
				return err
			}
			now, err := readRecord(meta, part)
			if err != nil {
				return err
			}
			for t, n := range now.tags {
				rec.tags[t] = n
			}
			if now.clock.Epoch != rec.clock.Epoch { // the record was lost meanwhile
				rec.tags[driver.TagAll] = 1 << 62
			}
		}
	}
	for i, r := range readings {
		if r.Entry != nil && rec.outdated(r.Entry) {
			readings[i].Entry = nil
		}
	}
	return nil
}

// plantMany plants placeholders where nothing valid was found.
func (s *Store) plantMany(ctx context.Context, keys []driver.Key, readings []driver.KeyReading, hold time.Duration) {
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
func (s *Store) dropMany(ctx context.Context, keys []driver.Key, readings []driver.KeyReading) {
	for i, r := range readings {
		if errors.Is(r.Odd, driver.ErrCorrupt) {
			readings[i].Fence.Token, _ = s.drop(ctx, keys[i], r.Fence.Token, 0)
		}
	}
}

// record is the meta record, as far as it was asked for.
type record struct {
	clock driver.Stamp      // zero if there is none
	tags  map[string]uint64 // 0: never invalidated
}

// recordCmd asks for the record, and for the stamps of all and of tags.
func (s *Store) recordCmd(ctx context.Context, tags []string) *redis.SliceCmd {
	args := make([]any, 5, 5+len(tags))
	args[0], args[1], args[2], args[3], args[4] = "hmget", s.meta, "e", "n", tagField(driver.TagAll)
	for _, t := range tags {
		args = append(args, tagField(t))
	}
	return redis.NewSliceCmd(ctx, args...)
}

func readRecord(cmd *redis.SliceCmd, tags []string) (record, error) {
	values := cmd.Val()
	if len(values) != 3+len(tags) {
		return record{}, errReply
	}
	rec := record{tags: make(map[string]uint64, 1+len(tags))}
	epoch, ok := values[0].(string)
	if !ok {
		return rec, nil
	}
	n, err := number(values[1])
	if err != nil || len(epoch) != 8 {
		return rec, errReply
	}
	rec.clock = driver.Stamp{Epoch: binary.BigEndian.Uint64([]byte(epoch)), N: n}
	for i, v := range values[2:] {
		tag := driver.TagAll
		if i > 0 {
			tag = tags[i-1]
		}
		if rec.tags[tag], err = number(v); err != nil {
			return rec, err
		}
	}
	return rec, nil
}

// number is a field of the record; one that is missing is 0.
func number(v any) (uint64, error) {
	if v == nil {
		return 0, nil
	}
	text, _ := v.(string)
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		return 0, errReply
	}
	return n, nil
}

// outdated tells whether a tag of e was invalidated after its stamp.
func (r record) outdated(e *driver.Entry) bool {
	if r.tags[driver.TagAll] > e.Stamp.N {
		return true
	}
	for _, t := range e.Tags {
		if r.tags[t] > e.Stamp.N {
			return true
		}
	}
	return false
}

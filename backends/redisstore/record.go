package redisstore

import (
	"context"
	"encoding/binary"
	"errors"
	"maps"
	"slices"
	"strconv"

	"github.com/redis/go-redis/v9"

	"github.com/stratacache/strata/cache/driver"
	"github.com/stratacache/strata/cache/driver/envelope"
)

// guessTags is how many tags are remembered from one call to the next.
const guessTags = 64

// record is the meta record, as far as it was asked for.
type record struct {
	clock driver.Stamp // zero if there is none
	// all and tags are stamps; 0: never invalidated.
	all  uint64
	tags map[string]uint64
}

// recordCmd asks for the record, and for the stamps of all and of tags.
func (s *space) recordCmd(ctx context.Context, tags []string) *redis.SliceCmd {
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
	epoch, ok := values[0].(string)
	if !ok {
		return record{}, nil
	}
	rec := record{tags: make(map[string]uint64, len(tags))}
	n, err := number(values[1])
	if err != nil || len(epoch) != 8 {
		return rec, errReply
	}
	rec.clock = driver.Stamp{Epoch: binary.BigEndian.Uint64([]byte(epoch)), N: n}
	if rec.all, err = number(values[2]); err != nil {
		return rec, err
	}
	for i, t := range tags {
		if rec.tags[t], err = number(values[3+i]); err != nil {
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
func (r record) outdated(e *driver.Entry) bool { return r.judge(e) != driver.Valid }

func (r record) judge(e *driver.Entry) driver.Verdict {
	return e.Judge(func(tag string) uint64 {
		if tag == driver.TagAll {
			return r.all
		}
		return r.tags[tag]
	})
}

// plainReading makes r, which has a clock, of a value. It judges all but the stamps
// of tags.
func plainReading(r *driver.Reading, key driver.Key, blob []byte) {
	e, err := envelope.Decode(key, blob)
	switch {
	case err == nil:
		r.Fence.Token = e.Token
		if e.Stamp.Epoch == r.Fence.Stamp.Epoch {
			r.Entry = e
		}
	case errors.Is(err, driver.ErrMiss):
		r.Fence.Token = envelope.Token(blob)
	case errors.Is(err, driver.ErrNewer):
		r.Odd = err
	default:
		r.Odd, r.Fence.Token = err, envelope.Token(blob)
	}
}

// checkTags takes the entries away whose tags were invalidated, or says that they
// have expired.
func (s *space) checkTags(ctx context.Context, p processor, rec record, readings []driver.KeyReading) error {
	var unknown, all []string
	for i := range readings {
		e := readings[i].Entry
		if e == nil {
			continue
		}
		for _, t := range e.Tags {
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
			if err := p.Process(ctx, meta); err != nil {
				return err
			}
			now, err := readRecord(meta, part)
			if err != nil {
				return err
			}
			maps.Copy(rec.tags, now.tags)
			rec.all = now.all
			if now.clock.Epoch != rec.clock.Epoch { // the record was lost meanwhile
				rec.all = 1 << 62
			}
		}
	}
	for i := range readings {
		r := &readings[i]
		if r.Entry == nil {
			continue
		}
		switch rec.judge(r.Entry) {
		case driver.Invalid:
			r.Entry = nil
		case driver.Expired:
			r.Expired = true
		}
	}
	return nil
}

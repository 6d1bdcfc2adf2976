package redisstore

import (
	"cmp"
	"context"
	"encoding/binary"

	"github.com/redis/go-redis/v9"

	"github.com/stratacache/strata/cache/driver"
)

// settle sends the commands that set items, which have the stamp clock, and after
// them what ends the batch: it moves the clock on by one for each item, and tells
// whether they are valid. If not, the clock is one to begin anew with. Without a record it
// returns redis.Nil.
func (s *primary) settle(ctx context.Context, sets []redis.Cmder, items []driver.Item, clock driver.Stamp) (after driver.Stamp, valid bool, err error) {
	tags := tagsOf(items)
	if s.quiet.Load() {
		after, valid, err = s.settlePlainly(ctx, sets, tags, clock)
		if !redis.HasErrorPrefix(err, "OOM") {
			return after, valid, err
		}
		sets = nil // what they did must be told, and a script needs no memory for that
	}
	args := append(newArgs(1, 4+len(tags)), s.meta, binary.BigEndian.AppendUint64(nil, clock.Epoch), clock.N, len(items), s.items(keysOf(items)))
	for _, t := range tags {
		args = append(args, tagField(t))
	}
	args[0], args[1] = "evalsha", s.scripts.settle.sha
	end := redis.NewCmd(ctx, args...)
	_, _ = s.rdb.Pipelined(ctx, func(p redis.Pipeliner) error {
		_ = p.BatchProcess(ctx, sets...)
		return p.Process(ctx, end)
	})
	reply, err := end.Result()
	if redis.HasErrorPrefix(err, "NOSCRIPT") {
		reply, err = evalOnce(ctx, s.rdb, &s.scripts.settle, args, true)
	}
	after, body, err := splitReply(reply, err)
	if err == nil && len(body) != 2 {
		err = errReply
	}
	if err != nil {
		return driver.Stamp{}, false, err
	}
	s.quiet.Store(body[1] == '0')
	return after, body[0] == '1', nil
}

// settlePlainly does the same with plain commands, which have nothing to tell to a
// log: the script takes the server as long as fifteen SETs. If there is a log after
// all, its readers see a hole. What is advanced where there is no record is none
// either: it has no epoch.
func (s *primary) settlePlainly(ctx context.Context, sets []redis.Cmder, tags []string, clock driver.Stamp) (after driver.Stamp, valid bool, err error) {
	advance := redis.NewIntCmd(ctx, "hincrby", s.meta, "n", len(sets))
	meta := s.recordCmd(ctx, tags)
	log := redis.NewIntCmd(ctx, "exists", s.meta+":log")
	_, _ = s.rdb.Pipelined(ctx, func(p redis.Pipeliner) error {
		_ = p.BatchProcess(ctx, sets...)
		return p.BatchProcess(ctx, advance, meta, log)
	})
	if err := cmp.Or(advance.Err(), meta.Err(), log.Err()); err != nil {
		return driver.Stamp{}, false, err
	}
	if log.Val() != 0 {
		s.quiet.Store(false)
	}
	rec, err := readRecord(meta, tags)
	switch {
	case err != nil:
		return driver.Stamp{}, false, err
	case rec.clock.Epoch == 0:
		return driver.Stamp{}, false, redis.Nil
	}
	valid = rec.clock.Epoch == clock.Epoch && rec.all <= clock.N
	for _, n := range rec.tags {
		valid = valid && n <= clock.N
	}
	if !valid { // the record may be another one than that which was advanced
		return rec.clock, false, nil
	}
	return driver.Stamp{Epoch: rec.clock.Epoch, N: uint64(advance.Val())}, true, nil
}

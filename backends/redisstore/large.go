package redisstore

import (
	"bytes"
	"context"
	"errors"
	"hash/maphash"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/stratacache/strata/cache/driver"
	"github.com/stratacache/strata/cache/driver/envelope"
)

// large is the size in bytes from which an entry is better read by a plain GET
// beside the script than through it.
const large = 4 << 10

// sizes remembers in which scopes large entries were met last: the keys of one
// view mostly hold one kind of value. Being wrong costs a few microseconds.
type sizes struct {
	from  int // large, but in tests
	seed  maphash.Seed
	large [64]atomic.Bool
}

func (z *sizes) of(key driver.Key) *atomic.Bool {
	return &z.large[maphash.String(z.seed, key.Scope)%uint64(len(z.large))]
}

// note takes in the size of an entry that was read.
func (z *sizes) note(key driver.Key, r *driver.Reading) {
	if r.Entry == nil {
		return
	}
	if is, l := len(r.Entry.Payload) >= z.from, z.of(key); l.Load() != is {
		l.Store(is)
	}
}

// getLarge is Get in one pipeline of a plain GET and a script that judges the
// header. The entry was read before it was judged, so it counts only if the
// header is still its own. ok is false if that is not so, or if the server did
// not know the script or had no meta record: nothing was done then.
func (s *primary) getLarge(ctx context.Context, key driver.Key, hold time.Duration) (r driver.Reading, ok bool, err error) {
	if err := s.begin(ctx); err != nil {
		return r, false, err
	}
	args := planting(append(newArgs(2, 2), s.name(key), s.meta), hold)
	args[0], args[1] = "evalsha", s.scripts.header.sha
	get, judge := redis.NewStringCmd(ctx, "get", s.name(key)), redis.NewCmd(ctx, args...)
	_, _ = s.rdb.Pipelined(ctx, func(p redis.Pipeliner) error {
		_ = p.Process(ctx, get)
		return p.Process(ctx, judge)
	})
	if redis.HasErrorPrefix(judge.Err(), "NOSCRIPT") {
		return r, false, wrap(ctx, s.rdb.Do(ctx, "script", "load", s.scripts.header.source).Err())
	}
	clock, body, err := splitReply(judge.Val(), judge.Err())
	switch {
	case errors.Is(err, redis.Nil):
		return r, false, nil
	case err != nil:
		return r, false, wrap(ctx, err)
	}
	var expired bool
	if len(body) >= envelope.HeaderLen {
		entry := bytesOf(get.Val())
		if body, expired = cutExpired(body); !bytes.HasPrefix(entry, body) {
			return r, false, nil
		}
		body = entry
	}
	r, err = s.reading(ctx, key, clock, body, hold)
	r.Expired = expired && r.Entry != nil
	return r, true, err
}

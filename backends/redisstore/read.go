package redisstore

import (
	"bytes"
	"context"
	"encoding/binary"
	"time"

	"github.com/stratacache/strata/cache/driver"
	"github.com/stratacache/strata/cache/driver/envelope"
)

// Get implements driver.Store. What it finds corrupt it removes, or replaces by
// a placeholder.
func (s *primary) Get(ctx context.Context, key driver.Key, hold time.Duration) (driver.Reading, error) {
	if s.sizes.of(key).Load() {
		if r, ok, err := s.getLarge(ctx, key, hold); ok || err != nil {
			s.sizes.note(key, &r)
			return r, err
		}
	}
	args := append(newArgs(2, 2), s.name(key), s.meta)
	clock, body, err := splitReply(s.eval(ctx, &s.scripts.get, planting(args, hold), true))
	if err != nil {
		return driver.Reading{}, err
	}
	r, err := s.reading(ctx, key, clock, body, hold)
	s.sizes.note(key, &r)
	return r, err
}

// planting appends the arguments that have a script plant placeholders.
func planting(args []any, hold time.Duration) []any {
	if hold <= 0 {
		return args
	}
	return append(args, tokenBytes(driver.NewToken()), millis(hold))
}

// reading makes a Reading from a body, as read.lua describes it.
func (s *primary) reading(ctx context.Context, key driver.Key, clock driver.Stamp, body []byte, hold time.Duration) (driver.Reading, error) {
	const withToken = 10
	if len(body) < 2 {
		return driver.Reading{}, errReply
	}
	r := driver.Reading{Fence: driver.Fence{Stamp: clock}}
	if len(body) > withToken {
		body, r.Expired = cutExpired(body)
		e, err := envelope.Decode(key, body)
		if err != nil {
			r.Odd, r.Expired = err, false
			r.Fence.Token, r.Planted = s.drop(ctx, s.rdb, key, envelope.Token(body), hold)
			return r, nil
		}
		r.Entry = e
		r.Fence.Token = e.Token
		return r, nil
	}
	return noEntry(clock, body), nil
}

// cutExpired takes away what says that the entry of a body has expired.
func cutExpired(body []byte) (entry []byte, expired bool) {
	return bytes.CutPrefix(body, []byte{'E'})
}

// noEntry makes a Reading from the short body of what is no valid entry.
func noEntry(clock driver.Stamp, body []byte) driver.Reading {
	const withToken = 10
	r := driver.Reading{Fence: driver.Fence{Stamp: clock}}
	r.Planted = body[1] == '+'
	if len(body) == withToken {
		r.Fence.Token = driver.Token(binary.BigEndian.Uint64(body[2:]))
	}
	switch body[0] {
	case 'F':
		r.Odd = driver.ErrForeign
	case 'N':
		r.Odd = driver.ErrNewer
	case 'C':
		r.Odd = driver.ErrCorrupt
	}
	return r
}

// drop removes a corrupt entry, so that nobody meets it again, or with hold
// puts a placeholder in its place, whose token it returns. It is best effort:
// the entry is not used either way, and its own token is a fence too.
func (s *space) drop(ctx context.Context, p processor, key driver.Key, old driver.Token, hold time.Duration) (token driver.Token, planted bool) {
	args := append(newArgs(1, 3), s.name(key), tokenBytes(old))
	if hold > 0 {
		token = driver.NewToken()
		args = append(args, tokenBytes(token), millis(hold))
	}
	if dropped, err := evalOnce(ctx, p, &s.scripts.drop, args, true); err != nil || dropped != int64(1) {
		return old, false
	}
	return token, hold > 0
}

// millis rounds up, because rounding down would end a life too early. It is 0
// for d = 0 only.
func millis(d time.Duration) int64 {
	ms := int64(d / time.Millisecond)
	if d%time.Millisecond > 0 {
		ms++
	}
	return ms
}

func tokenBytes(t driver.Token) []byte {
	return binary.BigEndian.AppendUint64(make([]byte, 0, 8), uint64(t))
}

package redisstore

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/stratacache/strata/cache/driver"
)

// Incr implements driver.Store. The server itself adds, in 64 bits.
func (s *primary) Incr(ctx context.Context, key driver.Key, delta int64, initial *driver.Entry) (driver.Sum, error) {
	token := driver.NewToken()
	args := append(newArgs(2, 7), s.name(key), s.meta, delta, tokenBytes(token))
	var begin string
	if initial != nil {
		if initial.Kind != driver.Integer {
			return driver.Sum{}, fmt.Errorf("redisstore: incr: the initial entry: %w", driver.ErrNotInteger)
		}
		if !fits(initial) {
			return driver.Sum{}, driver.ErrTooLarge
		}
		initial.Token, initial.Stamp = token, driver.Stamp{}
		begin = string(initial.Payload)
		args = append(args, encode(key, initial), lifetime(initial.Life, time.Now()), begin)
	}
	clock, body, err := splitReply(s.eval(ctx, &s.scripts.incr, args, false))
	if err != nil {
		return driver.Sum{}, err
	}
	digits := string(body)
	switch digits {
	case "M":
		return driver.Sum{}, driver.ErrMiss
	case "T":
		return driver.Sum{}, driver.ErrNotInteger
	case "O":
		return driver.Sum{}, driver.ErrOverflow
	case "I":
		digits = begin
	}
	n, err := strconv.ParseInt(digits, 10, 64)
	if err != nil {
		return driver.Sum{}, errReply
	}
	return driver.Sum{Value: n, Created: string(body) == "I", Clock: clock}, nil
}

// moveAttempts is how often Move begins again because the entry changed
// between reading and moving it.
const moveAttempts = 16

// Move implements driver.Mover, in two round trips: an envelope holds its key,
// so it is read and written anew.
func (s *primary) Move(ctx context.Context, from, to driver.Key) (driver.Result, error) {
	for range moveAttempts {
		r, err := s.Get(ctx, from, 0)
		if err != nil || !r.Live() {
			return driver.Result{Clock: r.Fence.Stamp}, err
		}
		if from.String() == to.String() {
			return driver.Result{Done: true, Clock: r.Fence.Stamp}, nil
		}
		e := r.Entry.Clone()
		e.Token = driver.NewToken()
		args := append(newArgs(3, 2), s.name(from), s.name(to), s.meta, fence(r.Fence.Token), encode(to, e))
		moved, err := result(s.eval(ctx, &s.scripts.move, args, false))
		if err != nil || moved.Done {
			return moved, err
		}
	}
	return driver.Result{}, errBusyKey
}

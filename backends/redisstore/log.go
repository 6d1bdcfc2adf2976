package redisstore

import (
	"context"
	"encoding/binary"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/stratacache/strata/cache/driver"
)

const (
	// logKept is for how long the log is kept when nobody reads it.
	logKept = 10 * time.Minute
	// logBlock bounds one wait at the server, so that a reading whose context is
	// cancelled ends.
	logBlock = time.Second
	logBatch = 1000
	// maxItems bounds what is told of one change.
	maxItems = 1000
)

// reader is a client that can wait for a stream.
type reader interface {
	XRead(ctx context.Context, a *redis.XReadArgs) *redis.XStreamSliceCmd
}

// ReadLog implements driver.LogReader. The log is a stream, which exists only
// while somebody reads it: the first reading begins it.
func (s *Store) ReadLog(ctx context.Context, after driver.Stamp, wait time.Duration) (driver.LogReading, error) {
	if err := s.begin(ctx); err != nil {
		return driver.LogReading{}, err
	}
	return s.engine.ReadLog(ctx, after, wait)
}

// ReadLog implements engine.
func (s *primary) ReadLog(ctx context.Context, after driver.Stamp, wait time.Duration) (driver.LogReading, error) {
	s.quiet.Store(false)
	r, err := s.readLog(ctx, s.rdb, after, wait, func() (any, error) {
		return s.eval(ctx, &s.scripts.head, s.heading(), true)
	})
	return r, wrap(ctx, err)
}

// ReadLog implements engine.
func (c *cluster) ReadLog(ctx context.Context, after driver.Stamp, wait time.Duration) (driver.LogReading, error) {
	if err := c.begin(ctx); err != nil {
		return driver.LogReading{}, c.failed(ctx, err)
	}
	r, err := c.readLog(ctx, c.rdb, after, wait, func() (any, error) {
		return c.evalMeta(ctx, &c.scripts.head, c.heading())
	})
	return r, c.failed(ctx, err)
}

func (s *space) heading() []any {
	return append(newArgs(1, 1), s.meta, int(logKept/time.Second))
}

// readLog reads the stream from after. Where there is nothing, head tells
// whether that is because nothing happened.
func (s *space) readLog(ctx context.Context, r reader, after driver.Stamp, wait time.Duration, head func() (any, error)) (driver.LogReading, error) {
	deadline := time.Now().Add(wait)
	for after.Epoch != 0 {
		out, lost, err := s.follow(ctx, r, after, min(time.Until(deadline), logBlock))
		if err != nil {
			return driver.LogReading{}, err
		}
		if lost {
			break
		}
		if len(out.Changes) > 0 {
			return out, nil
		}
		clock, _, err := splitReply(head())
		switch {
		case err != nil:
			return driver.LogReading{}, err
		case clock == after && time.Now().Before(deadline):
		case clock == after:
			return driver.LogReading{Clock: after, Complete: true}, nil
		default: // it has just happened, or the log has lost it
			out, lost, err := s.follow(ctx, r, after, 0)
			if err == nil && (lost || len(out.Changes) == 0) {
				out = driver.LogReading{Clock: clock}
			}
			return out, err
		}
	}
	clock, _, err := splitReply(head())
	return driver.LogReading{Clock: clock}, err
}

// follow reads the next messages, and waits up to block for the first. lost says
// that something is missing before them.
func (s *space) follow(ctx context.Context, r reader, after driver.Stamp, block time.Duration) (out driver.LogReading, lost bool, err error) {
	args := &redis.XReadArgs{
		// What stands at the number itself is the message that began the stream.
		Streams: []string{s.meta + ":log", strconv.FormatUint(after.N, 10) + "-1"},
		Count:   logBatch, Block: -1,
	}
	if block > 0 {
		args.Block = max(block, time.Millisecond) // 0 would be for ever
	}
	streams, err := r.XRead(ctx, args).Result()
	if errors.Is(err, redis.Nil) || err == nil && len(streams) == 0 {
		return out, false, nil
	}
	if err != nil {
		return out, false, err
	}
	out.Clock, out.Complete, out.More = after, true, len(streams[0].Messages) == logBatch
	for _, m := range streams[0].Messages {
		text, _ := m.Values["c"].(string)
		number, _, _ := strings.Cut(m.ID, "-")
		last, err := strconv.ParseUint(number, 10, 64)
		if err != nil {
			return out, true, nil
		}
		changes, ok := s.parseChange(text, after.Epoch, last)
		if !ok || changes[0].N != out.Clock.N+1 {
			return out, true, nil
		}
		out.Changes = append(out.Changes, changes...)
		out.Clock.N = last
	}
	return out, false, nil
}

// items is the text of keys in a change.
func (s *space) items(keys []driver.Key) string {
	if len(keys) > maxItems {
		return "x"
	}
	const digits = 10
	size := 0
	for _, k := range keys {
		size += 2 + digits + len(s.prefix) + k.Len()
	}
	b := make([]byte, 0, size)
	for _, k := range keys {
		b = append(b, 'k')
		b = strconv.AppendInt(b, int64(len(s.prefix)+k.Len()), 10)
		b = append(b, ':')
		b = append(b, s.prefix...)
		b = append(b, k.Scope...)
		b = append(b, k.Name...)
	}
	return string(b)
}

// parseChange reads the text of a message whose last number is n: epoch, count,
// a space, and items. Of several numbers each key has one.
func (s *space) parseChange(text string, epoch, n uint64) ([]driver.Change, bool) {
	if len(text) < 8 || binary.BigEndian.Uint64([]byte(text)) != epoch {
		return nil, false
	}
	number, rest, found := strings.Cut(text[8:], " ")
	count, err := strconv.ParseUint(number, 10, 16)
	if !found || err != nil || count == 0 || count > n {
		return nil, false
	}
	var c driver.Change
	for rest != "" {
		kind := rest[0]
		size, after, found := strings.Cut(rest[1:], ":")
		length, err := strconv.ParseUint(size, 10, 31)
		if !found || err != nil || length > uint64(len(after)) {
			return nil, false // also x: too much to tell
		}
		name := after[:length]
		rest = after[length:]
		switch kind {
		case 'k':
			key, own := strings.CutPrefix(name, s.prefix)
			if !own {
				return nil, false
			}
			c.Keys = append(c.Keys, key)
		case 't':
			c.Tags = append(c.Tags, name)
		default:
			return nil, false
		}
	}
	if count == 1 {
		c.N = n
		return []driver.Change{c}, true
	}
	if uint64(len(c.Keys)) != count || len(c.Tags) > 0 {
		return nil, false
	}
	out := make([]driver.Change, count)
	for i := range out {
		out[i] = driver.Change{N: n - count + 1 + uint64(i), Keys: c.Keys[i : i+1]}
	}
	return out, true
}

// keysOf are the keys of items.
func keysOf(items []driver.Item) []driver.Key {
	keys := make([]driver.Key, len(items))
	for i, it := range items {
		keys[i] = it.Key
	}
	return keys
}

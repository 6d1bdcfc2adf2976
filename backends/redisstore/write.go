package redisstore

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/stratacache/strata/cache/driver"
	"github.com/stratacache/strata/cache/driver/envelope"
)

const (
	maxBlob = 512 << 20 // the server's proto-max-bulk-len
	maxTags = 4096      // Lua's unpack has a limit
)

// Put implements driver.Store.
func (s *primary) Put(ctx context.Context, key driver.Key, e *driver.Entry, mode driver.Mode, token driver.Token) (driver.Result, error) {
	buf := s.buffer()
	defer s.free(buf)
	sc, args, err := s.putting(key, e, mode, token, buf)
	if errors.Is(err, driver.ErrTooLarge) && (mode == driver.Set || mode == driver.SetFenced) {
		if _, err := s.Invalidate(ctx, driver.Invalidation{Keys: []driver.Key{key}}); err != nil {
			return driver.Result{}, err
		}
	}
	if err != nil {
		return driver.Result{}, err
	}
	return result(s.eval(ctx, sc, args, repeatable(mode)))
}

// repeatable says whether go-redis may send it again when a reply was lost.
// Only Add would then say something else: that it stored nothing.
func repeatable(mode driver.Mode) bool { return mode != driver.Add }

// putting is the script that puts e, and its arguments. It appends to buf, to
// which the arguments then refer.
func (s *primary) putting(key driver.Key, e *driver.Entry, mode driver.Mode, token driver.Token, buf *[]byte) (*script, []any, error) {
	if mode == driver.Set || mode == driver.Add {
		e.Stamp = driver.Stamp{} // the script writes it
	}
	if err := admit(e, mode); err != nil {
		return nil, nil, err
	}
	e.Token = driver.NewToken()
	start := len(*buf)
	*buf = envelope.Encode(slices.Grow(*buf, envelope.Len(e)), key, e)
	blob := (*buf)[start:]
	ms := lifetime(e.Life, time.Now())
	if mode == driver.Set || mode == driver.Add {
		args := append(newArgs(2, 5), s.name(key), s.meta, blob, ms)
		if e.Kind == driver.Integer {
			args = append(args, e.Payload)
		}
		if mode == driver.Add {
			return &s.scripts.add, args, nil
		}
		return &s.scripts.set, args, nil
	}
	args := append(newArgs(2, 5+len(e.Tags)), s.name(key), s.meta, fence(token), blob, ms)
	for _, t := range e.Tags {
		args = append(args, tagField(t))
	}
	if mode == driver.SetFenced {
		return &s.scripts.setFenced, args, nil
	}
	return &s.scripts.fill, args, nil
}

// Touch implements driver.Store.
func (s *primary) Touch(ctx context.Context, key driver.Key, life driver.Life) (driver.Result, error) {
	args := append(newArgs(2, 4), s.name(key), s.meta, envelope.AppendLife(make([]byte, 0, 20), life), lifetime(life, time.Now()))
	return result(s.eval(ctx, &s.scripts.touch, args, false))
}

// Invalidate implements driver.Store: all keys and tags in one atomic step.
func (s *primary) Invalidate(ctx context.Context, what driver.Invalidation) (driver.Invalidated, error) {
	clock, body, err := splitReply(s.eval(ctx, &s.scripts.invalidate, s.invalidating(what), true))
	if err != nil {
		return driver.Invalidated{}, err
	}
	removed, err := strconv.Atoi(string(body))
	if err != nil {
		return driver.Invalidated{}, errReply
	}
	s.clock.Store(&clock)
	return driver.Invalidated{Removed: removed, Clock: clock}, nil
}

func (s *primary) invalidating(what driver.Invalidation) []any {
	args := append(newArgs(1+len(what.Keys), 3+len(what.Keys)+len(what.Tags)), s.meta)
	for _, k := range what.Keys {
		args = append(args, s.name(k))
	}
	args = append(args, s.maxFields, "")
	for _, t := range what.Tags {
		args = append(args, tagField(t))
	}
	return args
}

func encode(key driver.Key, e *driver.Entry) []byte {
	return envelope.Encode(make([]byte, 0, envelope.Len(e)), key, e)
}

// admit says why e cannot be stored.
func admit(e *driver.Entry, mode driver.Mode) error {
	switch {
	case e.Kind > driver.Coded:
		return fmt.Errorf("redisstore: put: kind %d: %w", e.Kind, errors.ErrUnsupported)
	case mode > driver.SetFenced:
		return fmt.Errorf("redisstore: put: mode %d: %w", mode, errors.ErrUnsupported)
	case !fits(e):
		return driver.ErrTooLarge
	}
	return nil
}

func fits(e *driver.Entry) bool {
	return envelope.Fits(e) && len(e.Tags) <= maxTags && envelope.Len(e) <= maxBlob
}

// lifetime is how long the server keeps an entry, in milliseconds: 0 for good,
// -1 not at all.
func lifetime(l driver.Life, now time.Time) int64 {
	if l.Expires == driver.Forever {
		return 0
	}
	if ms := millis(l.Remaining(now)); ms > 0 {
		return ms
	}
	return -1
}

// fence is the bytes that must stand under the key. No token, which never
// fences anything, is longer than what the script compares it with.
func fence(t driver.Token) []byte {
	if t == 0 {
		return []byte("no token!")
	}
	return tokenBytes(t)
}

// tagField is the field of the meta record with the stamp of a tag.
func tagField(tag string) string { return "t:" + tag }

package memcachedstore

import (
	"context"
	"fmt"
	"math"
	"strconv"

	"github.com/stratacache/strata/cache/driver"
	"github.com/stratacache/strata/cache/driver/envelope"
)

// Incr implements driver.Store. The server's own incr has no sign and wraps
// around, so the entry is read and replaced, again if it was changed meanwhile.
func (s *Store) Incr(ctx context.Context, key driver.Key, delta int64, initial *driver.Entry) (driver.Sum, error) {
	c, err := s.begin(ctx)
	if err != nil {
		return driver.Sum{}, err
	}
	var first int64
	if initial != nil {
		if first, err = initial.Integer(); err != nil {
			return driver.Sum{}, fmt.Errorf("memcachedstore: incr: the initial entry: %w", err)
		}
		if !envelope.Fits(initial) {
			return driver.Sum{}, driver.ErrTooLarge
		}
	}
	buf := s.buffer()
	defer s.free(buf)
	for attempt := 0; ; attempt++ {
		v, f, err := s.stands(&c, key, nil, attempt)
		switch {
		case err != nil:
			return driver.Sum{}, err
		case f.newer():
			return driver.Sum{}, driver.ErrNotInteger
		case f.live():
			n, ok, err := s.addTo(&c, f, key, delta, buf)
			if ok || err != nil {
				return driver.Sum{Value: n, Clock: stampOf(v.record.word)}, err
			}
		case initial == nil:
			return driver.Sum{}, driver.ErrMiss
		default:
			r, ok, err := s.addOver(&c, v, f, key, initial, buf)
			if err != nil {
				return driver.Sum{}, err
			}
			if ok {
				return driver.Sum{Value: first, Created: true, Clock: r.Clock}, nil
			}
		}
	}
}

// addTo replaces the live entry f by its sum with delta. ok is false if it was
// changed meanwhile.
func (s *Store) addTo(c *call, f *found, key driver.Key, delta int64, buf *[]byte) (sum int64, ok bool, err error) {
	n, err := f.entry.Integer()
	if err != nil {
		return 0, false, err
	}
	if delta > 0 && n > math.MaxInt64-delta || delta < 0 && n < math.MinInt64-delta {
		return 0, false, driver.ErrOverflow
	}
	e := f.entry.Clone()
	e.Token, e.Payload = newToken(), strconv.AppendInt(nil, n+delta, 10)
	*buf = (*buf)[:0]
	o, err := s.storing(f.server, f.name, key, e, buf)
	if err != nil {
		return 0, false, err
	}
	o.when, o.cas = exact, f.cas
	ops := []op{o}
	c.doOnce(ops)
	if ops[0].status == tooLarge {
		return 0, false, driver.ErrTooLarge
	}
	// Ended in this very moment, it is removed, and then absent.
	return n + delta, ops[0].status == done && o.verb == set, ops[0].err
}

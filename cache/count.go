package cache

import (
	"context"
	"errors"
	"math"
	"strconv"
	"time"

	"github.com/stratacache/strata/cache/driver"
)

// Incr implements Cache.
func (v *view) Incr(ctx context.Context, key string, delta int64, opts ...Option) (int64, error) {
	e := v.engine
	var sum int64
	_, err := v.write(ctx, "incr", key, 0, optTTL|optTags|optInitial, opts, func(k driver.Key, c *call) (bool, error) {
		if c.userTags {
			return false, ErrUnfenced
		}
		// What the counter would begin with, if it is absent.
		var initial *driver.Entry
		first := c.initial + delta
		overflows := delta != 0 && (first > c.initial) != (delta > 0)
		if c.hasInitial && !overflows && c.ttl > 0 {
			it := item{payload: strconv.AppendInt(nil, first, 10), kind: driver.Integer}
			initial = it.entry(c, e.life(time.Now(), c.ttl, 0))
		}
		sent := time.Now()
		r, err := e.store.Incr(ctx, k, delta, initial)
		if r.Created || (err != nil && !answered(err)) {
			e.wrote(sent, r.Clock, err, nil, k)
		}
		sum = r.Value
		if c.hasInitial && initial == nil && errors.Is(err, ErrMiss) {
			if overflows {
				return false, ErrOverflow
			}
			sum, err = first, nil // a TTL that stores nothing
		}
		return err == nil, err
	})
	return sum, err
}

// Decr implements Cache.
func (v *view) Decr(ctx context.Context, key string, delta int64, opts ...Option) (int64, error) {
	if delta == math.MinInt64 {
		return 0, wrap("decr", key, ErrOverflow)
	}
	return v.Incr(ctx, key, -delta, opts...)
}

package cache

import (
	"context"
	"math"
	"time"

	"github.com/stratacache/strata/cache/driver"
)

// IncrVersion implements Cache.
func (v *view) IncrVersion(ctx context.Context, key string, delta int) (int, error) {
	e := v.engine
	target := v.version + delta
	if (target > v.version) != (delta > 0) && delta != 0 {
		return 0, wrap("incr version", key, ErrOverflow)
	}
	done, err := v.write(ctx, "move", key, 0, 0, nil, func(from driver.Key, _ *call) (bool, error) {
		if delta == 0 {
			r, err := e.store.Get(ctx, from, 0)
			return err == nil && r.Live(), err
		}
		to, err := v.withVersion(target).key(key)
		if err != nil {
			return false, err
		}
		if err := e.settle(ctx, to); err != nil {
			return false, err
		}
		sent := time.Now()
		r, err := driver.Move(ctx, e.store, from, to)
		e.wrote(sent, r.Clock, err, nil, from, to)
		return r.Done, err
	})
	switch {
	case err != nil:
		return 0, err
	case !done:
		return 0, ErrMiss
	}
	return target, nil
}

// DecrVersion implements Cache.
func (v *view) DecrVersion(ctx context.Context, key string, delta int) (int, error) {
	if delta == math.MinInt {
		return 0, wrap("decr version", key, ErrOverflow)
	}
	return v.IncrVersion(ctx, key, -delta)
}

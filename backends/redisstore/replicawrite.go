package redisstore

import (
	"context"
	"errors"
	"time"

	"github.com/stratacache/strata/cache/driver"
)

// learn takes in a clock of the primary.
func (r *replicated) learn(clock driver.Stamp) {
	if own := r.own.Load(); clock.Epoch != 0 && (own == nil || own.Epoch != clock.Epoch) {
		r.own.CompareAndSwap(own, &clock)
	}
}

// mark remembers what was stored under key. If there is too much to remember,
// all reads go to the primary for as long.
func (r *replicated) mark(key driver.Key, token driver.Token) {
	if r.pin < 0 {
		return
	}
	until := time.Now().Add(r.pin)
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.recent == nil || len(r.recent) >= maxRecent {
		if r.recent != nil {
			r.pinned.Store(until.UnixNano())
		}
		r.recent = make(map[driver.Key]mark)
	}
	r.recent[key] = mark{token, until}
}

// wrote takes in a write of this store. Of one that failed nobody knows its
// clock, nor whether it is still on its way: then all reads go to the primary for
// a while.
func (r *replicated) wrote(clock driver.Stamp, err error) {
	if err != nil || clock.Epoch == 0 {
		r.pinned.Store(time.Now().Add(max(r.pin, 0)).UnixNano())
		r.own.Store(nil)
		return
	}
	for {
		own := r.own.Load()
		if own != nil && own.Epoch == clock.Epoch && own.N >= clock.N || r.own.CompareAndSwap(own, &clock) {
			return
		}
	}
}

// Put implements driver.Store.
func (r *replicated) Put(ctx context.Context, key driver.Key, e *driver.Entry, mode driver.Mode, token driver.Token) (driver.Result, error) {
	result, err := r.primary.Put(ctx, key, e, mode, token)
	r.put(driver.Item{Key: key, Entry: e, Mode: mode}, driver.ItemResult{Result: result, Err: err})
	return result, err
}

// PutMany implements driver.ManyPutter.
func (r *replicated) PutMany(ctx context.Context, items []driver.Item) []driver.ItemResult {
	results := r.primary.PutMany(ctx, items)
	for i, result := range results {
		r.put(items[i], result)
	}
	return results
}

func (r *replicated) put(it driver.Item, result driver.ItemResult) {
	if it.Mode == driver.Fill && result.Done {
		r.mark(it.Key, it.Entry.Token) // which the store gave it
	}
	r.wrote(result.Clock, result.Err)
}

// Touch implements driver.Store.
func (r *replicated) Touch(ctx context.Context, key driver.Key, life driver.Life) (driver.Result, error) {
	result, err := r.primary.Touch(ctx, key, life)
	r.wrote(result.Clock, err)
	return result, err
}

// Incr implements driver.Store.
func (r *replicated) Incr(ctx context.Context, key driver.Key, delta int64, initial *driver.Entry) (driver.Sum, error) {
	sum, err := r.primary.Incr(ctx, key, delta, initial)
	if errors.Is(err, driver.ErrMiss) || errors.Is(err, driver.ErrNotInteger) || errors.Is(err, driver.ErrOverflow) {
		return sum, err // nothing was written
	}
	if err == nil {
		r.mark(key, 0)
	}
	r.wrote(sum.Clock, err)
	return sum, err
}

// Invalidate implements driver.Store.
func (r *replicated) Invalidate(ctx context.Context, what driver.Invalidation) (driver.Invalidated, error) {
	result, err := r.primary.Invalidate(ctx, what)
	r.wrote(result.Clock, err)
	return result, err
}

// Move implements driver.Mover. It reads from the primary.
func (r *replicated) Move(ctx context.Context, from, to driver.Key) (driver.Result, error) {
	result, err := r.primary.Move(ctx, from, to)
	r.wrote(result.Clock, err)
	return result, err
}

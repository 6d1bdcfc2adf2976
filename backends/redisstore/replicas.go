package redisstore

import (
	"context"
	"errors"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/stratacache/strata/cache/driver"
)

const (
	defaultPin = time.Second
	// probeEvery is how long a replica is believed, or left alone, after it was
	// asked how it is.
	probeEvery = time.Second
	// maxSilence is how long a replica may not have heard of its primary, which by
	// default says something every ten seconds.
	maxSilence = 15 * time.Second
)

// replicated is a primary with replicas, from which hits are read. Everything
// that is no hit there is the primary's to answer, and so is everything that
// changes something.
//
// A replica is another's view of the past. It is believed only if it is in the
// primary's epoch and has reached the last write of this store, so that a store
// always reads what it wrote and never what it invalidated.
type replicated struct {
	*primary
	replicas []*replica
	pin      time.Duration
	// own is the clock of the last write of this store; nil while the primary's
	// epoch is not known.
	own atomic.Pointer[driver.Stamp]
	// pinned is until when all reads go to the primary, as Unix nanoseconds.
	pinned atomic.Int64
}

// replica is a client of one, and how it is.
type replica struct {
	rdb  *redis.Client
	next atomic.Int64 // when it is to be asked, as Unix nanoseconds
	up   atomic.Bool
}

func newReplicated(p *primary, opts *Options) (*replicated, error) {
	r := &replicated{primary: p, pin: opts.PinAfterWrite}
	if r.pin == 0 {
		r.pin = defaultPin
	}
	for _, rdb := range opts.Replicas {
		if rdb == nil {
			return nil, errNoClient
		}
		rdb.Options().ContextTimeoutEnabled = true
		r.replicas = append(r.replicas, &replica{rdb: rdb})
	}
	return r, nil
}

// Get implements driver.Store.
func (r *replicated) Get(ctx context.Context, key driver.Key, hold time.Duration) (driver.Reading, error) {
	if readings, ok := r.view(ctx, []driver.Key{key}); ok && readings[0].Entry != nil {
		return readings[0].Reading, nil
	}
	reading, err := r.primary.Get(ctx, key, hold)
	r.learn(reading.Fence.Stamp)
	return reading, err
}

// GetMany implements driver.ManyGetter.
func (r *replicated) GetMany(ctx context.Context, keys []driver.Key, hold time.Duration) ([]driver.KeyReading, error) {
	out, ok := r.view(ctx, keys)
	if !ok {
		out = make([]driver.KeyReading, len(keys))
	}
	var rest []driver.Key
	var of []int
	for i, k := range keys {
		if out[i].Entry == nil {
			rest, of = append(rest, k), append(of, i)
		}
	}
	if len(rest) == 0 {
		return out, nil
	}
	readings, err := r.primary.GetMany(ctx, rest, hold)
	if err != nil {
		return nil, err
	}
	r.learn(readings[0].Fence.Stamp)
	for j, i := range of {
		out[i] = readings[j]
	}
	return out, nil
}

// view reads keys from a replica, if there is one to believe.
func (r *replicated) view(ctx context.Context, keys []driver.Key) ([]driver.KeyReading, bool) {
	own := r.own.Load()
	if own == nil || time.Now().UnixNano() < r.pinned.Load() {
		return nil, false
	}
	v := r.choose(ctx)
	if v == nil {
		return nil, false
	}
	rec, readings, err := r.readMany(ctx, v.rdb, keys)
	if err != nil {
		if ctx.Err() == nil {
			v.rest(false)
		}
		return nil, false
	}
	// A write that was sent while the replica was read is none of this read's.
	if readings == nil || rec.clock.Epoch != own.Epoch || rec.clock.N < own.N {
		return nil, false
	}
	return readings, true
}

// choose picks a replica that is well.
func (r *replicated) choose(ctx context.Context) *replica {
	first := rand.IntN(len(r.replicas))
	for i := range r.replicas {
		if v := r.replicas[(first+i)%len(r.replicas)]; v.well(ctx) {
			return v
		}
	}
	return nil
}

// well tells whether the replica follows its primary. One caller in a while
// asks it; the others believe what was said last.
func (v *replica) well(ctx context.Context) bool {
	now, next := time.Now().UnixNano(), v.next.Load()
	if now < next || !v.next.CompareAndSwap(next, now+int64(probeEvery)) {
		return v.up.Load()
	}
	info, err := v.rdb.Info(ctx, "replication").Result()
	v.rest(refused(err) || err == nil && follows(info))
	return v.up.Load()
}

// rest leaves the replica as it is for a while.
func (v *replica) rest(up bool) {
	v.up.Store(up)
	v.next.Store(time.Now().Add(probeEvery).UnixNano())
}

// follows reads what a replica says of itself. A primary is as good, and a
// server that tells nothing is believed.
func follows(info string) bool {
	for line := range strings.Lines(info) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), ":")
		switch name {
		case "master_link_status":
			if value != "up" {
				return false
			}
		case "master_last_io_seconds_ago":
			if n, err := strconv.Atoi(value); err == nil && time.Duration(n)*time.Second > maxSilence {
				return false
			}
		}
	}
	return true
}

// learn takes in a clock of the primary.
func (r *replicated) learn(clock driver.Stamp) {
	if own := r.own.Load(); clock.Epoch != 0 && (own == nil || own.Epoch != clock.Epoch) {
		r.own.CompareAndSwap(own, &clock)
	}
}

// wrote takes in a write of this store. Of one that failed nobody knows its
// clock: then nothing is believed until the primary has said more.
func (r *replicated) wrote(clock driver.Stamp, err error) {
	if r.pin > 0 {
		r.pinned.Store(time.Now().Add(r.pin).UnixNano())
	}
	if err != nil || clock.Epoch == 0 {
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
	r.wrote(result.Clock, err)
	return result, err
}

// PutMany implements driver.ManyPutter.
func (r *replicated) PutMany(ctx context.Context, items []driver.Item) []driver.ItemResult {
	results := r.primary.PutMany(ctx, items)
	for _, result := range results {
		r.wrote(result.Clock, result.Err)
	}
	return results
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

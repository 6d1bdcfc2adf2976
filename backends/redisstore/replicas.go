package redisstore

import (
	"context"
	"errors"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"
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
// always reads what it wrote and never what it invalidated. The clock tells that,
// but for loads and counts, which do not advance it: of those the keys are
// remembered for a while.
type replicated struct {
	*primary
	replicas []*replica
	// own is the clock of the last write of this store; nil while the primary's
	// epoch is not known.
	own atomic.Pointer[driver.Stamp]
	// pinned is until when all reads go to the primary, as Unix nanoseconds.
	pinned atomic.Int64

	pin    time.Duration
	mu     sync.Mutex
	recent map[driver.Key]mark
}

// mark is what a store knows of an entry that it stored without advancing the
// clock.
type mark struct {
	token driver.Token // of the entry; 0: of a count, not known
	until time.Time
}

// maxRecent bounds the keys that are remembered.
const maxRecent = 10_000

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
	if readings := r.view(ctx, []driver.Key{key}); readings != nil && readings[0].Entry != nil {
		return readings[0].Reading, nil
	}
	reading, err := r.primary.Get(ctx, key, hold)
	r.learn(reading.Fence.Stamp)
	return reading, err
}

// GetMany implements driver.ManyGetter.
func (r *replicated) GetMany(ctx context.Context, keys []driver.Key, hold time.Duration) ([]driver.KeyReading, error) {
	out := r.view(ctx, keys)
	if out == nil {
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

// view reads keys from a replica, if there is one to believe. What is not to be
// believed of it is taken out.
func (r *replicated) view(ctx context.Context, keys []driver.Key) []driver.KeyReading {
	own := r.own.Load()
	if own == nil || time.Now().UnixNano() < r.pinned.Load() {
		return nil
	}
	v := r.choose(ctx)
	if v == nil {
		return nil
	}
	marks := r.marks(keys) // before the replica is read
	rec, readings, err := r.readMany(ctx, v.rdb, keys)
	if err != nil {
		if ctx.Err() == nil {
			v.rest(false)
		}
		return nil
	}
	if readings == nil || rec.clock.Epoch != own.Epoch || rec.clock.N < own.N {
		return nil
	}
	for i, m := range marks {
		if readings[i].Entry != nil && readings[i].Entry.Token != m.token {
			readings[i].Entry = nil
		}
	}
	return readings
}

// marks are what is remembered of keys, by their place among them.
func (r *replicated) marks(keys []driver.Key) map[int]mark {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.recent) == 0 {
		return nil
	}
	marks := make(map[int]mark)
	now := time.Now()
	for i, k := range keys {
		m, ok := r.recent[k]
		switch {
		case !ok:
		case now.After(m.until):
			delete(r.recent, k)
		default:
			marks[i] = m
		}
	}
	return marks
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

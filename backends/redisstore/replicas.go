package redisstore

import (
	"context"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/stratacache/strata/cache/driver"
)

const defaultPin = time.Second

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

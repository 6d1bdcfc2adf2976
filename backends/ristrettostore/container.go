package ristrettostore

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/dgraph-io/ristretto/v2"

	"github.com/stratacache/strata/cache/driver"
)

// A container is ristretto, made exact. Ristretto alone is late and lossy: what
// is new goes through a channel, and until it has come out
//
//   - a Get does not find it,
//   - a second Set of the key is thrown away when the first comes out, so that
//     the older value stays,
//   - a Del is overtaken by it: the deleted value can be read for a moment,
//   - and when the channel is full it is dropped.
//
// So a key whose new value is on its way is in its stripe's waiting map, which
// says what stands under it, and ristretto is given nothing more for the key
// until a barrier has passed the channel. Everything else is as ristretto says:
// it changes values that it holds at once, and forgets them at any moment.
//
// A key in the container is the 64 bits of its hash. Two keys of one hash push
// each other out; records know their keys, so neither is read as the other.
type container struct {
	cache   *ristretto.Cache[uint64, *record]
	stripes []stripe

	// What was given to ristretto, and of it what waits, since the last barrier.
	queued  atomic.Int64
	bytes   atomic.Int64
	maxWait int64 // bytes

	barrier sync.Mutex    // held while one passes, and while all is dropped
	round   atomic.Uint64 // counts barriers
	closed  bool          // guarded by barrier
	wake    chan struct{}
	stopped chan struct{} // closed when the settler has ended

	clearing                   atomic.Bool
	evicted, expired, rejected atomic.Uint64
}

// A record is an entry in its place.
type record struct {
	key   driver.Key
	entry *driver.Entry
	cost  int64
	// admitted is the cost with which the policy last let the key in.
	admitted int64
	// checked is the stamp up to which the entry's tags are known to be fine.
	checked atomic.Uint64
	// placed: it took the place of the key's last record in ristretto, at once.
	placed atomic.Bool
}

// waiting is a key that ristretto cannot be asked for yet.
type waiting struct {
	stands *record // what stands under the key; nil: nothing
	sent   *record // what ristretto was given
	round  uint64  // of barriers, when it was
}

func newContainer(o Options, stripes int) (*container, error) {
	c := &container{
		stripes: make([]stripe, stripes),
		maxWait: o.MaxBytes / queueShare,
		wake:    make(chan struct{}, 1),
		stopped: make(chan struct{}),
	}
	for i := range c.stripes {
		c.stripes[i].index = i
		c.stripes[i].most = max(firstSweep, maxFences/stripes)
		c.stripes[i].sweepAt = firstSweep
	}
	var err error
	c.cache, err = ristretto.NewCache(&ristretto.Config[uint64, *record]{
		NumCounters:        o.NumCounters,
		MaxCost:            o.MaxBytes,
		BufferItems:        64, // as its documentation advises
		IgnoreInternalCost: true,
		KeyToHash:          func(h uint64) (uint64, uint64) { return h, 0 },
		ShouldUpdate: func(now, _ *record) bool {
			now.placed.Store(true)
			return true
		},
		OnEvict:  c.onEvict,
		OnReject: func(*ristretto.Item[*record]) { c.rejected.Add(1) },
	})
	if err != nil {
		return nil, err
	}
	go c.settler()
	return c, nil
}

// onEvict is called by ristretto's goroutine, and must not wait for a lock.
func (c *container) onEvict(i *ristretto.Item[*record]) {
	switch {
	case i.Value == nil || c.clearing.Load():
	case i.Value.entry.Life.Ended(time.Now()):
		c.expired.Add(1)
	default:
		c.evicted.Add(1)
	}
}

// at is the record under h, whatever its key and its life, or nil. It counts as
// use. The caller has locked the stripe, as for all methods that are given one.
func (c *container) at(st *stripe, h uint64) *record {
	if len(st.waiting) > 0 {
		if w, ok := st.waiting[h]; ok {
			return w.stands
		}
	}
	r, _ := c.cache.Get(h)
	return r
}

// has reports whether there may be something under h. It does not count as use.
func (c *container) has(st *stripe, h uint64) bool {
	if w, ok := st.waiting[h]; ok {
		return w.stands != nil
	}
	_, ok := c.cache.GetTTL(h)
	return ok
}

// put has r stand under h, in place of old, which is what at said.
func (c *container) put(st *stripe, h uint64, old, r *record, now int64) {
	if w, ok := st.waiting[h]; ok {
		w.stands = r
		st.waiting[h] = w
		c.bytes.Add(r.cost)
		return
	}
	c.send(st, h, old, r, now)
}

// send gives r to ristretto, which has nothing of h on its way.
func (c *container) send(st *stripe, h uint64, old, r *record, now int64) {
	r.admitted = r.cost
	if old != nil && now < old.entry.Life.Expires {
		// Ristretto makes room for what is new only. What has grown must come in
		// anew; growing a little is let pass, because that may refuse it.
		if r.cost > old.admitted+old.admitted/4 {
			c.del(h)
		} else {
			r.admitted = old.admitted
		}
	} else {
		old = nil
	}
	ok := c.set(h, r, now)
	if ok && old == nil && r.placed.Swap(false) {
		// It took the place of a record that has ended, which ristretto may be about
		// to drop, whatever is in its place by then.
		c.del(h)
		ok = c.set(h, r, now)
	}
	if !ok || r.placed.Load() {
		return // what is dropped is lost: ristretto had nothing under h, and has nothing now
	}
	if st.waiting == nil {
		st.waiting = make(map[uint64]waiting)
	}
	st.waiting[h] = waiting{stands: r, sent: r, round: c.round.Load()}
	c.bytes.Add(r.cost)
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

func (c *container) set(h uint64, r *record, now int64) bool {
	var ttl time.Duration // 0: no end
	if r.entry.Life.Expires != driver.Forever {
		ttl = time.Duration(r.entry.Life.Expires - now)
	}
	c.queued.Add(1)
	return c.cache.SetWithTTL(h, r, r.cost, ttl)
}

func (c *container) del(h uint64) {
	c.queued.Add(1)
	c.cache.Del(h)
}

// remove has nothing stand under h, where something does.
func (c *container) remove(st *stripe, h uint64) {
	if w, ok := st.waiting[h]; ok {
		w.stands = nil
		st.waiting[h] = w
		return
	}
	c.del(h)
}

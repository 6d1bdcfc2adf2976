package cache

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/stratacache/strata/cache/driver"
)

// nearTier is a memory tier. Its store is a plain container: what it holds is
// judged by the node, not by the container's own clock.
type nearTier struct {
	store driver.Store
	ttl   time.Duration
}

// nearCopy is what a near tier keeps beside the entry: the position up to which
// the copy is known to reflect every invalidation.
type nearCopy struct {
	entry *driver.Entry
	asOf  driver.Stamp
}

// node is what this process knows of the authoritative clock.
type node struct {
	mu    sync.Mutex
	state atomic.Pointer[nodeState]
}

type nodeState struct {
	clock    driver.Stamp // highest seen; epoch 0: none is held
	adopted  time.Time    // when the epoch was taken, or given up
	verified time.Time    // when the last request was sent that has been answered
}

// observe takes in the clock of a reply to a request that was sent at that time.
//
// A reply of another epoch to a request that was under way when the present one
// was adopted is ambiguous: either may be the newer. The node then holds no
// epoch, and nothing in its near tiers counts, until a request sent from now on
// is answered.
func (n *node) observe(sent time.Time, clock driver.Stamp) {
	n.mu.Lock()
	defer n.mu.Unlock()
	var s nodeState
	if p := n.state.Load(); p != nil {
		s = *p
	}
	switch {
	case s.clock.Epoch == clock.Epoch && clock.Epoch != 0:
		s.clock.N = max(s.clock.N, clock.N)
		if sent.After(s.verified) {
			s.verified = sent
		}
	case sent.Before(s.adopted):
		if s.clock.Epoch != 0 {
			s = nodeState{adopted: time.Now()}
		}
	default:
		s = nodeState{clock: clock, adopted: time.Now(), verified: sent}
	}
	n.state.Store(&s)
}

// doubt forgets the epoch: an invalidation of this node may or may not have
// happened.
func (n *node) doubt() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.state.Store(&nodeState{adopted: time.Now()})
}

// trusts reports whether a copy may be served: the authoritative store was
// asked within the bound, and has seen no invalidation that the copy may miss.
func (n *node) trusts(asOf driver.Stamp, bound time.Duration) bool {
	s := n.state.Load()
	return s != nil && s.clock.Epoch == asOf.Epoch && s.clock.Epoch != 0 &&
		asOf.N >= s.clock.N && time.Since(s.verified) <= bound
}

// fromNear returns the entry of the nearest tier that holds a trusted copy.
func (e *engine) fromNear(ctx context.Context, key driver.Key) *driver.Entry {
	for i := range e.near {
		r, err := e.near[i].store.Get(ctx, key, 0)
		if err != nil || r.Entry == nil || stale(r.Entry) {
			continue // of a stale copy the store may have a newer one
		}
		c, ok := r.Entry.Decoded().(*nearCopy)
		if !ok || !e.node.trusts(c.asOf, e.opts.Staleness) {
			continue
		}
		e.toNear(ctx, key, c, i)
		return c.entry
	}
	return nil
}

// toNear copies an entry into the first n near tiers. A copy ends with its
// original, by this process's clock, or before. Counters are not copied: they are read where they are counted.
func (e *engine) toNear(ctx context.Context, key driver.Key, c *nearCopy, n int) {
	if n == 0 || c.entry.Kind == driver.Integer || !e.node.trusts(c.asOf, e.opts.Staleness) {
		return
	}
	for _, t := range e.near[:n] {
		twin := c.entry.Clone()
		end := later(time.Now().UnixNano(), t.ttl)
		twin.Life.Expires = min(twin.Life.Expires, end)
		twin.Life.Fresh = min(twin.Life.Fresh, end)
		twin.Keep(c)
		// A memory tier that is full or closed costs a trip, nothing else.
		_, _ = t.store.Put(ctx, key, twin, driver.Set, 0)
	}
}

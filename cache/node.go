package cache

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/stratacache/strata/cache/driver"
)

// node is what this process knows of the authoritative clock, and of what was
// changed at which of its numbers.
//
// Without a log it knows one number: a copy counts while no greater one was
// seen. With one it knows keys and tags.
type node struct {
	logged bool // set before the first use
	state  atomic.Pointer[nodeState]

	mu   sync.RWMutex
	keys changes
	tags changes
}

// nodeState is never changed, but replaced under node.mu.
type nodeState struct {
	clock    driver.Stamp // highest seen, with a log: applied; epoch 0: none is held
	adopted  time.Time    // when the epoch was taken, or given up
	verified time.Time    // when the last request was sent that has been answered
	seq      uint64       // of the last change of the tables
	need     uint64       // up to here the log must have been read: see require
}

// changes are the last numbers at which keys or tags were changed. What was
// forgotten had at most the number horizon.
type changes struct {
	at      map[string]uint64
	horizon uint64
}

// maxChanges bounds a table. The copies it judges are seconds old.
const maxChanges = 64 << 10

func (c *changes) raise(name string, n uint64) {
	if c.at[name] >= n {
		return
	}
	if c.at == nil || len(c.at) >= maxChanges {
		c.forget(0)
	}
	c.at[name] = n
}

// forget drops the table: its numbers, and n, are behind the horizon.
func (c *changes) forget(n uint64) {
	for _, known := range c.at {
		n = max(n, known)
	}
	c.horizon = max(c.horizon, n)
	c.at = make(map[string]uint64)
}

func (c *changes) last(name string) uint64 { return max(c.at[name], c.horizon) }

// load is the present state, which is empty at first.
func (n *node) load() nodeState {
	if s := n.state.Load(); s != nil {
		return *s
	}
	return nodeState{}
}

// observe takes in the clock of a reply to a request that was sent at that time.
func (n *node) observe(sent time.Time, clock driver.Stamp) {
	if n.logged {
		if s := n.state.Load(); s != nil && s.clock.Epoch == clock.Epoch {
			return // what it means is in the log
		}
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	s := n.load()
	if !n.agree(&s, sent, clock) {
		return
	}
	if !n.logged {
		s.clock.N = max(s.clock.N, clock.N)
		s.verified = latest(s.verified, sent)
	}
	n.state.Store(&s)
}

func latest(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// agree reports whether the clock of a reply is of the node's epoch, which may
// be taken from it. n.mu is held.
//
// A reply of another epoch to a request that was under way when the present one
// was adopted is ambiguous: either may be the newer. The node then holds no
// epoch, and nothing in its near tiers counts, until a request sent from now on
// is answered.
func (n *node) agree(s *nodeState, sent time.Time, clock driver.Stamp) bool {
	if s.clock.Epoch == clock.Epoch && clock.Epoch != 0 {
		return true
	}
	if !sent.After(s.adopted) { // clocks have ties
		if s.clock.Epoch != 0 {
			n.reset(driver.Stamp{})
		}
		return false
	}
	n.reset(clock)
	*s = n.load()
	return true
}

// require has near copies wait for the log up to a position at which a load has
// begun: what the load reads may not be older than its stamp says. Without a log
// the clock that was seen does that.
func (n *node) require(at driver.Stamp) {
	if s := n.state.Load(); !n.logged || s == nil || s.clock.Epoch != at.Epoch || s.clock.N >= at.N {
		return
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if s := n.load(); s.clock.Epoch == at.Epoch && s.need < at.N {
		s.need = at.N
		n.state.Store(&s)
	}
}

// reset holds this epoch, or none, and knows nothing of what came before.
// n.mu is held.
func (n *node) reset(clock driver.Stamp) {
	n.keys, n.tags = changes{horizon: clock.N}, changes{horizon: clock.N}
	n.state.Store(&nodeState{clock: clock, adopted: time.Now(), seq: n.load().seq + 1})
}

// doubt forgets the epoch: an invalidation of this node may or may not have
// happened.
func (n *node) doubt() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.reset(driver.Stamp{})
}

// own takes in a change that this node made and that is acknowledged, before
// whoever made it is told.
func (n *node) own(sent time.Time, clock driver.Stamp, c driver.Change) {
	n.mu.Lock()
	defer n.mu.Unlock()
	s := n.load()
	switch {
	case !n.agree(&s, sent, clock):
		// What is still under way may be from before the change, and so is no
		// epoch to hold either.
		n.reset(driver.Stamp{})
		return
	case n.logged:
		c.N = clock.N
		n.note(&c)
		s.seq++
	default:
		s.clock.N = max(s.clock.N, clock.N)
		s.verified = latest(s.verified, sent)
	}
	n.state.Store(&s)
}

func (n *node) note(c *driver.Change) {
	for _, k := range c.Keys {
		n.keys.raise(k, c.N)
	}
	for _, t := range c.Tags {
		n.tags.raise(t, c.N)
	}
}

// apply takes in a reading of the log that was asked for at that time. It reports
// false if it could not: then what was in it is not known.
func (n *node) apply(sent time.Time, r *driver.LogReading) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	s := n.load()
	if !n.agree(&s, sent, r.Clock) {
		return false
	}
	if !r.Complete {
		n.keys.forget(r.Clock.N)
		n.tags.forget(r.Clock.N)
		s.seq++
	}
	for i := range r.Changes {
		n.note(&r.Changes[i])
		s.seq++
	}
	s.clock.N = max(s.clock.N, r.Clock.N)
	if !r.More {
		s.verified = latest(s.verified, sent)
	}
	n.state.Store(&s)
	return true
}

// nearCopy is what a near tier keeps beside the entry.
type nearCopy struct {
	entry *driver.Entry
	// asOf is the position up to which the copy is known to reflect every
	// invalidation.
	asOf driver.Stamp
	// checked is the state of the tables by which it was last found right.
	checked atomic.Uint64
}

// accepts reports whether nothing is known, nor may have been forgotten, that
// came after the copy was right.
func (n *node) accepts(key driver.Key, c *nearCopy) bool { return n.acceptsAt(n.state.Load(), key, c) }

func (n *node) acceptsAt(s *nodeState, key driver.Key, c *nearCopy) bool {
	if s == nil || s.clock.Epoch != c.asOf.Epoch || s.clock.Epoch == 0 {
		return false
	}
	if !n.logged {
		return c.asOf.N >= s.clock.N
	}
	if c.checked.Load() == s.seq {
		return true
	}
	n.mu.RLock()
	defer n.mu.RUnlock()
	if s = n.state.Load(); s.clock.Epoch != c.asOf.Epoch {
		return false // the tables are another epoch's by now
	}
	if n.keys.last(key.String()) > c.asOf.N || n.tags.last(driver.TagAll) > c.asOf.N {
		return false
	}
	for _, t := range c.entry.Tags {
		if n.tags.last(t) > c.asOf.N {
			return false
		}
	}
	c.checked.Store(s.seq)
	return true
}

// trusts reports whether a copy may be served: it is accepted, and the
// authoritative store was asked within the bound.
func (n *node) trusts(key driver.Key, c *nearCopy, bound time.Duration) bool {
	s := n.state.Load() // once: what is verified is what the copy is judged by
	return n.acceptsAt(s, key, c) && s.clock.N >= s.need && time.Since(s.verified) <= bound
}

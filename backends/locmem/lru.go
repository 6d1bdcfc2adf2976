package locmem

import (
	"runtime"
	"sync/atomic"

	"github.com/stratacache/strata/cache/driver"
	"github.com/stratacache/strata/cache/driver/metarecord"
)

// An lru is the strict table of one shard. The bounds are those of the store
// ([room]), so that a shard takes what it needs while there is room anywhere.
type lru struct {
	room  *room
	self  *shard
	nodes map[driver.Key]*node
	root  node // of the ring: next is the most recently used, prev the least
	ends  deadlines
	bytes int64

	// soonest is the end on top of ends, for other shards to see without the lock.
	soonest          atomic.Int64
	evicted, expired uint64
}

type node struct {
	record
	due
	prev, next *node
}

func newLRU(sh *shard, r *room) *lru {
	l := &lru{room: r, self: sh, nodes: make(map[driver.Key]*node)}
	l.root.prev, l.root.next = &l.root, &l.root
	l.soonest.Store(driver.Forever)
	return l
}

func (l *lru) read(key driver.Key, now int64, m *metarecord.Record) (*record, driver.Verdict) {
	n := l.current(key, now)
	if n == nil {
		return nil, driver.Invalid
	}
	v := m.Judge(n.record.entry, &n.record.checked)
	if v != driver.Invalid {
		l.use(n)
	}
	return &n.record, v
}

func (l *lru) find(key driver.Key, now int64) *record {
	if n := l.current(key, now); n != nil {
		return &n.record
	}
	return nil
}

// current is the node under key; one that has ended is removed.
func (l *lru) current(key driver.Key, now int64) *node {
	n := l.nodes[key]
	if n == nil || now < n.end {
		return n
	}
	l.drop(n)
	l.expired++
	return nil
}

func (l *lru) put(key driver.Key, e *driver.Entry, now int64, used bool, also *shard) {
	size := sizeOf(key, e)
	n := l.nodes[key]
	if n != nil && size > sizeOf(key, n.entry) {
		// It gives its room back before it asks for more: two shards that each held
		// on to theirs would wait for each other.
		l.drop(n)
		n = nil
	}
	if n == nil {
		l.makeRoom(1, size, now, also)
		n = &node{due: due{key: key, at: unlisted}}
		l.nodes[key] = n
		l.pushFront(n)
		l.bytes += size
		l.setEnd(n, e.Life.Expires)
	} else {
		l.setEnd(n, e.Life.Expires)
		if used {
			l.use(n)
		}
		less := sizeOf(key, n.entry) - size
		l.room.give(0, less)
		l.bytes -= less
	}
	n.entry = e
	n.checked.Store(e.Stamp.N)
}

func (l *lru) remove(key driver.Key) {
	if n := l.nodes[key]; n != nil {
		l.drop(n)
	}
}

func (l *lru) reset() {
	l.room.give(int64(len(l.nodes)), l.bytes)
	l.nodes = make(map[driver.Key]*node)
	l.root.prev, l.root.next = &l.root, &l.root
	l.ends = deadlines{}
	l.bytes = 0
	l.soonest.Store(driver.Forever)
}

func (l *lru) sweep(now int64, most int) (more bool) {
	dropped := 0
	for dropped < most && l.dropEnded(now) {
		dropped++
	}
	if dropped > 0 && len(l.nodes) == 0 {
		l.nodes = make(map[driver.Key]*node) // maps do not shrink
	}
	return dropped == most
}

func (l *lru) next() int64 { return l.soonest.Load() }

// dropEnded drops one ended entry, if there is one.
func (l *lru) dropEnded(now int64) bool {
	d := l.ends.first()
	if d == nil || now < d.end {
		return false
	}
	l.drop(l.nodes[d.key])
	l.expired++
	return true
}

// evict drops the least recently used entry.
func (l *lru) evict() bool {
	n := l.root.prev
	if n == &l.root {
		return false
	}
	l.drop(n)
	l.evicted++
	return true
}

// makeRoom reserves room, by dropping what has ended in this shard, then in
// others, then the oldest of this shard, and last whatever others have.
func (l *lru) makeRoom(entries, bytes, now int64, also *shard) {
	for !l.room.take(entries, bytes) {
		switch {
		case l.dropEnded(now):
		case l.elsewhere(also, func(o *lru) bool { return o.soonest.Load() <= now },
			func(o *lru) bool { return o.dropEnded(now) }):
		case l.evict():
		case l.elsewhere(also, func(*lru) bool { return true },
			func(o *lru) bool { return o.evict() }):
		default:
			// Another shard has it all and is locked, by someone who is about to finish.
			runtime.Gosched()
		}
	}
}

// elsewhere calls drop for other shards that pass worth, until it reports true.
// It never waits for a lock, because it holds one: also is locked already.
func (l *lru) elsewhere(also *shard, worth, drop func(*lru) bool) bool {
	for i := 1; i < len(l.room.shards); i++ {
		sh := &l.room.shards[(l.self.index+i)%len(l.room.shards)]
		o := sh.table.(*lru)
		if !worth(o) {
			continue
		}
		if sh == also {
			if drop(o) {
				return true
			}
			continue
		}
		if !sh.mu.TryLock() {
			continue
		}
		done := drop(o)
		sh.mu.Unlock()
		if done {
			return true
		}
	}
	return false
}

func (l *lru) drop(n *node) {
	size := sizeOf(n.key, n.entry)
	delete(l.nodes, n.key)
	n.unlink()
	l.ends.drop(&n.due)
	l.noteSoonest()
	l.bytes -= size
	l.room.give(1, size)
}

func (l *lru) setEnd(n *node, end int64) {
	l.ends.set(&n.due, end)
	l.noteSoonest()
}

func (l *lru) noteSoonest() {
	end := driver.Forever
	if d := l.ends.first(); d != nil {
		end = d.end
	}
	if l.soonest.Load() != end {
		l.soonest.Store(end)
	}
}

func (l *lru) use(n *node) {
	if l.root.next != n {
		n.unlink()
		l.pushFront(n)
	}
}

func (l *lru) pushFront(n *node) {
	n.prev, n.next = &l.root, l.root.next
	n.next.prev, l.root.next = n, n
}

func (n *node) unlink() {
	n.prev.next, n.next.prev = n.next, n.prev
	n.prev, n.next = nil, nil
}

// room counts what all shards hold against the bounds of the store.
type room struct {
	maxEntries, maxBytes int64 // 0: no bound
	entries, bytes       atomic.Int64
	shards               []shard
}

// take reserves all of it or nothing.
func (r *room) take(entries, bytes int64) bool {
	if !reserve(&r.entries, entries, r.maxEntries) {
		return false
	}
	if !reserve(&r.bytes, bytes, r.maxBytes) {
		r.entries.Add(-entries)
		return false
	}
	return true
}

func (r *room) give(entries, bytes int64) {
	r.entries.Add(-entries)
	r.bytes.Add(-bytes)
}

func reserve(held *atomic.Int64, more, most int64) bool {
	if more == 0 {
		return true
	}
	for {
		now := held.Load()
		if most > 0 && now+more > most {
			return false
		}
		if held.CompareAndSwap(now, now+more) {
			return true
		}
	}
}

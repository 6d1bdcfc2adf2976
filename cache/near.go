package cache

import (
	"context"
	"time"

	"github.com/stratacache/strata/cache/driver"
)

// nearTier is a memory tier. Its store is a plain container: what it holds is
// judged by the node, not by the container's own clock.
type nearTier struct {
	store driver.Store
	ttl   time.Duration
}

// fromNear returns the entry of the nearest tier that holds a trusted copy.
func (e *engine) fromNear(ctx context.Context, f *found) *driver.Entry {
	key := f.key
	e.followed()
	for i := range e.near {
		r, err := e.near[i].store.Get(ctx, key, 0)
		if err != nil || r.Entry == nil || r.Expired || stale(r.Entry) {
			continue // of a stale copy the store may have a newer one
		}
		c, ok := r.Entry.Decoded().(*nearCopy)
		if !ok || !e.node.trusts(key, c, e.opts.Staleness) || e.recovery.holds(key, c.entry.Tags) {
			f.suspect = true
			continue
		}
		f.tier = i
		e.toNear(ctx, key, c, r.Entry.Life, i)
		return c.entry
	}
	return nil
}

// toNear copies an entry into the first n near tiers. A copy ends with what it was
// copied from, which ends at life, by this process's clock, or before. Counters are not copied: they are read where they are counted.
func (e *engine) toNear(ctx context.Context, key driver.Key, c *nearCopy, life driver.Life, n int) {
	if n == 0 || c.entry.Kind == driver.Integer || !e.node.accepts(key, c) {
		return
	}
	for i := n - 1; i >= 0; i-- {
		t := e.near[i]
		end := later(time.Now().UnixNano(), t.ttl)
		life.Fresh, life.Expires = min(life.Fresh, end), min(life.Expires, end)
		twin := c.entry.Clone()
		twin.Life = life
		twin.Keep(c)
		// A memory tier that is full or closed costs a trip, nothing else.
		_, _ = t.store.Put(ctx, key, twin, driver.Set, 0)
	}
}

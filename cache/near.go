package cache

import (
	"context"
	"slices"
	"time"

	"github.com/stratacache/strata/cache/driver"
)

// nearTier is a tier in front of the store. It is a plain container: what it
// holds is judged by the node, not by the container's own clock.
type nearTier struct {
	store driver.Store
	ttl   time.Duration
	keeps bool // it is memory, and returns the very entry it was given
}

// fromNear returns the entry of the nearest tier that holds a trusted copy.
func (e *engine) fromNear(ctx context.Context, f *found) *driver.Entry {
	e.followed()
	for i := range e.near {
		r, err := e.near[i].store.Get(ctx, f.key, 0)
		if err != nil || r.Entry == nil {
			continue
		}
		if c := e.trusted(f, i, r.Entry); c != nil {
			e.toNear(ctx, f.key, c, r.Entry.Life, i)
			return c.entry
		}
	}
	return nil
}

// trusted is the copy in what a tier had under f.key, if it may be served.
func (e *engine) trusted(f *found, tier int, entry *driver.Entry) *nearCopy {
	if stale(entry) {
		return nil // the store may have a newer one
	}
	var c *nearCopy
	if e.near[tier].keeps {
		c, _ = entry.Decoded().(*nearCopy)
	} else {
		c = unpack(entry)
	}
	if c == nil || !e.node.trusts(f.key, c, e.opts.Staleness) || e.recovery.holds(f.key, c.entry.Tags) {
		f.suspect = true
		return nil
	}
	f.tier = tier
	return c
}

// toNear copies an entry into the first n near tiers. A copy ends with what it was
// copied from, which ends at life, by this process's clock, or before. Counters
// are not copied: they are read where they are counted.
func (e *engine) toNear(ctx context.Context, key driver.Key, c *nearCopy, life driver.Life, n int) {
	if n == 0 || !e.copyable(key, c) {
		return
	}
	for i := n - 1; i >= 0; i-- {
		t := &e.near[i]
		// A tier that is full or down costs a trip, nothing else.
		_, _ = t.store.Put(ctx, key, t.held(c, &life), driver.Set, 0)
	}
}

func (e *engine) copyable(key driver.Key, c *nearCopy) bool {
	return c.entry.Kind != driver.Integer && e.node.accepts(key, c)
}

// held is what the tier is given of a copy. life is shortened to the tier's, and
// so is that of the tiers in front of it.
func (t *nearTier) held(c *nearCopy, life *driver.Life) *driver.Entry {
	end := later(time.Now().UnixNano(), t.ttl)
	life.Fresh, life.Expires = min(life.Fresh, end), min(life.Expires, end)
	if !t.keeps {
		return c.pack(*life)
	}
	out := c.entry.Clone()
	out.Life = *life
	out.Keep(c)
	return out
}

// backfill are copies on their way into near tiers, in one step for each tier.
type backfill []pendingCopy

type pendingCopy struct {
	key  driver.Key
	copy *nearCopy
	life driver.Life
}

func (b *backfill) add(key driver.Key, c *nearCopy, life driver.Life) {
	*b = append(*b, pendingCopy{key, c, life})
}

// copyAll is toNear for many.
func (e *engine) copyAll(ctx context.Context, b backfill, n int) {
	b = slices.DeleteFunc(b, func(p pendingCopy) bool { return !e.copyable(p.key, p.copy) })
	if len(b) == 0 {
		return
	}
	for i := n - 1; i >= 0; i-- {
		t := &e.near[i]
		items := make([]driver.Item, len(b))
		for j := range b {
			items[j] = driver.Item{Key: b[j].key, Entry: t.held(b[j].copy, &b[j].life), Mode: driver.Set}
		}
		driver.PutMany(ctx, t.store, items)
	}
}

// nearMany is nearest for a batch: each tier is asked in one step for what the
// ones before it do not have.
func (e *engine) nearMany(ctx context.Context, lookups []lookup) {
	e.followed()
	for i := range e.near {
		var missing []*lookup
		var keys []driver.Key
		for j := range lookups {
			if l := &lookups[j]; l.entry == nil && l.flags == 0 {
				missing, keys = append(missing, l), append(keys, l.key)
			}
		}
		if len(keys) == 0 {
			return
		}
		readings, err := driver.GetMany(ctx, e.near[i].store, keys, 0)
		if err != nil {
			continue
		}
		var back backfill
		for j, l := range missing {
			r := &readings[j]
			if r.Err != nil || r.Entry == nil {
				continue
			}
			if c := e.trusted(&l.found, i, r.Entry); c != nil {
				l.entry, l.outcome = c.entry, hitOutcome(c.entry, NearHit)
				back.add(l.key, c, r.Entry.Life)
			}
		}
		e.copyAll(ctx, back, i)
	}
}

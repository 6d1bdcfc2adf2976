package sim

import (
	"context"
	"sync/atomic"

	"github.com/stratacache/strata/cache"
)

// effect is what the schedule notes of a call's effect.
type effect struct{ done atomic.Bool }

type effectKey struct{}

// watched has the store note in the context when it has done what is asked.
func watched(ctx context.Context) (context.Context, *effect) {
	e := new(effect)
	return context.WithValue(ctx, effectKey{}, e), e
}

// noted adds to the steps of a call that its effect is noted.
func noted(ctx context.Context, steps []func()) []func() {
	e, _ := ctx.Value(effectKey{}).(*effect)
	if e == nil {
		return steps
	}
	last := steps[len(steps)-1]
	steps[len(steps)-1] = func() {
		last()
		e.done.Store(true)
	}
	return steps
}

// dropping is one way of invalidating rows.
type dropping struct {
	name string
	rows []int
	do   func(ctx context.Context, c *cache.Client) error
	// expires: what may be stale stays to be served.
	expires bool
}

// drop draws a way of invalidating that hits row.
func (a *actor) drop(row int) dropping {
	w := a.p.w
	all := make([]int, w.rows)
	keys := make([]string, w.rows)
	for i := range all {
		all[i], keys[i] = i, rowKey(i)
	}
	key, tag := rowKey(row), tagsOf(row)[0]
	switch n := w.random.IntN(20); {
	case n < 7:
		return dropping{name: "Delete " + key, rows: []int{row}, do: func(ctx context.Context, c *cache.Client) error {
			_, err := c.Delete(ctx, key)
			return err
		}}
	case n < 9:
		return dropping{name: "Expire " + tag, rows: []int{row}, expires: true, do: func(ctx context.Context, c *cache.Client) error {
			return c.Expire(ctx, tag)
		}}
	case n < 13:
		return dropping{name: "Invalidate " + tag, rows: []int{row}, do: func(ctx context.Context, c *cache.Client) error {
			return c.Invalidate(ctx, tag)
		}}
	case n < 16:
		return dropping{name: "Invalidate all", rows: all, do: func(ctx context.Context, c *cache.Client) error {
			return c.Invalidate(ctx, "all")
		}}
	case n < 18:
		return dropping{name: "DeleteMany", rows: all, do: func(ctx context.Context, c *cache.Client) error {
			_, err := c.DeleteMany(ctx, keys...)
			return err
		}}
	}
	return dropping{name: "Clear", rows: all, do: func(ctx context.Context, c *cache.Client) error { return c.Clear(ctx) }}
}

// invalidated runs an invalidation to its acknowledgement, or gives up. It
// returns the versions that nothing older than may be read any more; nil if it
// had no effect that is known of.
func (a *actor) invalidated(ctx context.Context, d dropping) (versions []int, err error) {
	for range 3 {
		before := a.p.w.db.committed()
		within, e := watched(ctx)
		err = d.do(within, a.p.client)
		if err == nil || e.done.Load() {
			versions = before
		}
		if err == nil || ctx.Err() != nil {
			break
		}
	}
	return versions, err
}

// dropped takes in what invalidated returned.
func (a *actor) dropped(d dropping, versions []int, err error) {
	a.say("%s: %v, rows are at least %v", d.name, err, versions)
	if versions != nil {
		for _, r := range d.rows {
			a.p.w.raise(a.p, rowKey(r), versions[r], d.expires)
		}
	}
}

// invalidate drops without a write.
func (a *actor) invalidate(row int) op {
	d := a.drop(row)
	a.say("%s", d.name)
	return func(ctx context.Context) func() {
		versions, err := a.invalidated(ctx, d)
		return func() { a.dropped(d, versions, err) }
	}
}

// write is a transaction, and what it invalidates after the commit.
func (a *actor) write(row int) op {
	w := a.p.w
	d := a.drop(row)
	a.say("write row %d, then %s", row, d.name)
	return func(ctx context.Context) func() {
		var versions []int
		var err error
		if w.without == CommitRule {
			if _, err = a.invalidated(ctx, d); err == nil {
				_, err = w.commit(ctx, []int{row})
				versions = w.db.committed()
			}
			return func() { a.dropped(d, versions, err) }
		}
		if _, err = w.commit(ctx, []int{row}); err == nil {
			versions, err = a.invalidated(ctx, d)
		}
		return func() { a.dropped(d, versions, err) }
	}
}

// writeThrough is a transaction whose result is stored.
func (a *actor) writeThrough(row int) op {
	w, key := a.p.w, rowKey(row)
	a.say("write row %d through", row)
	return func(ctx context.Context) func() {
		f, err := a.p.client.Fence(ctx, key)
		if err != nil {
			return func() { a.say("Fence: %v", err) }
		}
		versions, err := w.commit(ctx, []int{row})
		if err != nil {
			return func() { a.say("commit: %v", err) }
		}
		// What does not exist is not stored, but dropped.
		v := versions[0]
		within, e := watched(ctx)
		if exists(v) {
			err = a.p.client.Set(within, key, []byte(value(key, v, 0)), cache.Fenced(f), cache.Tags(tagsOf(row)...))
		} else {
			_, err = a.p.client.Delete(within, key)
		}
		return func() {
			a.say("written through %d: %v", v, err)
			if err == nil || e.done.Load() {
				w.raise(a.p, key, v, false)
			}
		}
	}
}

// set sets the node's own key, which nobody else does.
func (a *actor) set() op {
	w, node := a.p.w, a.p.node
	key := ownKey(node)
	w.db.set[node]++
	n := w.db.set[node]
	many := w.chance(30)
	a.say("Set %s = %d", key, n)
	return func(ctx context.Context) func() {
		b := []byte(value(key, n, 0))
		within, e := watched(ctx)
		var err error
		if many {
			err = a.p.client.SetMany(within, map[string][]byte{key: b})
		} else {
			err = a.p.client.Set(within, key, b)
		}
		return func() {
			a.say("Set %s = %d: %v", key, n, err)
			if err == nil || e.done.Load() {
				w.raise(a.p, key, n, false)
			}
		}
	}
}

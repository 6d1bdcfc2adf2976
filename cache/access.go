package cache

import (
	"context"
	"slices"
	"sync/atomic"
	"time"

	"github.com/stratacache/strata/cache/driver"
)

// Access is what calls in a context may do with what is stored: see [WithAccess].
type Access uint8

const (
	// ReadWrite is what they may do in any other context.
	ReadWrite Access = iota
	// ReadOnly: what is stored and fresh is read, and nothing is stored. Whoever
	// misses calls its loader itself, in its own goroutine and context, shares the
	// result with nobody and begins nothing in the background. Set, SetMany and Add
	// fail with [ErrReadOnly]; a Fill is refused.
	ReadOnly
	// NoAccess is ReadOnly, and every read misses without asking.
	NoAccess
)

// WithAccess returns a context in which each call on any client asks decide what
// it may do; decide must be quick. It is for transactions, which may see what
// others must not, or no longer what others do: package invalidate makes such
// contexts, and applications need not. Where several are around a call the
// strictest counts.
//
// Deleting, invalidating, Touch and counting work as ever. So does everything
// again in the context that a nil decide gives: it is for values that have nothing
// to do with the transaction, such as sessions and locks.
func WithAccess(ctx context.Context, decide func() Access) context.Context {
	r := request{access: decide}
	if around := requestOf(ctx); around != nil {
		r.memo = around.memo
		if outer := around.access; outer != nil && decide != nil {
			r.access = func() Access { return max(outer(), decide()) }
		}
	}
	if decide != nil {
		restricted.Store(true)
	}
	return context.WithValue(ctx, requestKey{}, &r)
}

// AccessOf returns what calls in ctx may do now. It is for packages that keep
// things in a cache, to begin nothing that others would wait for in vain.
func AccessOf(ctx context.Context) Access {
	if !restricted.Load() {
		return ReadWrite
	}
	return requestOf(ctx).allows()
}

// restricted is set by the first WithAccess of the process. Until then no read
// looks for one, which would cost about 5 ns for each layer of its context.
var restricted atomic.Bool

// request is what a context says about the calls in it.
type request struct {
	memo   *memo
	access func() Access
}

type requestKey struct{}

func requestOf(ctx context.Context) *request {
	r, _ := ctx.Value(requestKey{}).(*request)
	return r
}

// request returns what ctx says, if it can matter.
func (e *engine) request(ctx context.Context) *request {
	if !e.opts.RequestMemo && !restricted.Load() {
		return nil
	}
	return requestOf(ctx)
}

func (r *request) allows() Access {
	if r == nil || r.access == nil {
		return ReadWrite
	}
	return r.access()
}

// loadAlone is the way of a miss in a context that may not store. It takes no
// place in the line of Options.MaxLoads: those who have one may be waiting for
// what the caller's transaction holds.
func (v *view) loadAlone(ctx context.Context, name string, at *found, failure error, load loader, c *call) (*driver.Entry, error) {
	v.report(ctx, name, at, failure)
	info := LoadInfo{Prefix: v.path, Key: name}
	it, err := alone(ctx, v.engine, []driver.Key{at.key}, &info, func(ctx context.Context) (item, error) { return load(ctx, nil) })
	if err != nil {
		return nil, err
	}
	return it.entry(c, driver.Life{}), nil
}

// loadAlone is the same for the keys that a batch has missed.
func (b *batchCall) loadAlone(lookups []*lookup) {
	size := max(b.call.batchSize, 0)
	if size == 0 {
		size = max(len(lookups), 1)
	}
	for part := range slices.Chunk(lookups, size) {
		keys := make([]driver.Key, len(part))
		info := LoadInfo{Prefix: b.view.path, Keys: make([]string, len(part))}
		for i, l := range part {
			b.view.report(b.ctx, l.name, &l.found, l.err)
			keys[i], info.Keys[i] = l.key, l.name
		}
		items, err := alone(b.ctx, b.view.engine, keys, &info, func(ctx context.Context) (map[string]item, error) {
			return b.load(ctx, slices.Clone(info.Keys))
		})
		for _, l := range part {
			if it, exists := items[l.name]; err != nil {
				b.fail(l.name, err)
			} else if exists {
				b.out[l.name] = it.entry(b.call, driver.Life{})
			}
		}
	}
}

// alone calls a loader in the caller's own goroutine and context.
func alone[T any](ctx context.Context, e *engine, keys []driver.Key, info *LoadInfo, do func(context.Context) (T, error)) (value T, err error) {
	began := time.Now()
	mark := &loadingMark{engine: e, keys: keys, outer: markOf(ctx), load: &Load{alone: true}}
	value, err = do(context.WithValue(ctx, loadingKey{}, mark))
	info.Took, info.Err = time.Since(began), err
	e.countLoad(info)
	if e.opts.Hooks.Load != nil {
		e.opts.Hooks.Load(ctx, *info)
	}
	return value, err
}

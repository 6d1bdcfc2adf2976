package cache

import (
	"context"
	"slices"
	"time"

	"github.com/stratacache/strata/cache/driver"
)

// batchLoader makes the items of several keys. What it leaves out does not
// exist.
type batchLoader func(ctx context.Context, names []string) (map[string]item, error)

// batch is one run of a loader for several flights. It ends when nobody waits
// for any of them.
type batch struct {
	flights []*flight
	outer   context.Context // of the call
	ctx     context.Context
	cancel  context.CancelFunc
	left    int  // flights that somebody wants, under flights.mu
	waits   bool // for other processes
}

// newBatch gives flights a context, which ends when all of them are cancelled.
// flights.mu is held.
func (e *engine) newBatch(ctx context.Context, flights []*flight) *batch {
	one := &batch{flights: flights, outer: ctx, left: len(flights)}
	keys := make([]driver.Key, len(flights))
	for i, f := range flights {
		keys[i] = f.key.Key
	}
	one.ctx, one.cancel = e.loadContext(ctx, keys)
	for _, f := range flights {
		f.ctx = one.ctx
		f.cancel = func() { // by leave, once, under flights.mu
			if one.left--; one.left == 0 {
				one.cancel()
			}
		}
	}
	e.loads.Add(1)
	return one
}

// flyMany is fly for a batch.
func (e *engine) flyMany(v *view, b *batch, load batchLoader, c call) {
	defer e.loads.Done()
	stop := context.AfterFunc(e.stopped, b.cancel)
	defer b.cancel()
	defer stop()
	defer func() {
		for _, f := range b.flights {
			e.land(f)
		}
		e.giveBack(b.flights...)
	}()
	if b.waits {
		e.awaitMany(v, b)
	} else if waits := e.lookAgain(v, b); waits != nil {
		go e.flyMany(v, waits, load, c)
	}
	if e.landOutages(b); len(b.flights) == 0 {
		return
	}
	info := LoadInfo{Prefix: v.path, Keys: make([]string, len(b.flights))}
	lost := new(PanicError)
	for i, f := range b.flights {
		info.Keys[i], f.result.err = f.name, lost
	}
	info.Err = lost
	defer func() { // also the way out of runtime.Goexit
		e.count.loads.Add(1)
		if info.Err != nil {
			e.count.failed.Add(1)
			for _, f := range b.flights {
				f.result.err = info.Err
				e.noteFailure(f.key, true)
			}
		}
		if e.opts.Hooks.Load != nil {
			e.opts.Hooks.Load(b.ctx, info)
		}
	}()

	items, err := run(b.ctx, e, &info, lost, func(ctx context.Context) (map[string]item, error) {
		return load(ctx, slices.Clone(info.Keys))
	})
	if info.Err = err; err != nil {
		return
	}
	c.cost = info.Took
	Loading(b.ctx).apply(&c)
	e.fillMany(b, items, &c, &info)
}

// fillMany stores what a batch has loaded, in one step where the store can, and
// gives each flight its result.
func (e *engine) fillMany(b *batch, items map[string]item, c *call, info *LoadInfo) {
	e.flights.mu.Lock()
	for _, f := range b.flights {
		f.storing = true
	}
	e.flights.mu.Unlock()
	var put []driver.Item
	var of []*flight
	info.Stored = true
	now := time.Now()
	for _, f := range b.flights {
		it, exists := items[f.name]
		ttl, stale := c.ttl, c.stale
		f.result.err = nil
		if !exists {
			it, ttl, stale = item{kind: driver.Negative}, min(c.ttl, c.negativeTTL), 0
			f.result.err = ErrNotFound
		} else {
			f.result.entry = it.entry(c, driver.Life{})
		}
		e.noteFailure(f.key, false)
		switch {
		case f.outage != nil:
			info.Stored, info.StoreErr = false, f.outage
			e.count.storeErrors.Add(1)
		case ttl <= 0 || f.fence.Token == 0 || len(it.payload) > e.opts.MaxValue:
			info.Stored = false
			e.count.unstored.Add(1)
		default:
			entry := it.entry(c, e.life(now, ttl, stale))
			entry.Stamp, entry.Cost = f.fence.Stamp, c.cost
			put = append(put, driver.Item{Key: f.key.Key, Entry: entry, Mode: driver.Fill, Token: f.fence.Token})
			of = append(of, f)
		}
	}
	if len(put) == 0 {
		return
	}
	sent := time.Now()
	var back backfill
	for i, r := range driver.PutMany(b.ctx, e.store, put) {
		of[i].result.stored = r.Done && r.Err == nil
		of[i].kept = of[i].result.stored
		if c := e.filled(sent, put[i].Entry, r.Result, r.Err); c != nil {
			back.add(put[i].Key, c, put[i].Entry.Life)
		}
		info.Stored = info.Stored && of[i].result.stored
		switch {
		case r.Err != nil:
			info.StoreErr = r.Err
			e.count.storeErrors.Add(1)
		case r.Done:
			e.count.stored.Add(1)
		default:
			info.Refused = true
			e.count.refused.Add(1)
		}
	}
	e.copyAll(b.ctx, back, len(e.near))
}

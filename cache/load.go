package cache

import (
	"bytes"
	"context"
	"errors"
	"runtime/debug"
	"time"

	"github.com/stratacache/strata/cache/driver"
)

// holdMargin is how much longer a fence stands than the load it guards may
// take: room for the trip that stores the result.
const holdMargin = 5 * time.Second

// maxJoins is how many flights a caller waits for whose results it may not
// have, before it loads for itself alone.
const maxJoins = 3

// loader makes the item that a flight stores.
type loader func(context.Context) (item, error)

// load is the way of a miss: join the flight of the key, or begin one. at is
// what the caller read, and failure the error with which the store did not
// answer, if it did not.
func (v *view) load(ctx context.Context, name string, at *found, failure error, load loader, opts []Option) (*driver.Entry, error) {
	c, err := v.resolve("get or set", optTTL|optNegativeTTL|optTags, opts)
	if err != nil {
		return nil, wrap("get or set", name, err)
	}
	if loading(ctx, v.engine, at.key) {
		return nil, wrap("get or set", name, ErrRecursiveLoad)
	}
	f, right, leads, err := v.engine.join(ctx, at, name, true)
	if err != nil {
		return nil, err
	}
	if leads {
		f.outage = failure
		go v.engine.fly(v, f, load, c)
	} else if failure == nil {
		at.outcome = Joined
	}
	v.report(ctx, name, at, failure)

	for joins := 1; ; joins++ {
		r, err := v.engine.wait(ctx, f)
		if err != nil {
			return nil, err
		}
		// An error that is no answer is as good for one caller as for another.
		failed := r.err != nil && !errors.Is(r.err, ErrNotFound)
		if leads || right == exact || r.stored || failed {
			return r.entry, r.err
		}
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		// The result may be older than what this caller must see: ask anew.
		again := found{key: at.key, schema: at.schema}
		failure := v.engine.ask(ctx, v.engine.hold, &again)
		if again.entry != nil {
			return again.entry, nil
		}
		if f, right, leads, err = v.engine.join(ctx, &again, name, joins < maxJoins); err != nil {
			return nil, err
		}
		if leads {
			f.outage = failure
			go v.engine.fly(v, f, load, c)
		}
	}
}

// fly runs a load to its end, whatever the loader does.
func (e *engine) fly(v *view, f *flight, load loader, c call) {
	defer e.loads.Done()
	stop := context.AfterFunc(e.stopped, f.cancel)
	info := LoadInfo{Prefix: v.path, Key: f.name}
	returned := false
	defer func() {
		e.land(f)
		stop()
		f.cancel()
	}()
	defer func() { // also the way out of runtime.Goexit
		if !returned {
			f.result.err = &PanicError{Value: recover(), Stack: debug.Stack()}
		}
		info.Err = f.result.err
		e.countLoad(&info)
		if e.opts.Hooks.Load != nil {
			e.opts.Hooks.Load(f.ctx, info)
		}
	}()

	began := time.Now()
	it, err := load(f.ctx)
	returned = true
	info.Took = time.Since(began)
	c.cost = info.Took
	if err != nil {
		f.result.err = err
		if !errors.Is(err, ErrNotFound) {
			return
		}
		it, c.ttl = item{kind: driver.Negative}, min(c.ttl, c.negativeTTL)
	} else {
		f.result.entry = it.entry(&c, driver.Life{})
	}
	e.flights.mu.Lock()
	f.storing = true
	e.flights.mu.Unlock()
	if info.StoreErr = f.outage; f.outage == nil {
		f.result.stored, info.StoreErr = e.fill(f.ctx, f.key.Key, it, f.fence, &c)
	}
	info.Stored = f.result.stored
}

func (e *engine) countLoad(info *LoadInfo) {
	e.count.loads.Add(1)
	switch {
	case info.Err != nil && !errors.Is(info.Err, ErrNotFound):
		e.count.failed.Add(1)
	case info.Stored:
		e.count.stored.Add(1)
	case info.StoreErr != nil:
		e.count.storeErrors.Add(1)
	default:
		e.count.refused.Add(1)
	}
}

// loadingMark, in the context of a loader, names the keys that are being loaded
// around it.
type (
	loadingKey  struct{}
	loadingMark struct {
		engine *engine
		key    driver.Key
		outer  *loadingMark
	}
)

func markOf(ctx context.Context) *loadingMark {
	m, _ := ctx.Value(loadingKey{}).(*loadingMark)
	return m
}

func loading(ctx context.Context, e *engine, key driver.Key) bool {
	for m := markOf(ctx); m != nil; m = m.outer {
		if m.engine == e && m.key == key {
			return true
		}
	}
	return false
}

// GetOrSet implements Cache.
func (v *view) GetOrSet(ctx context.Context, key string, load func(context.Context) ([]byte, error), opts ...Option) ([]byte, error) {
	var f found
	err := v.find(ctx, key, v.engine.hold, &f)
	entry := f.entry
	switch {
	case err == nil && entry != nil:
		v.report(ctx, key, &f, nil)
	case err != nil && (f.outcome != Failed || ctx.Err() != nil):
		return nil, wrap("get or set", key, err)
	default:
		entry, err = v.load(ctx, key, &f, err, func(ctx context.Context) (item, error) {
			b, err := load(ctx)
			return item{payload: bytes.Clone(b)}, err
		}, opts)
		if err != nil {
			return nil, err
		}
	}
	if entry.Kind == driver.Negative {
		return nil, ErrNotFound
	}
	return bytes.Clone(entry.Payload), nil
}

package cache

import (
	"bytes"
	"context"
	"errors"
	"runtime/debug"
	"slices"
	"time"

	"github.com/stratacache/strata/cache/driver"
)

// holdMargin is how much longer a fence stands than the load it guards may
// take: room for the trip that stores the result.
const holdMargin = 5 * time.Second

// maxJoins is how many flights a caller waits for whose results it may not
// have, before it loads for itself alone.
const maxJoins = 3

// loader makes the item that a flight stores. previous is what it is to
// replace, or nil.
type loader func(ctx context.Context, previous *driver.Entry) (item, error)

// load is the way of a miss: join the flight of the key, or begin one. at is
// what the caller read, and failure the error with which the store did not
// answer, if it did not.
func (v *view) load(ctx context.Context, name string, at *found, failure error, load loader, opts []Option) (*driver.Entry, error) {
	c, err := v.resolve("get or set", loadOptions, opts)
	if err != nil {
		v.report(ctx, name, at, failure)
		return nil, wrap("get or set", name, err)
	}
	if loading(ctx, v.engine, at.key) {
		v.report(ctx, name, at, failure)
		return nil, wrap("get or set", name, ErrRecursiveLoad)
	}
	if at.access != ReadWrite {
		return v.loadAlone(ctx, name, at, failure, load, &c)
	}
	var entry *driver.Entry
	if at.stale != nil && !c.refresh {
		entry, err = v.loadStale(ctx, name, at, load, c)
	} else {
		entry, err = v.fetch(ctx, name, at, failure, load, c)
	}
	if err == nil && at.outcome != StaleHit {
		v.engine.toMemo(v.engine.request(ctx), at.key, entry, at.writes)
	}
	return entry, err
}

// fetch is load without anything to fall back on.
func (v *view) fetch(ctx context.Context, name string, at *found, failure error, load loader, c call) (*driver.Entry, error) {
	f, right, leads, err := v.engine.join(ctx, at, name, !c.refresh)
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

	began := time.Now()
	for joins := 1; ; joins++ {
		r, err := v.engine.wait(ctx, f, rest(c.hard, began))
		switch {
		case errors.Is(err, errPatience):
			v.engine.event(ctx, EventInfo{Event: LoadTimedOut, Prefix: v.path, Key: name})
			return nil, wrap("get or set", name, ErrLoadTimeout)
		case err != nil:
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
		again := found{key: at.key, schema: at.schema, flags: at.flags}
		failure := v.engine.ask(ctx, v.engine.hold, &again)
		if again.fits() {
			return again.entry, nil
		}
		if failure != nil && v.engine.opts.OnOutage == FailClosed {
			return nil, wrap("get or set", name, failure)
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

// storedResult is the result of a flight that found what it was to load.
func storedResult(entry *driver.Entry) result {
	r := result{entry: entry, stored: true}
	if entry.Kind == driver.Negative {
		r.err = ErrNotFound
	}
	return r
}

// rest is what is left of a patience that began then.
func rest(patience time.Duration, began time.Time) time.Duration {
	if patience == Forever {
		return Forever
	}
	return max(patience-time.Since(began), 0)
}

// fly runs a load to its end, whatever the loader does.
func (e *engine) fly(v *view, f *flight, load loader, c call) {
	defer e.loads.Done()
	stop := context.AfterFunc(e.stopped, f.cancel)
	defer func() {
		e.land(f)
		stop()
		f.cancel()
		e.giveBack(f)
	}()
	info := LoadInfo{Prefix: v.path, Key: f.name}
	if f.late {
		if entry := e.await(v, f); entry != nil {
			e.count.awaited.Add(1)
			f.result = storedResult(entry)
			return
		}
	}
	if f.shared {
		if entry, left := e.yield(v, f); entry != nil {
			e.count.awaited.Add(1)
			f.result = storedResult(entry)
			return
		} else if left {
			return
		}
	}
	if f.outage != nil && e.opts.OnOutage == FailClosed {
		f.result.err = wrap("get or set", f.name, f.outage)
		return
	}
	lost := new(PanicError)
	f.result.err = lost
	defer func() { // also the way out of runtime.Goexit
		if f.result.err == lost {
			e.noteFailure(f.key, true)
		}
		info.Err = f.result.err
		e.countLoad(&info)
		if e.opts.Hooks.Load != nil {
			e.opts.Hooks.Load(f.ctx, info)
		}
	}()

	it, err := run(f.ctx, e, &info, lost, func(ctx context.Context) (item, error) { return load(ctx, f.previous) })
	f.result.err = nil
	c.cost = info.Took
	Loading(f.ctx).apply(&c)
	if c.stale > 0 || f.previous != nil {
		e.noteFailure(f.key, err != nil && !errors.Is(err, ErrNotFound) && !errors.Is(err, ErrNotModified))
	}
	switch {
	case errors.Is(err, ErrNotModified) && f.previous != nil:
		f.result.entry = f.previous
		// Touch does not ask for the token, so the result is only for those who
		// joined when nothing had been invalidated: stored stays false.
		info.Stored, info.StoreErr = e.renew(f, &c)
		f.kept = info.Stored
		info.Refused = info.StoreErr == nil && !info.Stored && c.ttl > 0
		return
	case errors.Is(err, ErrNotFound):
		f.result.err = err
		it, c.ttl, c.stale = item{kind: driver.Negative}, min(c.ttl, c.negativeTTL), 0
	case err != nil:
		f.result.err = err
		return
	default:
		f.result.entry = it.entry(&c, driver.Life{})
	}
	e.flights.mu.Lock()
	f.storing = true
	e.flights.mu.Unlock()
	if info.StoreErr = f.outage; f.outage == nil {
		f.result.stored, info.StoreErr = e.fill(f.ctx, f.key.Key, it, f.fence, &c)
	}
	info.Stored, f.kept = f.result.stored, f.result.stored
	info.Refused = info.StoreErr == nil && !info.Stored && c.ttl > 0 && f.fence.Token != 0
}

// run calls do in its turn. A panic becomes an error; after runtime.Goexit run
// does not return, and lost says where it happened.
func run[T any](ctx context.Context, e *engine, info *LoadInfo, lost *PanicError, do func(context.Context) (T, error)) (value T, err error) {
	if err := e.inLine(ctx); err != nil {
		return value, err
	}
	began := time.Now()
	returned := false
	defer func() {
		e.outOfLine(ctx)
		info.Took = time.Since(began)
		if !returned {
			lost.Value, lost.Stack = recover(), debug.Stack()
			err = lost
		}
	}()
	value, err = do(ctx)
	returned = true
	return value, err
}

// inLine waits for the loader's turn. A load within a load has its own: the
// outer one waits for it.
func (e *engine) inLine(ctx context.Context) error {
	if e.line == nil || nested(ctx, e) {
		return nil
	}
	select {
	case e.line <- struct{}{}:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (e *engine) outOfLine(ctx context.Context) {
	if e.line != nil && !nested(ctx, e) {
		<-e.line
	}
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
	case info.Refused:
		e.count.refused.Add(1)
	default:
		e.count.unstored.Add(1)
	}
}

// loadingMark, in the context of a loader, names the keys that are being loaded
// around it.
type (
	loadingKey  struct{}
	loadingMark struct {
		engine *engine
		keys   []driver.Key
		outer  *loadingMark
		load   *Load
	}
)

// nested reports whether the load of ctx was asked for by another load of e.
func nested(ctx context.Context, e *engine) bool {
	for m := markOf(ctx).outer; m != nil; m = m.outer {
		if m.engine == e {
			return true
		}
	}
	return false
}

func markOf(ctx context.Context) *loadingMark {
	m, _ := ctx.Value(loadingKey{}).(*loadingMark)
	return m
}

func loading(ctx context.Context, e *engine, key driver.Key) bool {
	for m := markOf(ctx); m != nil; m = m.outer {
		if m.engine == e && slices.Contains(m.keys, key) {
			return true
		}
	}
	return false
}

// bytesLoader gives load the previous value.
func bytesLoader(load func(context.Context) ([]byte, error)) loader {
	return func(ctx context.Context, previous *driver.Entry) (item, error) {
		if previous != nil {
			Loading(ctx).keep(bytes.Clone(previous.Payload))
		}
		b, err := load(ctx)
		return item{payload: bytes.Clone(b)}, err
	}
}

// givesUp reports whether a read that failed does not go on to load.
func (e *engine) givesUp(ctx context.Context, f *found, err error) bool {
	return err != nil && (f.outcome != Failed || ctx.Err() != nil || e.opts.OnOutage == FailClosed)
}

// GetOrSet implements Cache.
func (v *view) GetOrSet(ctx context.Context, key string, load func(context.Context) ([]byte, error), opts ...Option) ([]byte, error) {
	f := found{flags: flagsOf(opts)}
	err := v.find(ctx, key, v.engine.hold, &f)
	entry := f.entry
	switch {
	case err == nil && entry != nil:
		v.report(ctx, key, &f, nil)
		if f.access == ReadWrite && v.engine.early(entry) {
			v.refreshEarly(ctx, key, f, bytesLoader(load), opts)
		}
	case v.engine.givesUp(ctx, &f, err):
		v.reportFailure(ctx, key, &f, err)
		return nil, wrap("get or set", key, err)
	default:
		entry, err = v.load(ctx, key, &f, err, bytesLoader(load), opts)
		if err != nil {
			return nil, err
		}
	}
	if entry.Kind == driver.Negative {
		return nil, ErrNotFound
	}
	return bytes.Clone(entry.Payload), nil
}

package cache

import (
	"bytes"
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/stratacache/strata/cache/driver"
)

// getOrSetMany returns the entries of names, and loads what is missing.
// usable tells whether the caller can read an entry.
func (v *view) getOrSetMany(ctx context.Context, names []string, schema uint64, usable func(*driver.Entry) error, load batchLoader, opts []Option) (map[string]*driver.Entry, error) {
	const op = "get or set many"
	e := v.engine
	c, err := v.resolve(op, loadOptions|optBatchSize, opts)
	if err != nil {
		return nil, wrap(op, "", err)
	}
	lookups, err := v.lookUp(ctx, names, e.hold, flagsOf(opts))
	if err != nil && (lookups == nil || ctx.Err() != nil || e.opts.OnOutage == FailClosed) {
		v.reportAll(ctx, lookups)
		return nil, wrap(op, "", err)
	}
	b := &batchCall{view: v, call: &c, ctx: ctx, load: load, began: time.Now(), out: make(map[string]*driver.Entry, len(lookups))}
	var missing, refresh, alone []*lookup
	for i := range lookups {
		l := &lookups[i]
		l.schema = schema
		for _, p := range []**driver.Entry{&l.entry, &l.stale} {
			if *p != nil && (*p).Kind != driver.Negative {
				if why := usable(*p); why != nil {
					*p, l.odd, l.outcome = nil, why, Miss
				}
			}
		}
		switch {
		case l.entry != nil:
			v.report(ctx, l.name, &l.found, nil)
			keep(b.out, l.name, l.entry)
		case l.err != nil && e.opts.OnOutage == FailClosed:
			v.report(ctx, l.name, &l.found, l.err)
			b.fail(l.name, l.err)
		case loading(ctx, e, l.key):
			for _, m := range missing {
				v.report(ctx, m.name, &m.found, m.err)
			}
			v.reportAll(ctx, lookups[i:])
			return nil, wrap(op, l.name, ErrRecursiveLoad)
		case l.access != ReadWrite:
			alone = append(alone, l)
		case l.stale != nil && !c.refresh && e.throttled(flightKey{Key: l.key, schema: schema}):
			b.serveStale(l, Throttled)
		case l.stale != nil && !c.refresh && c.soft <= 0:
			b.serveStale(l, Refreshing)
			refresh = append(refresh, l)
		default:
			missing = append(missing, l)
		}
	}
	b.loadAlone(alone)
	if len(missing) > 0 && ctx.Err() != nil { // nobody would wait for the loads
		for _, m := range missing {
			v.report(ctx, m.name, &m.found, m.err)
		}
		return nil, wrap(op, "", context.Cause(ctx))
	}
	if err := b.start(refresh, true); err != nil {
		return nil, err
	}
	if err := b.start(missing, false); err != nil {
		return nil, err
	}
	return b.collect(op)
}

// batchCall is one call of GetOrSetMany.
type batchCall struct {
	view  *view
	call  *call
	ctx   context.Context
	load  batchLoader
	began time.Time

	waits  []batchWait
	out    map[string]*driver.Entry
	failed ManyError
}

// batchWait is a flight that the call waits for.
type batchWait struct {
	*lookup
	flight *flight
	right  pass
	leads  bool
}

func (b *batchCall) serveStale(l *lookup, why StaleReason) {
	l.outcome, l.why = StaleHit, why
	b.view.report(b.ctx, l.name, &l.found, nil)
	Loading(b.ctx).notFresh()
	b.out[l.name] = l.stale
}

// start joins the flights of lookups, and begins those that are not there, in
// batches. In the background nobody waits for them.
func (b *batchCall) start(lookups []*lookup, background bool) error {
	e := b.view.engine
	size := b.call.batchSize
	if size <= 0 {
		size = max(len(lookups), 1)
	}
	e.flights.mu.Lock()
	if e.closed.Load() {
		e.flights.mu.Unlock()
		return ErrClosed
	}
	var begun []*flight
	for _, l := range lookups {
		key := flightKey{Key: l.key, schema: l.schema}
		if f := e.flights.byKey[key]; f != nil && !b.call.refresh {
			if right := e.admits(f, l.fence, e.writes.Load()); right != denied || background {
				if !background {
					f.waiting++
					b.waits = append(b.waits, batchWait{l, f, right, false})
				}
				continue
			}
		}
		if background && e.leaves(l.key, l.stale) {
			continue
		}
		f := e.register(&l.found, l.name)
		f.outage = l.err
		if background && !e.toBackground(f) {
			e.unlink(f)
			continue
		}
		if !background {
			f.waiting = 1
			b.waits = append(b.waits, batchWait{l, f, exact, true})
		}
		begun = append(begun, f)
	}
	var batches []*batch
	for flights := range slices.Chunk(begun, size) {
		batches = append(batches, e.newBatch(b.ctx, flights))
	}
	e.flights.mu.Unlock()
	for _, one := range batches {
		go e.flyMany(b.view, one, b.load, *b.call)
	}
	return nil
}

// collect waits for all flights of the call.
func (b *batchCall) collect(op string) (map[string]*driver.Entry, error) {
	e := b.view.engine
	for i, w := range b.waits {
		patience := b.call.hard
		if w.stale != nil && !b.call.refresh {
			patience = min(patience, b.call.soft)
		}
		r, err := e.wait(b.ctx, w.flight, rest(patience, b.began))
		if err != nil && !errors.Is(err, errPatience) { // the call's context has ended
			for j, w := range b.waits[i:] {
				if j > 0 {
					e.leave(w.flight, false)
				}
				b.view.report(b.ctx, w.name, &w.found, w.err)
			}
			return nil, err
		}
		entry, err := b.result(w, r, err)
		switch {
		case errors.Is(err, ErrNotFound):
		case err != nil:
			b.fail(w.name, err)
		default:
			keep(b.out, w.name, entry)
		}
	}
	if b.failed != nil {
		return b.out, wrap(op, "", b.failed)
	}
	return b.out, nil
}

func (b *batchCall) fail(name string, err error) {
	if b.failed == nil {
		b.failed = make(ManyError)
	}
	b.failed[name] = err
}

// result is what a flight means to the call.
func (b *batchCall) result(w batchWait, r result, err error) (*driver.Entry, error) {
	v := b.view
	fallback := w.stale != nil && !b.call.refresh
	failed := r.err != nil && !errors.Is(r.err, ErrNotFound)
	mayHave := w.leads || w.right == exact || r.stored || failed
	switch {
	case fallback && (err != nil || failed || !mayHave):
		w.why = Refreshing
		if failed {
			w.why = LoadFailed
		}
		b.serveStale(w.lookup, w.why)
		return w.stale, nil
	case err != nil:
		v.report(b.ctx, w.name, &w.found, w.err)
		v.engine.event(b.ctx, EventInfo{Event: LoadTimedOut, Prefix: v.path, Key: w.name})
		return nil, ErrLoadTimeout
	case !mayHave:
		// The result may be older than what this call must see: load it alone.
		one := func(ctx context.Context, _ *driver.Entry) (item, error) {
			items, err := b.load(ctx, []string{w.name})
			it, exists := items[w.name]
			if err == nil && !exists {
				err = ErrNotFound
			}
			return it, err
		}
		again := found{key: w.key, schema: w.schema, flags: w.flags}
		failure := v.engine.ask(b.ctx, v.engine.hold, &again)
		if again.fits() {
			v.report(b.ctx, w.name, &again, nil)
			return again.entry, nil
		}
		again.stale = nil
		if failure != nil && v.engine.opts.OnOutage == FailClosed {
			v.report(b.ctx, w.name, &again, failure)
			return nil, failure
		}
		return v.fetch(b.ctx, w.name, &again, failure, one, *b.call)
	}
	if !w.leads && w.err == nil {
		w.outcome = Joined
	}
	v.report(b.ctx, w.name, &w.found, w.err)
	return r.entry, r.err
}

// GetOrSetMany implements Cache.
func (v *view) GetOrSetMany(ctx context.Context, keys []string, load func(context.Context, []string) (map[string][]byte, error), opts ...Option) (map[string][]byte, error) {
	entries, err := v.getOrSetMany(ctx, keys, 0, func(*driver.Entry) error { return nil }, func(ctx context.Context, names []string) (map[string]item, error) {
		values, err := load(ctx, names)
		items := make(map[string]item, len(values))
		for k, b := range values {
			items[k] = item{payload: bytes.Clone(b)}
		}
		return items, err
	}, opts)
	out := make(map[string][]byte, len(entries))
	for k, e := range entries {
		out[k] = bytes.Clone(e.Payload)
	}
	return out, err
}

// GetOrSetMany returns the values under keys, and calls load once with those
// that are missing: see [Cache].GetOrSetMany.
func (t Typed[V]) GetOrSetMany(ctx context.Context, keys []string, load func(context.Context, []string) (map[string]V, error), opts ...Option) (map[string]V, error) {
	decoded := make(map[*driver.Entry]V, len(keys))
	decode := func(e *driver.Entry) error {
		var v V
		if err := t.form.decode(e, &v); err != nil {
			return err
		}
		decoded[e] = v
		return nil
	}
	entries, err := t.view.getOrSetMany(ctx, keys, t.form.loads(), decode, func(ctx context.Context, names []string) (map[string]item, error) {
		values, err := load(ctx, names)
		if err != nil {
			return nil, err
		}
		items := make(map[string]item, len(values))
		for _, k := range slices.Sorted(maps.Keys(values)) {
			if items[k], err = t.form.encode(values[k], t.view.engine.keeps); err != nil {
				return nil, wrap("get or set many", k, err)
			}
		}
		return items, nil
	}, opts)
	out := make(map[string]V, len(entries))
	for k, e := range entries {
		v, done := decoded[e]
		if !done {
			if why := t.form.decode(e, &v); why != nil {
				err = errors.Join(err, wrap("get or set many", k, why))
				continue
			}
		}
		out[k] = v
	}
	return out, err
}

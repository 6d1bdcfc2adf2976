package cache

import (
	"context"
	"errors"
	"math"
	"time"

	"github.com/stratacache/strata/cache/driver"
)

// loadStale is the way of a miss that has a stale value to fall back on. The
// value was valid when it was read, and that is when the caller's read began.
func (v *view) loadStale(ctx context.Context, name string, at *found, load loader, c call) (*driver.Entry, error) {
	e := v.engine
	serve := func(why StaleReason) (*driver.Entry, error) {
		at.outcome, at.why = StaleHit, why
		v.report(ctx, name, at, nil)
		Loading(ctx).notFresh()
		return at.stale, nil
	}
	key := flightKey{Key: at.key, schema: at.schema}
	if e.throttled(key) {
		return serve(Throttled)
	}
	if c.soft <= 0 {
		v.refresh(ctx, name, at, load, c)
		return serve(Refreshing)
	}
	f, right, leads, err := e.join(ctx, at, name, true)
	if err != nil {
		return nil, err
	}
	if leads {
		go e.fly(v, f, load, c)
	}
	r, err := e.wait(ctx, f, min(c.soft, c.hard))
	switch {
	case errors.Is(err, errPatience):
		return serve(Refreshing)
	case err != nil:
		v.report(ctx, name, at, nil)
		return nil, err
	case r.err != nil && !errors.Is(r.err, ErrNotFound):
		return serve(LoadFailed)
	case !leads && right != exact && !r.stored:
		// What the flight brought may be older than what this caller may see, and
		// what it has read itself is not.
		return serve(Refreshing)
	}
	if !leads {
		at.outcome = Joined
	}
	v.report(ctx, name, at, nil)
	return r.entry, r.err
}

// refresh starts a load in the background, unless one is under way or there is
// no place for it.
func (v *view) refresh(ctx context.Context, name string, at *found, load loader, c call) {
	e := v.engine
	e.flights.mu.Lock()
	if e.closed.Load() || e.flights.byKey[flightKey{Key: at.key, schema: at.schema}] != nil ||
		e.flights.background >= e.opts.MaxBackground || e.leaves(at.key, at.stale) {
		e.flights.mu.Unlock()
		return
	}
	f := e.newFlight(ctx, at, name)
	e.toBackground(f)
	e.flights.mu.Unlock()
	go e.fly(v, f, load, c)
}

// throttled reports whether the key's loader failed a moment ago.
func (e *engine) throttled(key flightKey) bool {
	e.flights.mu.Lock()
	defer e.flights.mu.Unlock()
	until, failed := e.flights.failed[key]
	return failed && time.Now().Before(until)
}

// maxFailed bounds the keys that are remembered as failed. Forgetting costs a
// load.
const maxFailed = 10_000

// noteFailure remembers that the key's loader failed, or did not.
func (e *engine) noteFailure(key flightKey, failed bool) {
	e.flights.mu.Lock()
	defer e.flights.mu.Unlock()
	switch {
	case !failed:
		delete(e.flights.failed, key)
	case e.flights.failed == nil, len(e.flights.failed) >= maxFailed:
		e.flights.failed = map[flightKey]time.Time{key: time.Now().Add(e.opts.RetryAfter)}
	default:
		e.flights.failed[key] = time.Now().Add(e.opts.RetryAfter)
	}
}

// early decides whether a hit is to refresh the entry before its time.
func (e *engine) early(entry *driver.Entry) bool {
	switch {
	case e.opts.EarlyRefresh == 0 && e.opts.RefreshAt == 0, entry.Life.Fresh == driver.Forever, entry.Kind == driver.Negative:
		return false
	case e.opts.RefreshAt > 0:
		return e.due(entry.Life.Fresh)
	case entry.Cost == 0:
		return false
	}
	left := entry.Life.Fresh - time.Now().UnixNano()
	return float64(left) <= -math.Log(1-e.chance())*e.opts.EarlyRefresh*float64(entry.Cost)
}

// refreshEarly loads a hit anew in the background. A near copy does not know
// where a load begins, so the store is asked first. It has a copy of what was
// found, so that a hit that needs none allocates none.
func (v *view) refreshEarly(ctx context.Context, name string, at found, load loader, opts []Option) {
	e := v.engine
	c, err := v.resolve("get or set", loadOptions, opts)
	if err != nil || loading(ctx, e, at.key) || e.throttled(flightKey{Key: at.key, schema: at.schema}) {
		return
	}
	begin := at
	if begin.fence.Token == 0 {
		begin = found{key: at.key, schema: at.schema}
		if e.ask(ctx, e.hold, &begin) != nil {
			return
		}
		if begin.entry != nil && begin.entry.Life.Fresh > at.entry.Life.Fresh {
			return // somebody has refreshed it, and the near tiers have that now
		}
	}
	if begin.entry != nil {
		begin.stale = begin.entry
	}
	v.refresh(ctx, name, &begin, load, c)
}

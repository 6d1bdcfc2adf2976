package cache

import (
	"slices"
	"time"

	"github.com/stratacache/strata/cache/driver"
)

// A batch does not wait for other processes: what they load is taken out of it,
// waited for together, and what of it has not come in time is loaded then, in one
// call.

// lookAgain looks for what was stored since a batch missed: somebody else had
// planted the tokens. It returns those that another process is at, if any, as a
// batch that waits for them.
func (e *engine) lookAgain(v *view, b *batch) *batch {
	var late, shared []*flight
	for _, f := range b.flights {
		switch {
		case f.outage != nil:
		case f.late:
			late = append(late, f)
		case f.shared:
			shared = append(shared, f)
		}
	}
	waits := e.claimMany(v, b, shared)
	if len(late) > 0 {
		waits = append(waits, e.readMany(b, late)...)
	}
	if len(waits) == 0 {
		return nil
	}
	e.flights.mu.Lock()
	defer e.flights.mu.Unlock()
	for _, f := range waits {
		e.takeOut(b, f)
	}
	waits = slices.DeleteFunc(waits, func(f *flight) bool { return f.waiting == 0 && !f.background })
	if len(waits) == 0 {
		return nil // all have left them
	}
	other := e.newBatch(b.outer, waits)
	other.waits = true
	return other
}

// takeOut takes a flight out of b. flights.mu is held.
func (e *engine) takeOut(b *batch, f *flight) {
	b.flights = slices.DeleteFunc(b.flights, func(other *flight) bool { return other == f })
	if f.waiting > 0 || f.background { // or leave has counted it
		b.left--
	}
}

// landOf lands one flight of a batch before the others.
func (e *engine) landOf(b *batch, f *flight) {
	e.flights.mu.Lock()
	e.takeOut(b, f)
	e.flights.mu.Unlock()
	e.land(f)
}

// landOutages lands the flights of b that are not to load: see FailClosed.
func (e *engine) landOutages(b *batch) {
	for _, f := range slices.Clone(b.flights) {
		if e.closing(f.outage) != nil {
			f.result.err = wrap("get or set many", f.name, f.outage)
			e.landOf(b, f)
		}
	}
}

// claimMany asks for the claims to refresh the entries of flights. Of those that
// other processes have it returns the flights that somebody waits for; the rest
// is left to them.
func (e *engine) claimMany(v *view, b *batch, flights []*flight) (waits []*flight) {
	if len(flights) == 0 {
		return nil
	}
	keys := make([]driver.Key, len(flights))
	for i, f := range flights {
		keys[i] = e.refreshClaim(f.key.Key, f.previous)
	}
	began := time.Now()
	claims, err := e.claim(b.ctx, e.opts.LeaseWait+claimMargin, keys...)
	if err != nil {
		for _, f := range flights {
			f.outage = e.closing(err)
		}
		return nil
	}
	for i, f := range flights {
		switch f.claim = claims[i]; {
		case f.claim.mine:
		case e.drop(f):
			v.reportLost(b.ctx, f.name, &lostLease{to: true, began: began, end: LeaseLeft})
			e.landOf(b, f)
		default:
			waits = append(waits, f)
		}
	}
	return waits
}

// readMany lands those of a batch's flights whose value was stored, has the
// others begin anew, and returns those that another process is at.
func (e *engine) readMany(b *batch, flights []*flight) (waits []*flight) {
	keys := make([]driver.Key, len(flights))
	for i, f := range flights {
		keys[i] = f.key.Key
	}
	sent := time.Now()
	readings, err := driver.GetMany(b.ctx, e.store, keys, e.hold)
	if err != nil {
		for _, f := range flights {
			f.outage = e.closing(err)
		}
		return nil
	}
	for i, f := range flights {
		if readings[i].Err != nil {
			f.outage = e.closing(readings[i].Err)
			continue
		}
		at := found{key: f.key.Key, schema: f.key.schema}
		e.take(b.ctx, sent, &readings[i].Reading, &at)
		stored := at.entry != nil && f.key.reads(at.entry)
		if f.shared {
			stored = e.refreshed(f, &at)
		}
		if stored {
			e.count.awaited.Add(1)
			f.result = storedResult(at.entry)
			e.landOf(b, f)
			continue
		}
		if f.shared {
			if f.previous != nil {
				waits = append(waits, f)
			}
			continue
		}
		e.flights.mu.Lock()
		if f.fence = at.fence; at.entry == nil && e.elsewhere(&at) {
			waits = append(waits, f)
		}
		e.flights.mu.Unlock()
	}
	return waits
}

// awaitMany waits for other processes until all that they are at has come, or
// LeaseWait is over. What is left in b then is the batch's own to load.
func (e *engine) awaitMany(v *view, b *batch) {
	waits, began := slices.Clone(b.flights), time.Now()
	over := func(f *flight, end LeaseEnd) {
		v.reportLost(b.ctx, f.name, &lostLease{to: true, began: began, end: end})
	}
	for p := (polling{engine: e, pause: firstPoll}); len(waits) > 0 && time.Since(began) < e.opts.LeaseWait && p.sleep(b.ctx); {
		var shared, again []*flight
		for _, f := range e.readMany(b, waits) {
			if f.shared {
				shared = append(shared, f)
			} else {
				again = append(again, f)
			}
		}
		again = append(again, e.claimMany(v, b, shared)...)
		for _, f := range waits {
			switch {
			case slices.Contains(again, f):
			case slices.Contains(b.flights, f):
				over(f, LeaseGivenBack)
			case f.result.stored: // or it was left, which is reported
				over(f, LeaseServed)
			}
		}
		waits = again
	}
	for _, f := range waits {
		over(f, LeaseGivenUp)
	}
}

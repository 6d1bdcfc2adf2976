package cache

import (
	"bytes"
	"context"
	"time"

	"github.com/stratacache/strata/cache/driver"
)

// found is one key read: what was there, and where a load of it would begin.
type found struct {
	key     driver.Key
	flags   optionKind    // of the call: Refresh, SkipNear
	schema  uint64        // of what a load would make
	entry   *driver.Entry // fresh, nil on a miss
	stale   *driver.Entry // on a miss: valid, but no longer fresh, or not fresh enough for the call
	fence   driver.Fence
	planted bool // by this very reading
	access  Access
	outcome Outcome
	why     StaleReason
	took    time.Duration
	odd     error
	tier    int       // that had it
	back    *backfill // of a batch: copies go there
	writes  uint64    // engine.writes before it was read
	suspect bool      // a near tier had a copy that may be outdated
}

// find reads a key through the tiers into f, which is zero. With hold > 0 a
// miss plants a fence. The caller reports the outcome, because only it knows
// what the miss becomes.
//
// f is filled in place: copying it would be a tenth of a hit in memory.
func (v *view) find(ctx context.Context, name string, hold time.Duration, f *found) error {
	e := v.engine
	if e.closed.Load() {
		return ErrClosed
	}
	var err error
	if f.key, err = v.key(name); err != nil {
		return err
	}
	r := e.request(ctx)
	if f.access = r.allows(); f.access != ReadWrite {
		hold = 0
	}
	if f.access == NoAccess {
		f.outcome = Bypassed
		return nil
	}
	if f.flags == 0 {
		if f.entry = e.fromMemo(r, f.key); f.entry != nil {
			f.outcome = hitOutcome(f.entry, MemoHit)
			return nil
		}
	}
	f.writes = e.writes.Load()
	if f.entry = e.nearest(ctx, f); f.entry == nil {
		var hit bool
		if hit, err = e.peek(ctx, f); err == nil && !hit {
			err = e.ask(ctx, hold, f)
		}
	}
	e.toMemo(r, f.key, f.entry, f.writes)
	return err
}

// nearest is what the near tiers have, if the call wants it.
func (e *engine) nearest(ctx context.Context, f *found) *driver.Entry {
	if len(e.near) == 0 || f.flags != 0 {
		return nil
	}
	entry := e.fromNear(ctx, f)
	if entry != nil {
		f.outcome = hitOutcome(entry, NearHit)
	}
	return entry
}

// ask reads f.key from the authoritative store. What is owed is stored over by
// nobody, so that no fence is planted for it.
func (e *engine) ask(ctx context.Context, hold time.Duration, f *found) error {
	soft := hold > 0 && e.opts.StoreSoftTimeout > 0
	if hold > 0 && e.recovery.holds(f.key, nil) {
		hold = 0
	}
	if soft {
		return e.askSoftly(ctx, hold, f)
	}
	var sent time.Time
	if !e.untimed { // a clock read is a fifth of a hit in memory
		sent = time.Now()
	}
	r, err := e.store.Get(ctx, f.key, hold)
	if !e.untimed {
		f.took = time.Since(sent)
	}
	if err != nil {
		f.outcome = Failed
		return err
	}
	e.take(ctx, sent, &r, f)
	return nil
}

// take judges what the store answered to a request that was sent at that time.
func (e *engine) take(ctx context.Context, sent time.Time, r *driver.Reading, f *found) {
	f.fence, f.planted, f.tier = r.Fence, r.Planted, len(e.near)
	if r.Planted {
		e.planted(r.Fence.Token, false)
	}
	if len(e.near) > 0 {
		e.node.observe(sent, r.Fence.Stamp)
	}
	switch {
	case e.owes(f.key, r.Entry):
		f.outcome, f.fence.Token = Miss, 0 // neither is it served, nor anything stored over it
	case r.Entry == nil:
		f.outcome, f.odd = Miss, r.Odd
	case unreadable(r.Entry):
		f.outcome, f.odd = Miss, driver.ErrNewer
	case f.flags&optRefresh != 0 || r.Expired || stale(r.Entry):
		f.outcome = Miss
		if r.Entry.Kind != driver.Negative && !(r.Expired && endsFresh(r.Entry)) {
			f.stale = r.Entry
		}
	default:
		f.entry, f.outcome = r.Entry, hitOutcome(r.Entry, Hit)
		if len(e.near) > 0 {
			c := &nearCopy{entry: r.Entry, asOf: r.Fence.Stamp}
			if f.back != nil {
				f.back.add(f.key, c, r.Entry.Life)
			} else {
				e.toNear(ctx, f.key, c, r.Entry.Life, len(e.near))
			}
		}
	}
	if f.entry == nil {
		e.node.require(r.Fence.Stamp) // a load may begin here
	}
}

// fits reports whether the caller can read the entry; one of another type counts
// as none.
func (f *found) fits() bool {
	if f.entry != nil && !(flightKey{Key: f.key, schema: f.schema}).reads(f.entry) {
		f.entry, f.outcome = nil, Miss
	}
	return f.entry != nil
}

// stale reports whether an entry that has not ended is no longer fresh. An
// entry that ends when it stops being fresh has been judged by the store.
func stale(e *driver.Entry) bool {
	return !endsFresh(e) && time.Now().UnixNano() >= e.Life.Fresh
}

// endsFresh reports whether nobody may have e after it has stopped being fresh.
func endsFresh(e *driver.Entry) bool { return e.Life.Fresh == e.Life.Expires }

// unreadable reports whether e is of a kind that only a wrapper can read, which
// was there when e was stored and is not now.
func unreadable(e *driver.Entry) bool { return e.Kind > driver.Negative }

func hitOutcome(e *driver.Entry, hit Outcome) Outcome {
	if e.Kind == driver.Negative {
		return NegativeHit
	}
	return hit
}

// report counts one key read and tells the hook.
func (v *view) report(ctx context.Context, name string, f *found, err error) {
	e := v.engine
	e.count.read(f.outcome)
	if f.suspect {
		e.count.suspects.Add(1)
	}
	if f.odd != nil {
		e.count.odd.Add(1)
	}
	if e.opts.Hooks.Read != nil {
		info := ReadInfo{Prefix: v.path, Key: name, Outcome: f.outcome, Tier: f.tier, Suspect: f.suspect, Took: f.took, Odd: f.odd, Err: err}
		switch {
		case f.entry != nil:
			info.Bytes = len(f.entry.Payload)
		case f.outcome == StaleHit:
			info.Bytes, info.Why = len(f.stale.Payload), f.why
		}
		e.opts.Hooks.Read(ctx, info)
	}
}

// reportFailure reports a read that the store did not answer. One that could not
// be asked for is none.
func (v *view) reportFailure(ctx context.Context, name string, f *found, err error) {
	if f.outcome == Failed {
		v.report(ctx, name, f, err)
	}
}

// get is find without a load to follow: a miss is an error.
func (v *view) get(ctx context.Context, op, name string) (*driver.Entry, error) {
	var f found
	err := v.find(ctx, name, 0, &f)
	if err != nil && f.outcome != Failed {
		return nil, wrap(op, name, err)
	}
	v.report(ctx, name, &f, err)
	switch {
	case err != nil:
		return nil, wrap(op, name, err)
	case f.entry == nil:
		return nil, ErrMiss
	case f.entry.Kind == driver.Negative:
		return nil, ErrNotFound
	}
	return f.entry, nil
}

// Get implements Cache.
func (v *view) Get(ctx context.Context, key string) ([]byte, error) {
	e, err := v.get(ctx, "get", key)
	if err != nil {
		return nil, err
	}
	return bytes.Clone(e.Payload), nil
}

// Has implements Cache.
func (v *view) Has(ctx context.Context, key string) (bool, error) {
	switch _, err := v.get(ctx, "has", key); err {
	case nil:
		return true, nil
	case ErrMiss, ErrNotFound:
		return false, nil
	default:
		return false, err
	}
}

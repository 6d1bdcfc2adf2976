package cache

import (
	"context"
	"strconv"
	"time"

	"github.com/stratacache/strata/cache/driver"
)

// A claim is a placeholder that nothing ever replaces, under a key of its own:
// whoever planted it does the work, and the other processes leave it to them.
// It guards nothing, advances no clock, and costs one round trip. It is needed
// where the key itself has no room for a placeholder: an entry stands there,
// stale or soon to be, and is to be refreshed; or what is done has another name.
type claim struct {
	key   driver.Key
	fence driver.Fence
	mine  bool
	// planted by this very question: otherwise it was taken over.
	planted bool
}

// lostClaim is a claim that another process has.
type lostClaim struct {
	token driver.Token
	since time.Time
	again time.Time // not asked for before
}

const (
	// claimScope sets claims apart from all keys: no view's scope begins with it.
	claimScope = "!"
	// claimMargin is what a claim stands beyond LeaseWait, after which it does not
	// count: clocks of stores are coarse.
	claimMargin = time.Second
	// maxLost bounds the claims that are remembered as others'. Forgetting costs a
	// question.
	maxLost = 10_000
)

// refreshClaim is the key of the claim to refresh an entry. It is another one for
// each lifetime of the entry, so that it need not be given back once the entry is
// refreshed: and who read the old entry before that finds it still.
func (e *engine) refreshClaim(key driver.Key, entry *driver.Entry) driver.Key {
	return e.claimKey(key.Scope, key.Name+"@"+strconv.FormatInt(entry.Life.Fresh, 36))
}

func (e *engine) claimKey(scope, name string) driver.Key {
	if len(claimScope)+len(scope)+len(name) > e.opts.MaxKey {
		name = hash(name)
	}
	return driver.Key{Scope: claimScope + scope, Name: name}
}

// claim asks for claims that stand for hold. One that another process has had
// for LeaseWait is taken over: the process may be dead.
//
// Whoever lost asks again later and later, so that what is read often does not
// become questions. An error is an outage.
func (e *engine) claim(ctx context.Context, hold time.Duration, keys ...driver.Key) ([]claim, error) {
	out := make([]claim, len(keys))
	ask := make([]driver.Key, 0, len(keys))
	e.flights.mu.Lock()
	for i, k := range keys {
		out[i].key = k
		if lost := e.flights.lost[k]; time.Now().Before(lost.again) {
			out[i].fence.Token = lost.token
		} else {
			ask = append(ask, k)
		}
	}
	e.flights.mu.Unlock()
	var readings []driver.KeyReading
	switch len(ask) {
	case 0:
		return out, nil
	case 1: // most stores plant one placeholder in fewer steps than many
		r, err := e.store.Get(ctx, ask[0], hold)
		if err != nil {
			return nil, err
		}
		readings = []driver.KeyReading{{Reading: r}}
	default:
		var err error
		if readings, err = driver.GetMany(ctx, e.store, ask, hold); err != nil {
			return nil, err
		}
	}
	e.flights.mu.Lock()
	defer e.flights.mu.Unlock()
	for i := range out {
		if c := &out[i]; c.fence.Token == 0 && len(readings) > 0 {
			c.fence = readings[0].Fence
			c.planted = readings[0].Planted
			c.mine = readings[0].Err != nil || e.wins(c.key, &readings[0].Reading)
			readings = readings[1:]
		}
	}
	return out, nil
}

// closing is an outage that nobody loads in spite of; nil under FailOpen, where the
// loader may still do.
func (e *engine) closing(outage error) error {
	if e.opts.OnOutage == FailClosed {
		return outage
	}
	return nil
}

// wins judges the answer to a question for a claim. flights.mu is held.
func (e *engine) wins(key driver.Key, r *driver.Reading) bool {
	now := time.Now()
	before, known := e.flights.lost[key]
	known = known && before.token == r.Fence.Token
	if r.Planted || r.Fence.Token == 0 || known && now.Sub(before.since) >= e.opts.LeaseWait {
		delete(e.flights.lost, key)
		return true
	}
	if !known {
		before = lostClaim{token: r.Fence.Token, since: now}
	}
	before.again = now.Add(max(lastPoll, now.Sub(before.since)))
	if over := before.since.Add(e.opts.LeaseWait); before.again.After(over) {
		before.again = over
	}
	if e.flights.lost == nil || len(e.flights.lost) >= maxLost {
		e.flights.lost = make(map[driver.Key]lostClaim)
	}
	e.flights.lost[key] = before
	return false
}

// leaves reports whether another process is known to refresh the entry.
// flights.mu is held.
func (e *engine) leaves(key driver.Key, entry *driver.Entry) bool {
	if !e.leases || entry == nil || len(e.flights.lost) == 0 {
		return false
	}
	return time.Now().Before(e.flights.lost[e.refreshClaim(key, entry)].again)
}

// end is the step that gives a claim back: a Fill of what has ended.
func (c *claim) end() driver.Item {
	return driver.Item{Key: c.key, Entry: &driver.Entry{Stamp: c.fence.Stamp}, Mode: driver.Fill, Token: c.fence.Token}
}

// yield is the turn of a flight whose entry another process may be refreshing.
// It returns what that process stored; or that the refresh is left to it,
// because nobody here waits for it; or neither, when it is the flight's turn.
func (e *engine) yield(v *view, f *flight) (entry *driver.Entry, left bool) {
	lost := lostLease{began: time.Now()}
	defer func() { v.reportLost(f.ctx, f.name, &lost) }()
	for p := (polling{engine: e, pause: firstPoll}); ; {
		claims, err := e.claim(f.ctx, e.opts.LeaseWait+claimMargin, e.refreshClaim(f.key.Key, f.previous))
		if err != nil {
			f.outage = e.closing(err)
			return nil, false
		}
		if f.claim = claims[0]; f.claim.mine {
			if !f.claim.planted {
				lost.end = LeaseGivenUp
			}
			return nil, false
		}
		lost.to = true
		if e.drop(f) {
			lost.end = LeaseLeft
			return nil, true
		}
		lost.end = LeaseGivenUp
		if !p.sleep(f.ctx) {
			return nil, false
		}
		at := found{key: f.key.Key, schema: f.key.schema}
		if f.outage = e.ask(f.ctx, e.hold, &at); f.outage != nil {
			return nil, false
		}
		if lost.end = LeaseGivenBack; e.refreshed(f, &at) {
			lost.end = LeaseServed
			return at.entry, false
		}
		if f.previous == nil {
			return nil, false // nothing is left to be refreshed
		}
	}
}

// refreshed reports whether a reading found what another process made in place
// of the flight's entry; if not, the flight begins at that reading.
func (e *engine) refreshed(f *flight, at *found) bool {
	if at.entry != nil && at.entry.Life.Fresh != f.previous.Life.Fresh && f.key.reads(at.entry) {
		return true
	}
	e.flights.mu.Lock()
	defer e.flights.mu.Unlock()
	if at.stale == nil && at.entry != nil && at.entry.Kind != driver.Negative {
		at.stale = at.entry // it is refreshed early
	}
	f.fence, f.previous = at.fence, at.stale
	return false
}

// drop ends a flight that nobody waits for, before it has done anything.
func (e *engine) drop(f *flight) bool {
	e.flights.mu.Lock()
	defer e.flights.mu.Unlock()
	if f.waiting > 0 {
		return false
	}
	e.unlink(f)
	return true
}

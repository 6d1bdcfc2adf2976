package cache

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/stratacache/strata/cache/driver"
)

// The token that a miss plants also tells other processes that somebody loads:
// they wait for the result. This only saves work. Whoever waits in vain loads
// too, and the store takes the first.

// How often a waiting process asks. It begins at what a quick load takes.
const (
	firstPoll = 4 * time.Millisecond
	lastPoll  = 100 * time.Millisecond
)

// maxOwn bounds the tokens that are remembered as this process's. Forgetting
// costs a wait.
const maxOwn = 10_000

// planted remembers a token that this process planted, or that it has given to
// a caller of Fence, who may come back with it.
func (e *engine) planted(t driver.Token, fenced bool) {
	if !e.leases || t == 0 {
		return
	}
	e.flights.mu.Lock()
	defer e.flights.mu.Unlock()
	if e.flights.own == nil || len(e.flights.own) >= maxOwn {
		e.flights.own = make(map[driver.Token]bool)
	}
	e.flights.own[t] = e.flights.own[t] || fenced
}

// elsewhere reports whether another process planted the token that at found.
// flights.mu is held.
func (e *engine) elsewhere(at *found) bool {
	if !e.leases || at.fence.Token == 0 || at.stale != nil {
		return false
	}
	_, own := e.flights.own[at.fence.Token]
	return !own
}

// await waits for what another process loads, and returns it, or nil when it is
// this process's turn.
func (e *engine) await(f *flight) *driver.Entry {
	pause := firstPoll
	for began := time.Now(); time.Since(began) < e.opts.LeaseWait; pause = min(pause*3/2, lastPoll) {
		select {
		case <-time.After(pause/2 + rand.N(pause)):
		case <-f.ctx.Done():
			return nil
		}
		at := found{key: f.key.Key, schema: f.key.schema}
		if f.outage = e.ask(f.ctx, e.hold, &at); f.outage != nil {
			return nil
		}
		if at.entry != nil && f.key.reads(at.entry) {
			// It was stored after all who joined saw the token that it replaced.
			return at.entry
		}
		e.flights.mu.Lock()
		f.fence, f.previous = at.fence, at.stale
		waits := at.entry == nil && e.elsewhere(&at)
		e.flights.mu.Unlock()
		if !waits {
			return nil
		}
	}
	return nil
}

// reads reports whether whoever loads k can read e.
func (k flightKey) reads(e *driver.Entry) bool {
	return e.Kind == driver.Negative || k.schema == 0 || k.schema == e.Schema ||
		k.schema == integerSchema && e.Kind == driver.Integer
}

// giveBack takes the tokens of loads that stored nothing out of the way, so that
// other processes do not wait for them.
func (e *engine) giveBack(flights ...*flight) {
	if !e.leases {
		return
	}
	var items []driver.Item
	for _, f := range flights {
		e.flights.mu.Lock()
		fenced, own := e.flights.own[f.fence.Token]
		e.flights.mu.Unlock()
		if own && !fenced && !f.result.stored && f.outage == nil && f.previous == nil {
			items = append(items, driver.Item{
				Key: f.key.Key, Entry: &driver.Entry{Stamp: f.fence.Stamp}, Mode: driver.Fill, Token: f.fence.Token,
			})
		}
	}
	if len(items) == 0 {
		return
	}
	// The loads' own context may have ended: that is often why there is nothing.
	ctx, cancel := context.WithTimeout(e.stopped, time.Second)
	defer cancel()
	_ = driver.PutMany(ctx, e.store, items)
}

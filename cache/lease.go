package cache

import (
	"context"
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

// await returns what was loaded since the flight's token was planted by somebody
// else, or nil when it is the flight's turn. In this process whoever planted it
// is done, or there would have been a flight to join; for another process it
// waits.
func (e *engine) await(v *view, f *flight) *driver.Entry {
	lost := lostLease{began: time.Now(), to: f.elsewhere, end: LeaseGivenUp}
	defer func() { v.reportLost(f.ctx, f.name, &lost) }()
	p := polling{engine: e, pause: firstPoll}
	for waits := f.elsewhere; ; {
		if waits && !p.sleep(f.ctx) {
			return nil
		}
		at := found{key: f.key.Key, schema: f.key.schema}
		if f.outage = e.ask(f.ctx, e.hold, &at); f.outage != nil {
			return nil
		}
		if at.entry != nil && f.key.reads(at.entry) {
			// It was stored after all who joined saw the token that it replaced.
			lost.end = LeaseServed
			return at.entry
		}
		e.flights.mu.Lock()
		f.fence, f.previous = at.fence, at.stale
		waits = at.entry == nil && e.elsewhere(&at)
		e.flights.mu.Unlock()
		lost.to = lost.to || waits
		switch {
		case !waits:
			lost.end = LeaseGivenBack
			return nil
		case time.Since(lost.began) >= e.opts.LeaseWait:
			return nil
		}
	}
}

// lostLease is what became of finding another process at work; to is false if
// none was found.
type lostLease struct {
	to    bool
	began time.Time
	end   LeaseEnd
}

func (v *view) reportLost(ctx context.Context, name string, l *lostLease) {
	if !l.to {
		return
	}
	v.engine.count.leasesLost.Add(1)
	if v.engine.opts.Hooks.Lease != nil {
		v.engine.opts.Hooks.Lease(ctx, LeaseInfo{Prefix: v.path, Key: name, End: l.end, Took: time.Since(l.began)})
	}
}

// polling is the time between two questions: it grows, and differs from one
// process to the next.
type polling struct {
	engine *engine
	pause  time.Duration
}

// sleep reports whether ctx goes on.
func (p *polling) sleep(ctx context.Context) bool {
	t := time.NewTimer(p.engine.around(p.pause))
	defer t.Stop()
	p.pause = min(p.pause*3/2, lastPoll)
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
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
		if f.claim.mine && f.claim.fence.Token != 0 && !f.kept {
			items = append(items, f.claim.end())
		}
		if own && !fenced && !f.result.stored && f.outage == nil && f.previous == nil {
			items = append(items, driver.Item{
				Key: f.key.Key, Entry: &driver.Entry{Stamp: f.fence.Stamp}, Mode: driver.Fill, Token: f.fence.Token,
			})
		}
	}
	if len(items) > 0 {
		e.putBack(items...)
	}
}

// putBack ends placeholders. The work's own context may have ended: that is
// often why there is nothing to store.
func (e *engine) putBack(items ...driver.Item) {
	ctx, cancel := context.WithTimeout(e.stopped, time.Second)
	defer cancel()
	_ = driver.PutMany(ctx, e.store, items)
}

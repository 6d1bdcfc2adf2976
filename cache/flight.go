package cache

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/stratacache/strata/cache/driver"
)

// flights are the loads under way, one for each key.
type flights struct {
	mu    sync.Mutex
	byKey map[flightKey]*flight
	// background counts those that go on without a waiting caller.
	background int
	// failed is until when a key whose loader failed is not tried again.
	failed map[flightKey]time.Time
	// own are tokens that this process planted, and whether a caller of Fence has
	// them.
	own map[driver.Token]bool
	// lost are claims that other processes have.
	lost map[driver.Key]lostClaim
}

// flightKey is a key and the schema of what is loaded: callers that want values
// of different types have nothing to give each other.
type flightKey struct {
	driver.Key
	schema uint64
}

// flight is one load and those who wait for it.
type flight struct {
	key    flightKey
	name   string
	fence  driver.Fence // where it began; zero if the store could not be asked
	outage error        // why it could not
	writes uint64       // engine.writes when it began
	began  time.Time
	ctx    context.Context
	cancel context.CancelFunc

	// Under flights.mu.
	waiting    int
	background bool // it goes on when nobody waits, in a place of Options.MaxBackground
	landed     bool
	storing    bool // the step that stores the result may have begun

	// late: somebody else planted the token, in this process or elsewhere, in
	// another one, and may have stored a value meanwhile.
	late, elsewhere bool
	// shared: another process may be refreshing the same entry. claim is this
	// one's right to do it, and kept that it is done.
	shared, kept bool
	claim        claim
	// previous is what stood under the key when it began, or nil.
	previous *driver.Entry

	done   chan struct{}
	result result // written before done is closed
}

// result is what a flight came to.
type result struct {
	entry  *driver.Entry
	err    error
	stored bool // the store took it
}

// pass is a caller's right to a flight's result.
type pass uint8

const (
	denied pass = iota
	// provisional: something was invalidated between the flight's beginning and
	// the caller's. The result is the caller's only if the store, which checks
	// that very thing, takes it after the caller joined.
	provisional
	// exact: nothing was invalidated since the flight began.
	exact
)

// admits decides whether a caller that read fence may wait for f. Without an
// answer of the store that is so while f is not older than bound.
func (f *flight) admits(fence driver.Fence, writes uint64, bound time.Duration) pass {
	switch {
	case fence.Stamp.Epoch == 0 || f.fence.Stamp.Epoch == 0:
		// The store did not answer one of them. Of this process it is known whether
		// it has written since. What others have invalidated is not, but they give
		// it until the bound to be seen.
		if fence == f.fence && f.writes == writes && time.Since(f.began) <= bound {
			return exact
		}
		return denied
	case fence == f.fence:
		return exact
	case fence.Token == f.fence.Token && fence.Token != 0 && fence.Stamp.Epoch == f.fence.Stamp.Epoch && !f.storing:
		return provisional
	}
	return denied
}

// admits is flight.admits. While an invalidation is owed the store's numbers do
// not tell that it was asked for; the client's own do.
func (e *engine) admits(f *flight, fence driver.Fence, writes uint64) pass {
	right := f.admits(fence, writes, e.opts.Staleness)
	if e.recovery.owed.Load() > 0 && (right != exact || f.writes != writes) {
		return denied
	}
	return right
}

// join makes the caller a waiter of the key's flight, or of a new one that it
// must start.
func (e *engine) join(ctx context.Context, at *found, name string, share bool) (f *flight, right pass, leads bool, err error) {
	e.flights.mu.Lock()
	defer e.flights.mu.Unlock()
	if e.closed.Load() {
		return nil, denied, false, ErrClosed
	}
	writes := e.writes.Load()
	key := flightKey{Key: at.key, schema: at.schema}
	if f := e.flights.byKey[key]; f != nil && share {
		if right := e.admits(f, at.fence, writes); right != denied {
			f.waiting++
			return f, right, false, nil
		}
	}
	f = e.newFlight(ctx, at, name)
	f.waiting = 1
	return f, exact, true, nil
}

// newFlight registers a flight that its caller must start. flights.mu is held.
func (e *engine) newFlight(ctx context.Context, at *found, name string) *flight {
	f := e.register(at, name)
	f.ctx, f.cancel = e.loadContext(ctx, []driver.Key{at.key})
	e.loads.Add(1)
	return f
}

// register makes a flight that has no context yet. flights.mu is held.
func (e *engine) register(at *found, name string) *flight {
	f := &flight{
		key: flightKey{Key: at.key, schema: at.schema}, name: name, fence: at.fence, writes: e.writes.Load(), began: time.Now(),
		previous: at.stale, elsewhere: e.elsewhere(at), done: make(chan struct{}),
	}
	f.late = !at.planted && at.fence.Token != 0 && at.stale == nil && at.flags&optRefresh == 0
	f.shared = e.leases && at.stale != nil && at.flags&optRefresh == 0
	e.flights.byKey[f.key] = f
	e.node.require(f.fence.Stamp)
	return f
}

// loadContext is the context of a loader for keys: it has the values of ctx, and
// not its end, nor a memo, whose values may be older than the load's fence.
func (e *engine) loadContext(ctx context.Context, keys []driver.Key) (context.Context, context.CancelFunc) {
	own, cancel := context.WithTimeout(context.WithoutCancel(ctx), e.opts.LoadTimeout)
	mark := &loadingMark{engine: e, keys: keys, outer: markOf(ctx), load: &Load{}}
	if r := e.request(ctx); r != nil && r.memo != nil {
		own = context.WithValue(own, requestKey{}, &request{access: r.access})
	}
	return context.WithValue(own, loadingKey{}, mark), cancel
}

// wait returns the flight's result, or leaves it when ctx ends, or after most
// with errPatience: then the flight goes on, if there is a place for it. A result
// that is there is returned, however late.
func (e *engine) wait(ctx context.Context, f *flight, most time.Duration) (result, error) {
	select {
	case <-f.done:
		return f.result, nil
	default:
		if ctx.Err() != nil { // and most may be used up, too
			e.leave(f, false)
			return result{}, context.Cause(ctx)
		}
	}
	var patience <-chan time.Time
	if most != Forever {
		t := time.NewTimer(most)
		defer t.Stop()
		patience = t.C
	}
	select {
	case <-f.done:
		return f.result, nil
	case <-ctx.Done():
		e.leave(f, false)
		return result{}, context.Cause(ctx)
	case <-patience:
		e.leave(f, true)
		return result{}, errPatience
	}
}

// errPatience: the caller has waited as long as it wants to.
var errPatience = errors.New("strata: waited long enough")

// leave ends a caller's waiting. The last one takes the flight with it, unless
// it is to go on and there is a place in the background.
func (e *engine) leave(f *flight, goesOn bool) {
	e.flights.mu.Lock()
	defer e.flights.mu.Unlock()
	f.waiting--
	if goesOn {
		e.toBackground(f)
	}
	if f.waiting == 0 && !f.background && !f.landed {
		e.unlink(f)
		f.cancel()
	}
}

// toBackground has f go on without callers, if there is a place for it.
// flights.mu is held.
func (e *engine) toBackground(f *flight) bool {
	if !f.background && !f.landed && e.flights.background < e.opts.MaxBackground {
		f.background = true
		e.flights.background++
	}
	return f.background
}

// unlink keeps new callers from f. flights.mu is held.
func (e *engine) unlink(f *flight) {
	if e.flights.byKey[f.key] == f {
		delete(e.flights.byKey, f.key)
	}
}

// land hands the result to all who wait.
func (e *engine) land(f *flight) {
	e.flights.mu.Lock()
	e.unlink(f)
	f.landed = true
	if f.background {
		e.flights.background--
	}
	e.flights.mu.Unlock()
	close(f.done)
}

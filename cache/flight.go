package cache

import (
	"context"
	"sync"

	"github.com/stratacache/strata/cache/driver"
)

// flights are the loads under way, one for each key.
type flights struct {
	mu    sync.Mutex
	byKey map[flightKey]*flight
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
	ctx    context.Context
	cancel context.CancelFunc

	// Under flights.mu.
	waiting int
	storing bool // the step that stores the result may have begun

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

// admits decides whether a caller that read fence may wait for f.
func (f *flight) admits(fence driver.Fence, writes uint64) pass {
	switch {
	case fence.Stamp.Epoch == 0 || f.fence.Stamp.Epoch == 0:
		// The store did not answer one of them: only this process's own writes are
		// known.
		if fence == f.fence && f.writes == writes {
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
		if right := f.admits(at.fence, writes); right != denied {
			f.waiting++
			return f, right, false, nil
		}
	}
	f = &flight{key: key, name: name, fence: at.fence, writes: writes, waiting: 1, done: make(chan struct{})}
	f.ctx, f.cancel = context.WithTimeout(context.WithoutCancel(ctx), e.opts.LoadTimeout)
	f.ctx = context.WithValue(f.ctx, loadingKey{}, &loadingMark{engine: e, key: at.key, outer: markOf(ctx)})
	e.flights.byKey[key] = f
	e.loads.Add(1)
	return f, exact, true, nil
}

// wait returns the flight's result, or leaves it when ctx ends.
func (e *engine) wait(ctx context.Context, f *flight) (result, error) {
	select {
	case <-f.done:
		return f.result, nil
	case <-ctx.Done():
	}
	e.flights.mu.Lock()
	defer e.flights.mu.Unlock()
	if f.waiting--; f.waiting == 0 {
		e.unlink(f)
		f.cancel()
	}
	return result{}, context.Cause(ctx)
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
	e.flights.mu.Unlock()
	close(f.done)
}

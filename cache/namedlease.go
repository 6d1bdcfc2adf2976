package cache

import (
	"context"
	"sync/atomic"
	"time"
)

// Lease says which of the processes that share a store does some work: see
// [Cache].Lease. Release may be called by any goroutine, once Wait has returned.
type Lease struct {
	view  *view
	name  string
	claim claim
	began time.Time
	held  atomic.Bool
	over  atomic.Bool
}

// Lease implements Cache.
func (v *view) Lease(ctx context.Context, name string) (*Lease, error) {
	e := v.engine
	if err := e.open(); err != nil {
		return nil, err
	}
	l := &Lease{view: v, name: name, began: time.Now()}
	if l.held.Store(true); !e.leases {
		return l, nil
	}
	claims, err := e.claim(ctx, e.hold, e.claimKey(v.scope, name))
	if err != nil {
		return nil, wrap("lease", name, err)
	}
	l.claim = claims[0]
	l.held.Store(l.claim.mine)
	return l, nil
}

// Held reports whether the work is this process's. Without a store that other
// processes share it always is.
func (l *Lease) Held() bool { return l.held.Load() }

// Wait returns when the process that holds the lease has released it; when it
// has held it for [Options].LeaseWait, and then the lease is held by the caller;
// or with an error, when ctx ends or the store fails. It is for whoever does not
// hold the lease, and is called once.
func (l *Lease) Wait(ctx context.Context) error {
	if l.Held() {
		return nil
	}
	e := l.view.engine
	lost := lostLease{to: true, began: l.began, end: LeaseGivenUp}
	defer func() { l.view.reportLost(ctx, l.name, &lost) }()
	patient, cancel := context.WithDeadline(ctx, l.began.Add(e.opts.LeaseWait))
	defer cancel()
	for p := (polling{engine: e, pause: firstPoll}); p.sleep(patient); {
		r, err := e.store.Get(patient, l.claim.key, 0)
		switch {
		case patient.Err() != nil:
		case err != nil:
			return wrap("lease", l.name, err)
		case r.Fence.Token != l.claim.fence.Token:
			lost.end = LeaseGivenBack
			return nil
		}
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	l.held.Store(true)
	return nil
}

// Release ends the lease, if it is held, so that no other process waits for it.
// It returns at once: the store is told in the background. It is idempotent; a
// nil lease is no lease.
func (l *Lease) Release() {
	if l == nil || l.over.Swap(true) || !l.Held() || l.claim.fence.Token == 0 {
		return
	}
	e := l.view.engine
	e.flights.mu.Lock()
	defer e.flights.mu.Unlock()
	if e.closed.Load() {
		return // it ends by itself
	}
	e.loads.Add(1)
	go func() {
		defer e.loads.Done()
		e.putBack(l.claim.end())
	}()
}

// Lease asks for a lease: see [Cache].Lease.
func (t Typed[V]) Lease(ctx context.Context, name string) (*Lease, error) {
	return t.view.Lease(ctx, name)
}

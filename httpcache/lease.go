package httpcache

import (
	"context"
	"net/http"
	"time"
)

// leased is what came of asking to be the process that makes a page.
type leased uint8

const (
	leaseHeld   leased = iota // this one makes it, or nobody can be asked any longer
	leaseOver                 // another one has had its turn
	leaseFailed               // there is no store to ask, or no client to ask for
)

// leaseFor asks other processes to wait for a flight, or waits for the one that
// is at the same page: until it has stored it, its header says that it is nobody
// else's, or it has had its time. Then there is either a page, or each makes its
// own: to wait in turn would add up.
func (c *Cache) leaseFor(f *flight, r *http.Request, until time.Time) leased {
	ctx, end := c.patience(r.Context())
	lease, err := c.pages.Lease(ctx, f.key)
	end()
	if err != nil {
		return leaseFailed
	}
	if f.lease = lease; lease.Held() {
		return leaseHeld
	}
	waiting, cancel := context.WithDeadline(r.Context(), until)
	defer cancel()
	switch err := lease.Wait(waiting); {
	case err == nil && !lease.Held():
		return leaseOver
	case err == nil, r.Context().Err() == nil && waiting.Err() != nil:
		return leaseHeld
	}
	return leaseFailed
}

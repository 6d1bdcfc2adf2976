package cache

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/stratacache/strata/cache/driver"
)

// Client owns a store and the tiers in front of it, and the loads that run on
// behalf of its callers. It is a [Cache], the one without prefixes unless
// [Options] give one.
type Client struct {
	*view
}

// New returns a client of store, which is the authoritative tier, and which it
// owns from now on. It does not touch the network. A nil opts is the zero
// Options. Contradictory options are an error that names them.
func New(store driver.Store, opts *Options) (*Client, error) {
	if store == nil {
		return nil, errors.New("cache.New: store is nil")
	}
	o, err := opts.withDefaults()
	if err != nil {
		return nil, err
	}
	if k, ok := driver.As[driver.ClockCounter](store); ok && k.Clocks() > 1 && len(o.Near) > 0 {
		return nil, fmt.Errorf("cache.Options.Near: the store keeps %d clocks, by which no copy can be judged", k.Clocks())
	}
	e := &engine{opts: o, seed: maphash.MakeSeed()}
	e.stopped, e.stop = context.WithCancel(context.Background())
	e.flights.byKey = make(map[flightKey]*flight)
	if o.MaxLoads > 0 {
		e.line = make(chan struct{}, o.MaxLoads)
	}
	e.hold = o.LoadTimeout + holdMargin
	e.keeps = keepsEntries(store)
	e.untimed = e.keeps && len(o.Near) == 0
	if e.log, e.node.logged = driver.Log(store); len(o.Near) == 0 {
		e.node.logged = false
	}
	e.leases = !e.keeps && o.LeaseWait > 0
	if !e.keeps {
		e.recovery.most = max(o.Recovery, 0)
		e.recovery.answers = make(chan struct{}, 1)
	}
	e.store = e.limit(store, len(o.Near), o.StoreTimeout)
	if _, ok := store.(driver.Peeker); ok && e.node.logged && o.StoreSoftTimeout == 0 {
		e.peeker = e.store.(driver.Peeker)
	}
	for i, t := range o.Near {
		near := nearTier{store: e.limit(t.Store, i, t.Timeout), ttl: cmp.Or(t.TTL, defaultNearTTL), keeps: keepsEntries(t.Store)}
		e.near = append(e.near, near)
		e.keeps = e.keeps || near.keeps
		e.remote = e.remote || !near.keeps
	}
	root := newView(e, "", o.Version).withPrefix(o.Prefix)
	return &Client{view: root}, nil
}

// Ping asks the authoritative store whether it would answer.
func (c *Client) Ping(ctx context.Context) error {
	if err := c.engine.open(); err != nil {
		return err
	}
	return wrap("ping", "", c.engine.store.Ping(ctx))
}

// DefaultTTL is the lifetime of entries that are stored without one: what
// [Options].TTL or a URL's timeout came to.
func (c *Client) DefaultTTL() time.Duration { return c.engine.opts.TTL }

// Close waits for the loads in flight until ctx ends and cancels what is left,
// sends the invalidations that are owed ([Options].Recovery) until ctx ends, or
// once if it cannot, and closes the tiers. What it could not send is
// ErrUndelivered. Whatever is called afterwards fails with ErrClosed. It is
// idempotent.
func (c *Client) Close(ctx context.Context) error { return c.engine.close(ctx) }

// engine is what all views of a client share.
type engine struct {
	opts           Options
	store          driver.Store
	near           []nearTier
	node           node
	log            driver.LogReader // of store, if it has one
	peeker         driver.Peeker    // the store, if what the log tells makes it worth it
	followers      sync.WaitGroup
	startFollowing sync.Once
	seed           maphash.Seed
	// untimed: reads need no clock, because the only tier is in this process.
	untimed bool
	// leases: other processes may be loading from the same store.
	leases bool
	// remote: some near tier is not memory, so that batches should ask it at once.
	remote bool
	keeps  bool          // some tier returns the very entries it was given
	hold   time.Duration // how long a fence stands
	count  counters      // see Stats
	loads  sync.WaitGroup
	// random is a number in [0, 1); nil: of math/rand/v2. A simulation sets it.
	random func() float64
	// writes counts the client's own acknowledged invalidations and writes.
	writes   atomic.Uint64
	flights  flights
	recovery recovery
	// line is where loaders wait for their turn; nil without Options.MaxLoads.
	line chan struct{}

	closed  atomic.Bool
	stopped context.Context // ends when loads must
	stop    context.CancelFunc
}

// chance is a number in [0, 1).
func (e *engine) chance() float64 {
	if e.random != nil {
		return e.random()
	}
	return rand.Float64()
}

// around is d, but for what keeps processes apart: from half of it to one and a
// half.
func (e *engine) around(d time.Duration) time.Duration {
	return d/2 + time.Duration(e.chance()*float64(d))
}

func keepsEntries(s driver.Store) bool {
	k, ok := driver.As[driver.EntryKeeper](s)
	return ok && k.KeepsEntries()
}

func (e *engine) open() error {
	if e.closed.Load() {
		return ErrClosed
	}
	return nil
}

func (e *engine) close(ctx context.Context) error {
	e.flights.mu.Lock()
	e.closed.Store(true) // under the lock: no load begins after it
	e.flights.mu.Unlock()

	drained := make(chan struct{})
	go func() {
		e.loads.Wait()
		close(drained)
	}()
	var err error
	select {
	case <-drained:
	case <-ctx.Done():
		err = context.Cause(ctx)
	}
	err = errors.Join(err, e.drain(ctx))
	e.stop()
	e.followers.Wait()
	for _, t := range e.near {
		err = errors.Join(err, t.store.Close(ctx))
	}
	return errors.Join(err, e.store.Close(ctx))
}

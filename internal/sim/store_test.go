package sim

import (
	"context"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/stratacache/strata/cache/driver"
	"github.com/stratacache/strata/cache/drivertest"
)

// atOnce is a line without a schedule: each step is done when it is asked for.
type atOnce struct {
	mu     *sync.Mutex
	closed bool
}

func (l *atOnce) carry(ctx context.Context, c *call) error {
	for {
		l.mu.Lock()
		switch {
		case l.closed:
			l.mu.Unlock()
			return driver.ErrClosed
		case ctx.Err() != nil:
			l.mu.Unlock()
			return context.Cause(ctx)
		case len(c.steps) == 0:
			l.mu.Unlock()
			return nil
		case c.ready == nil || c.ready():
			c.steps[0]()
			c.steps, c.ready = c.steps[1:], nil
			l.mu.Unlock()
		default:
			l.mu.Unlock()
			time.Sleep(time.Millisecond)
		}
	}
}

func (l *atOnce) hangUp() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
}

// older is what the store says of a Set in several steps.
const older = "the clock is moved on after the entry stands, which carries the number before"

// The store of the simulation keeps the rules of a store: what it finds is not
// the store's.
func TestStore(t *testing.T) {
	t.Parallel()
	for name, split := range map[string]bool{"one step": false, "several steps": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			open := func(a *authority, mu *sync.Mutex) driver.Store {
				return (&link{to: a, carrier: &atOnce{mu: mu}}).store(true, true)
			}
			var limits map[string]string
			if split {
				limits = map[string]string{
					"all that an entry holds comes back":              older,
					"LL-078 incr keeps the lifetime, tags and schema": older,
				}
			}
			drivertest.Run(t, drivertest.Harness{
				Limits: limits,
				Open: func(testing.TB) driver.Store {
					a := newAuthority(rand.New(rand.NewPCG(1, 2)), "")
					a.split = split
					return open(a, new(sync.Mutex))
				},
				Again: func(_ testing.TB, s driver.Store) driver.Store {
					l := s.(withLogMany).link
					return open(l.to, l.carrier.(*atOnce).mu)
				},
				LoseMeta: func(_ testing.TB, s driver.Store) {
					l := s.(withLogMany).link
					mu := l.carrier.(*atOnce).mu
					mu.Lock()
					defer mu.Unlock()
					l.to.meta = nil
				},
				Bubble: true,
			})
		})
	}
}

package memcachedstore

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/stratacache/strata/cache/driver"
)

// call is one call of a method: its context, and the instant at which it gives
// up.
type call struct {
	ctx      context.Context
	deadline time.Time
	timeout  time.Time // the deadline, but for the context
}

// begin is the start of each call.
func (s *Store) begin(ctx context.Context) (call, error) {
	if s.closed.Load() {
		return call{}, driver.ErrClosed
	}
	if err := ctx.Err(); err != nil {
		return call{}, fmt.Errorf("memcachedstore: %w", err)
	}
	return callUntil(ctx, time.Now().Add(s.timeout)), nil
}

func callUntil(ctx context.Context, timeout time.Time) call {
	c := call{ctx, timeout, timeout}
	if end, ok := ctx.Deadline(); ok && end.Before(c.deadline) {
		c.deadline = end
	}
	return c
}

// again reports whether a call may try once more: what it read was changed by
// somebody else before it could write. It gives way to others now and then.
func (c *call) again(attempt int) error {
	const most = 10_000
	if err := c.ctx.Err(); err != nil {
		return fmt.Errorf("memcachedstore: %w", err)
	}
	if attempt > most || attempt > 0 && !time.Now().Before(c.deadline) {
		return errors.New("memcachedstore: what is stored keeps changing")
	}
	return nil
}

// do does ops: those of one server in their order and in one round trip, those
// of several servers at the same time. Each op has its own error.
func (c *call) do(ops []op) { c.trip(ops, true) }

// doOnce is do for what must not be done twice, because who asks again would
// take its own work for somebody else's.
func (c *call) doOnce(ops []op) { c.trip(ops, false) }

func (c *call) trip(ops []op, again bool) {
	if len(ops) == 0 {
		return
	}
	if one := ops[0].server; !mixed(ops) {
		c.ask(one, ops, again)
		return
	}
	parts, at := make(map[*server][]op), make(map[*server][]int)
	for i := range ops {
		s := ops[i].server
		parts[s] = append(parts[s], ops[i])
		at[s] = append(at[s], i)
	}
	var wg sync.WaitGroup
	for s, part := range parts {
		wg.Go(func() { c.ask(s, part, again) })
	}
	wg.Wait()
	for s, part := range parts {
		for i, o := range part {
			ops[at[s][i]] = o
		}
	}
}

func mixed(ops []op) bool {
	for i := range ops[1:] {
		if ops[i+1].server != ops[0].server {
			return true
		}
	}
	return false
}

// ask does ops, which are all for s.
func (c *call) ask(s *server, ops []op, again bool) {
	err := s.roundTrip(c.ctx, c.deadline, ops, again)
	if err == nil {
		return
	}
	err = c.outage(s, err)
	for i := range ops {
		ops[i].err = err
	}
}

// outage says what failed. A call that failed because its context ended says so:
// the connection's deadline may pass a moment before the context's.
func (c *call) outage(s *server, err error) error {
	if errors.Is(err, driver.ErrClosed) {
		return err
	}
	if c.ctx.Err() != nil {
		err = c.ctx.Err()
	} else if end, ok := c.ctx.Deadline(); ok && errors.Is(err, os.ErrDeadlineExceeded) && !time.Now().Before(end) {
		err = context.DeadlineExceeded
	}
	return fmt.Errorf("memcachedstore: server %s: %w", s.address, err)
}

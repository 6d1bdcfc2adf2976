package httpcache

import (
	"context"
	"sync"
	"time"
)

// patience is a context with a deadline that sets no timer until somebody waits
// for it: a store in memory never does, and a hit then costs no more than this
// struct.
type patience struct {
	context.Context
	deadline time.Time

	mu     sync.Mutex
	inner  context.Context
	cancel context.CancelFunc
	ended  bool
}

// Deadline implements context.Context.
func (p *patience) Deadline() (time.Time, bool) {
	if d, ok := p.Context.Deadline(); ok && d.Before(p.deadline) {
		return d, true
	}
	return p.deadline, true
}

// Done implements context.Context.
func (p *patience) Done() <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.inner == nil {
		p.inner, p.cancel = context.WithDeadline(p.Context, p.deadline)
		if p.ended {
			p.cancel()
		}
	}
	return p.inner.Done()
}

// Err implements context.Context.
func (p *patience) Err() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.inner != nil:
		return p.inner.Err()
	case p.ended:
		return context.Canceled
	case p.Context.Err() != nil:
		return p.Context.Err()
	case time.Until(p.deadline) <= 0: // half the price of time.Now
		return context.DeadlineExceeded
	}
	return nil
}

// end releases the timer, if there is one.
func (p *patience) end() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ended = true
	if p.cancel != nil {
		p.cancel()
	}
}

// Package gather has calls that come at once go to a server together.
//
// A few run at once, each by itself, and what comes meanwhile waits. When one has
// ended, all that wait go as one call: a call alone goes as it came, nobody waits in
// the hope of more, and the more there are, the fewer are the round trips for each.
package gather

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"time"

	"github.com/stratacache/strata/cache/driver"
)

// Answer is what one of several calls gets.
type Answer[A any] struct {
	Value A
	Err   error
}

// Group gathers calls of one kind, for which Q is what they ask. Its fields are set before
// its first use.
type Group[Q, A any] struct {
	// Op is what the error of a call says that waited and left.
	Op string
	// Width is how many run at once, one alone or several together, before others
	// wait: one that waits then does so for about a Width-th of a round trip.
	Width int
	// Max is how many go together at most.
	Max int
	// Patience is how long they wait at most: then they go, though Width are still
	// running. 0: until one of those has ended.
	Patience time.Duration
	// One runs a call by itself, on the goroutine and in the context of its caller.
	One func(context.Context, Q) (A, error)
	// Many runs several, and answers them in their order. Its context has the values
	// of the first one's, and ends when nobody waits for it any more.
	Many func(context.Context, []Q) []Answer[A]

	mu      sync.Mutex
	running int
	waiting []*call[Q, A]
	overdue *time.Timer // runs while anybody waits
	closed  bool
	batches sync.WaitGroup
}

// call is one that waits.
type call[Q, A any] struct {
	ctx    context.Context
	ask    Q
	batch  *batch[Q, A] // that it went with
	answer Answer[A]
	panic  any // in place of an answer
	done   chan struct{}
}

// batch is calls that go together.
type batch[Q, A any] struct {
	calls   []*call[Q, A]
	staying int // those who still wait for it
	ctx     context.Context
	cancel  context.CancelFunc
}

// Do makes a call. If ctx ends while it waits it returns at once; what it asked for
// may then happen all the same, as with any call whose answer was lost.
func (g *Group[Q, A]) Do(ctx context.Context, ask Q) (A, error) {
	g.mu.Lock()
	if g.closed {
		g.mu.Unlock()
		var none A
		return none, driver.ErrClosed
	}
	if g.running < g.Width {
		g.running++
		g.mu.Unlock()
		defer g.next()
		return g.One(ctx, ask)
	}
	c := &call[Q, A]{ctx: ctx, ask: ask, done: make(chan struct{})}
	if g.waiting = append(g.waiting, c); len(g.waiting) == 1 {
		g.watch()
	}
	g.mu.Unlock()
	select {
	case <-c.done:
		if c.panic != nil {
			panic(c.panic)
		}
		return c.answer.Value, c.answer.Err
	case <-ctx.Done():
		g.leave(c)
		var none A
		return none, fmt.Errorf("%s: %w", g.Op, ctx.Err())
	}
}

// leave is for a call that waits no longer.
func (g *Group[Q, A]) leave(c *call[Q, A]) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if c.batch != nil {
		if c.batch.staying--; c.batch.staying == 0 {
			c.batch.cancel()
		}
		return
	}
	for i, other := range g.waiting {
		if other == c {
			g.waiting = append(g.waiting[:i], g.waiting[i+1:]...)
			return
		}
	}
}

// next gives the place of what has ended to those who wait.
func (g *Group[Q, A]) next() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if b := g.take(); b != nil {
		g.batches.Go(func() { g.together(b) })
	}
}

// watch has those who begin to wait go in time. g.mu is held.
func (g *Group[Q, A]) watch() {
	switch {
	case g.Patience <= 0:
	case g.overdue == nil:
		g.overdue = time.AfterFunc(g.Patience, g.hurry)
	default:
		g.overdue.Reset(g.Patience)
	}
}

// hurry has those who wait go in places more than there are.
func (g *Group[Q, A]) hurry() {
	g.mu.Lock()
	defer g.mu.Unlock()
	for len(g.waiting) > 0 {
		g.running++
		b := g.bundle()
		g.batches.Go(func() { g.together(b) })
	}
}

// together runs a batch, and what waits then, until nothing does.
func (g *Group[Q, A]) together(b *batch[Q, A]) {
	for b != nil {
		g.run(b)
		runtime.Gosched() // those who were answered and ask again at once go with the next
		g.mu.Lock()
		b = g.take()
		g.mu.Unlock()
	}
}

var errLost = errors.New("gather: there was no answer")

// run answers a batch. A panic is each caller's, as if it had called by itself.
func (g *Group[Q, A]) run(b *batch[Q, A]) {
	defer func() {
		p := recover()
		b.cancel()
		for _, c := range b.calls {
			c.panic = p
			close(c.done)
		}
	}()
	asks := make([]Q, len(b.calls))
	for i, c := range b.calls {
		asks[i], c.answer.Err = c.ask, errLost
	}
	for i, a := range g.Many(b.ctx, asks) {
		b.calls[i].answer = a
	}
}

// take takes those who wait for a place that is free, or gives it up if there are none,
// or there was one too many. g.mu is held.
func (g *Group[Q, A]) take() *batch[Q, A] {
	if len(g.waiting) == 0 || g.running > g.Width {
		g.running--
		return nil
	}
	return g.bundle()
}

// bundle is the first of those who wait, who then do no longer. g.mu is held.
func (g *Group[Q, A]) bundle() *batch[Q, A] {
	n := min(len(g.waiting), g.Max)
	b := &batch[Q, A]{calls: g.waiting[:n:n], staying: n}
	if g.waiting = g.waiting[n:]; len(g.waiting) > 0 {
		g.watch()
	} else {
		g.waiting = make([]*call[Q, A], 0, n) // as many as come next, perhaps
		if g.overdue != nil {
			g.overdue.Stop()
		}
	}
	b.ctx, b.cancel = lasting(b.calls)
	for _, c := range b.calls {
		c.batch = b
	}
	return b
}

// lasting is a context that lasts as long as the longest of the calls'.
func lasting[Q, A any](calls []*call[Q, A]) (context.Context, context.CancelFunc) {
	ctx := context.WithoutCancel(calls[0].ctx)
	var last time.Time
	for _, c := range calls {
		end, ok := c.ctx.Deadline()
		if !ok {
			return context.WithCancel(ctx)
		}
		if end.After(last) {
			last = end
		}
	}
	return context.WithDeadline(ctx, last)
}

// Close refuses what waits and what comes later, with driver.ErrClosed, and waits until
// ctx ends for what runs together.
func (g *Group[Q, A]) Close(ctx context.Context) error {
	g.mu.Lock()
	g.closed = true
	for _, c := range g.waiting {
		c.answer.Err = driver.ErrClosed
		close(c.done)
	}
	g.waiting = nil
	if g.overdue != nil {
		g.overdue.Stop()
	}
	g.mu.Unlock()
	ended := make(chan struct{})
	go func() {
		g.batches.Wait()
		close(ended)
	}()
	select {
	case <-ended:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

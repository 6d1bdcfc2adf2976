package sim

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"testing/synctest"
	"time"
)

// errLost is what a call comes to whose request or reply was lost.
var errLost = errors.New("sim: the connection was lost")

// parked is what the schedule knows of a call.
type parked struct {
	who  string   // who asked, the same in each run
	from *process // nil: it goes to the database
	seq  int
	held int // the step before which it does not move on
	done chan error

	left atomic.Bool // nobody waits for the reply any more
}

type whoKey struct{}

// as names the actor of what is done in the context, and so of what the engine
// does in its name.
func as(ctx context.Context, who string) context.Context {
	return context.WithValue(ctx, whoKey{}, who)
}

func who(ctx context.Context) string {
	s, _ := ctx.Value(whoKey{}).(string)
	return s
}

// park holds a call up until the schedule has moved it to its end, or its
// context ends.
func (w *world) park(ctx context.Context, c *call) error {
	c.who = who(ctx)
	c.done = make(chan error, 1)
	w.mu.Lock()
	switch {
	case c.from != nil && c.from.dead:
		w.mu.Unlock()
		return errLost
	case ctx.Err() != nil:
		w.mu.Unlock()
		return context.Cause(ctx)
	}
	w.arrived = append(w.arrived, c)
	w.mu.Unlock()
	select {
	case err := <-c.done:
		return err
	case <-ctx.Done():
	}
	select {
	case err := <-c.done: // both at once: the reply came
		return err
	default:
	}
	c.left.Store(true)
	return context.Cause(ctx)
}

// settle waits until nobody can go on without the schedule, and takes in what
// has come up: calls in an order that is the same in each run, then results.
func (w *world) settle() {
	// Each step takes a moment: what follows another thing is later.
	time.Sleep(time.Microsecond)
	synctest.Wait()
	w.mu.Lock()
	arrived := w.arrived
	w.arrived = nil
	returned := w.returned
	w.returned = nil
	late := w.late
	w.late = nil
	w.mu.Unlock()
	for _, problem := range late {
		w.wrong("%s", problem)
	}
	if len(arrived) > 1 {
		slices.SortStableFunc(arrived, func(a, b *call) int {
			if n := cmp.Or(cmp.Compare(a.line(), b.line()), cmp.Compare(a.who, b.who), cmp.Compare(a.what, b.what)); n != 0 {
				return n
			}
			return cmp.Compare(fmt.Sprint(a.args...), fmt.Sprint(b.args...))
		})
	}
	for _, c := range arrived {
		w.seq++
		c.seq = w.seq
		if w.chance(w.slow) || c.from == nil && w.chance(w.slowLoads/2) {
			c.held = w.step + w.random.IntN(w.slowest)
		}
		w.note(c.line(), c.who, "? "+c.what, c.args...)
	}
	w.calls = append(w.calls, arrived...)
	w.calls = slices.DeleteFunc(w.calls, func(c *call) bool {
		if !c.left.Load() {
			return false
		}
		// Nobody waits any more. The request may still be on its way, but no two
		// plain Sets: the one that arrives last wins.
		if !w.draining && !c.once && c.from != nil && w.chance(50) {
			c.left.Store(false)
			c.once = true
			w.note(c.line(), c.who, "… goes on: "+c.what, c.args...)
			return false
		}
		w.note(c.line(), c.who, "× given up: "+c.what, c.args...)
		return true
	})
	slices.SortFunc(returned, func(a, b *actor) int { return cmp.Compare(a.name, b.name) })
	for _, a := range returned {
		a.busy = false
		a.report()
	}
	w.checkStore()
}

func (c *call) line() string {
	if c.from == nil {
		return "database"
	}
	return c.from.name
}

// movable reports whether c can be moved on now.
func (w *world) movable(c *call) bool {
	if c.held > w.step && !w.draining {
		return false
	}
	if p := c.from; p != nil {
		if p.hangs || p.logHangs && c.log {
			return false
		}
	}
	return c.ready == nil || c.ready()
}

// move takes c one step on.
func (w *world) move(c *call) {
	faulty := !w.draining && c.from != nil
	switch {
	case faulty && (c.from.fails || c.from.readsFail && c.reads), faulty && w.chance(w.lostRequests):
		w.answer(c, errLost, "lost")
		return
	case len(c.steps) > 0:
		c.steps[0]()
		c.steps, c.ready = c.steps[1:], nil
		late := w.slowReplies
		if c.log {
			late = w.lateLog
		}
		if len(c.steps) > 0 || !w.draining && w.chance(late) {
			if w.chance(late) {
				c.held = w.step + w.random.IntN(w.slowest)
			}
			w.note(c.line(), c.who, "! "+c.what, c.args...)
			return
		}
	}
	if faulty && w.chance(w.lostReplies) {
		w.answer(c, errLost, "done, reply lost")
		return
	}
	if c.last != nil {
		c.last()
	}
	w.answer(c, nil, "done")
}

func (w *world) answer(c *call, err error, outcome string) {
	w.note(c.line(), c.who, "= "+outcome+": "+c.what, c.args...)
	w.calls = slices.DeleteFunc(w.calls, func(o *call) bool { return o == c })
	c.done <- err
	w.settle()
}

// pass lets time pass. Whoever follows the log is mostly answered meanwhile.
func (w *world) pass(d time.Duration) {
	w.note("", "", "%v pass", d)
	for d > 0 {
		piece := min(d, w.bound/8)
		d -= piece
		time.Sleep(piece)
		w.settle()
		for _, c := range slices.Clone(w.calls) {
			if c.log && !c.left.Load() && w.movable(c) && (w.draining || w.chance(w.logDiligence)) {
				w.move(c)
			}
		}
	}
}

// chance is true in percent of all cases.
func (w *world) chance(percent int) bool { return percent > 0 && w.random.IntN(100) < percent }

package drivertest

import (
	"context"
	"errors"
	"time"

	"github.com/stratacache/strata/cache"
	"github.com/stratacache/strata/cache/driver"
)

// patience is the deadline of calls of a dead server. Nothing is asserted of
// the time they take but that they end.
const patience = 250 * time.Millisecond

// outage checks that err is one, and no answer.
func (w *world) outage(what string, err error) {
	w.t.Helper()
	switch {
	case err == nil:
		w.fail("%s: got no error", what)
	case isSentinel(err):
		w.fail("%s: got error %v, which is an answer and no outage", what, err)
	}
}

func outages() []rule {
	return []rule{
		{"a dead server is an error of every call within its deadline", deadServer, func(w *world) {
			w.store = w.closing(w.h.Dead(w.t))
			w.each(func(ctx context.Context) map[string]func() error { return w.calls(ctx) })
		}},
		{"a dead server is an error of every call of a client, and no answer", deadServer, func(w *world) {
			c := w.clientOf(w.h.Dead(w.t), nil)
			w.each(func(ctx context.Context) map[string]func() error {
				calls := clientCalls(ctx, c, cache.Fence{})
				delete(calls, "Fill") // they need a fence, which only a live server gives
				delete(calls, "Set with a fence")
				return calls
			})
		}},
		{"with a dead server get-or-set answers from the loader", deadServer, func(w *world) {
			c := w.clientOf(w.h.Dead(w.t), nil)
			w.answers(c)
		}},
		{"a dead server can be closed", deadServer, func(w *world) {
			s := w.h.Dead(w.t)
			w.must("Close", s.Close(w.ctx))
			_, err := s.Get(w.ctx, keyOf("k"), 0)
			w.is("Get after Close", err, driver.ErrClosed)
		}},
		{"when the store fails, every call of a client says so, and get-or-set answers", nothing, func(w *world) {
			faulty := NewFaulty(w.store, nil)
			c := w.clientOf(faulty, nil)
			f, err := c.Fence(w.ctx, "k")
			w.must("Fence", err)
			faulty.Plan(func(Call) Fault { return Fault{Err: ErrFault} })
			for name, call := range clientCalls(w.ctx, c, f) {
				err := call()
				w.outage(name, err)
				w.is(name, err, ErrFault)
				w.is(name, err, cache.ErrUnavailable)
				if _, ok := errors.AsType[*cache.Error](err); !ok {
					w.fail("%s: got error %v, want one in a *cache.Error", name, err)
				}
			}
			w.answers(c)
			faulty.Plan(nil)
			same(w, "Get once the store works again", w.look(c, "loaded"), nowhere)
		}},
		{"when the store hangs, every call of a client ends with its context", nothing, func(w *world) {
			faulty := NewFaulty(w.store, nil)
			c := w.clientOf(faulty, nil)
			f, err := c.Fence(w.ctx, "k")
			w.must("Fence", err)
			faulty.Plan(func(Call) Fault { return Fault{Hang: true} })
			ctx, cancel := context.WithTimeout(w.ctx, w.h.Moment)
			defer cancel()
			for name, call := range clientCalls(ctx, c, f) {
				err := call()
				w.outage(name, err)
				w.is(name, err, context.DeadlineExceeded)
			}
		}},
		{"when only storing fails, get-or-set still answers", nothing, func(w *world) {
			faulty := NewFaulty(w.store, On(Fault{Err: ErrFault}, "Put"))
			c := w.clientOf(faulty, nil)
			w.answers(c)
			same(w, "store errors counted", c.Stats().StoreErrors, 2)
		}},
		{"a write whose reply is lost has happened or not, and is an error", nothing, func(w *world) {
			faulty := NewFaulty(w.store, On(Fault{Lost: true}, "Put", "Invalidate"))
			c := w.clientOf(faulty, nil)
			w.is("Set", c.Set(w.ctx, "k", []byte("v")), ErrFault)
			same(w, "Get", w.look(c, "k"), "v")
			_, err := c.Delete(w.ctx, "k")
			w.is("Delete", err, ErrFault)
			same(w, "Get after it", w.look(c, "k"), nowhere)
		}},
		{"a fill and an invalidation may be sent again when their reply is lost", nothing, func(w *world) {
			f := w.fence("k")
			w.fill("k", entry("v", "t"), f)
			same(w, "the same fill again", w.fill("k", entry("v", "t"), f), false)
			same(w, "Get", w.read("k"), "v")
			w.invalidate("t")
			w.invalidate("t")
			same(w, "Get", w.read("k"), nowhere)
			w.must("Ping", w.store.Ping(w.ctx))
			g := w.fence("k")
			same(w, "a load that began after both", w.fill("k", entry("w", "t"), g), true)
		}},
		{"under random faults no stale value is read", nothing, func(w *world) {
			faulty := NewFaulty(w.store, Seeded(1, map[string]Odds{
				"":           {Error: 0.1, Lost: 0.1, Delay: 200 * time.Microsecond},
				"Invalidate": {Error: 0.3, Lost: 0.3},
			}))
			one, two := w.clientOf(faulty, nil), w.clientOf(faulty, nil)
			for version := range 60 {
				c := one
				if version%2 == 1 {
					c = two
				}
				load := func(context.Context) (int, error) { return version, nil }
				w.until("the acknowledgement of an invalidation", func() bool { return c.Invalidate(w.ctx, "t") == nil })
				for _, r := range []*cache.Client{one, two, one} {
					got, err := cache.For[int](r).GetOrSet(w.ctx, "k", load, cache.Tags("t"))
					w.must("GetOrSet", err)
					same(w, "GetOrSet", got, version)
				}
			}
		}},
	}
}

// each runs all calls at once, with a deadline, and checks that each is an
// outage and ends.
func (w *world) each(calls func(context.Context) map[string]func() error) {
	ctx, cancel := context.WithTimeout(w.ctx, patience)
	defer cancel()
	type answer struct {
		name string
		err  error
	}
	running := calls(ctx)
	ended := make(chan answer, len(running))
	for name, call := range running {
		go func() { ended <- answer{name, call()} }()
	}
	late := time.After(20 * patience)
	for len(running) > 0 {
		select {
		case a := <-ended:
			w.outage(a.name, a.err)
			delete(running, a.name)
		case <-late:
			for name := range running {
				w.fail("%s: still runs long after its deadline of %v", name, patience)
			}
			return
		}
	}
}

// answers checks that GetOrSet answers without a store.
func (w *world) answers(c *cache.Client) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.ctx, time.Minute)
	defer cancel()
	var l loads
	b, err := c.GetOrSet(ctx, "loaded", l.of("v"))
	w.must("GetOrSet", err)
	same(w, "GetOrSet", string(b), "v")
	n, err := cache.For[int](c).GetOrSet(ctx, "typed", func(context.Context) (int, error) { return 7, nil })
	w.must("Typed.GetOrSet", err)
	same(w, "Typed.GetOrSet", n, 7)
	same(w, "loads", l.n.Load(), 1)
}

package drivertest

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/stratacache/strata/cache/driver"
)

// ErrFault is the error of a fault that names none.
var ErrFault = errors.New("drivertest: a fault on purpose")

// Call is one call of a store that may fail.
type Call struct {
	Method string // "Get", "Put", "Touch", "Incr", "Invalidate", "Ping", "GetMany", "PutMany" or "Move"
	Mode   driver.Mode
	Keys   []driver.Key // not to be changed
	N      int          // counts the calls of the Faulty, from 1
}

// Fault is what goes wrong with a call. The zero Fault is none.
type Fault struct {
	// Delay passes first, or until the context ends, which then is the error.
	Delay time.Duration
	// Hang waits until the context ends. The inner call does not happen.
	Hang bool
	// Err is returned. The inner call does not happen unless Lost.
	Err error
	// Lost is a lost reply: the inner call happens, and Err (or ErrFault) is
	// returned whatever it said.
	Lost bool
}

// Faulty is a store that fails as it is told to, over one that works. It has no
// Unwrap, so that nothing goes around it: it is a ManyGetter, ManyPutter and
// Mover by whatever the inner store can do, and an EntryKeeper if that is one.
// It is safe for concurrent use. Close is never made to fail.
type Faulty struct {
	inner driver.Store
	plan  atomic.Pointer[func(Call) Fault]
	calls atomic.Int64
}

var (
	_ driver.Store       = (*Faulty)(nil)
	_ driver.ManyGetter  = (*Faulty)(nil)
	_ driver.ManyPutter  = (*Faulty)(nil)
	_ driver.Mover       = (*Faulty)(nil)
	_ driver.EntryKeeper = (*Faulty)(nil)
)

// NewFaulty returns a store over inner that asks plan about each call. A nil
// plan lets all calls through. plan is called concurrently.
func NewFaulty(inner driver.Store, plan func(Call) Fault) *Faulty {
	f := &Faulty{inner: inner}
	f.Plan(plan)
	return f
}

// Plan replaces the plan for calls from now on; nil heals the store.
func (f *Faulty) Plan(plan func(Call) Fault) {
	if plan == nil {
		plan = func(Call) Fault { return Fault{} }
	}
	f.plan.Store(&plan)
}

// Calls is the number of calls so far, Close apart.
func (f *Faulty) Calls() int { return int(f.calls.Load()) }

// On is a plan that has every call of the named methods fail in one way.
func On(fault Fault, methods ...string) func(Call) Fault {
	return func(c Call) Fault {
		for _, m := range methods {
			if m == c.Method {
				return fault
			}
		}
		return Fault{}
	}
}

// Odds are probabilities from 0 to 1 of what may go wrong with a call. At most
// one of the three does.
type Odds struct {
	Error, Lost, Hang float64
	// Delay is the longest delay of a call; each gets a random part of it.
	Delay time.Duration
}

// Seeded is a plan of random faults with the odds of each method; those of ""
// are for methods that are not named. For one order of calls, the same seed
// plans the same faults.
func Seeded(seed uint64, odds map[string]Odds) func(Call) Fault {
	var mu sync.Mutex
	rng := rand.New(rand.NewPCG(seed, seed))
	return func(c Call) Fault {
		o, ok := odds[c.Method]
		if !ok {
			o = odds[""]
		}
		mu.Lock()
		p, wait := rng.Float64(), rng.Float64()
		mu.Unlock()
		fault := Fault{Delay: time.Duration(wait * float64(o.Delay))}
		switch {
		case p < o.Error:
			fault.Err = ErrFault
		case p < o.Error+o.Lost:
			fault.Lost = true
		case p < o.Error+o.Lost+o.Hang:
			fault.Hang = true
		}
		return fault
	}
}

// do has one call go right or wrong.
func (f *Faulty) do(ctx context.Context, c Call, call func() error) error {
	c.N = int(f.calls.Add(1))
	fault := (*f.plan.Load())(c)
	if fault.Delay > 0 {
		timer := time.NewTimer(fault.Delay)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	switch {
	case fault.Hang:
		<-ctx.Done()
		return context.Cause(ctx)
	case fault.Lost:
		_ = call()
		if fault.Err == nil {
			return ErrFault
		}
		return fault.Err
	case fault.Err != nil:
		return fault.Err
	}
	return call()
}

// run is do for a call with a result, which a fault takes away.
func run[T any](ctx context.Context, f *Faulty, c Call, call func() (T, error)) (T, error) {
	var out T
	err := f.do(ctx, c, func() (err error) {
		out, err = call()
		return err
	})
	if err != nil {
		var none T
		return none, err
	}
	return out, nil
}

// Get implements driver.Store.
func (f *Faulty) Get(ctx context.Context, key driver.Key, hold time.Duration) (driver.Reading, error) {
	return run(ctx, f, Call{Method: "Get", Keys: []driver.Key{key}}, func() (driver.Reading, error) {
		return f.inner.Get(ctx, key, hold)
	})
}

// Put implements driver.Store.
func (f *Faulty) Put(ctx context.Context, key driver.Key, e *driver.Entry, mode driver.Mode, token driver.Token) (driver.Result, error) {
	return run(ctx, f, Call{Method: "Put", Mode: mode, Keys: []driver.Key{key}}, func() (driver.Result, error) {
		return f.inner.Put(ctx, key, e, mode, token)
	})
}

// Touch implements driver.Store.
func (f *Faulty) Touch(ctx context.Context, key driver.Key, life driver.Life) (driver.Result, error) {
	return run(ctx, f, Call{Method: "Touch", Keys: []driver.Key{key}}, func() (driver.Result, error) {
		return f.inner.Touch(ctx, key, life)
	})
}

// Incr implements driver.Store.
func (f *Faulty) Incr(ctx context.Context, key driver.Key, delta int64, initial *driver.Entry) (driver.Sum, error) {
	return run(ctx, f, Call{Method: "Incr", Keys: []driver.Key{key}}, func() (driver.Sum, error) {
		return f.inner.Incr(ctx, key, delta, initial)
	})
}

// Invalidate implements driver.Store.
func (f *Faulty) Invalidate(ctx context.Context, what driver.Invalidation) (driver.Invalidated, error) {
	return run(ctx, f, Call{Method: "Invalidate", Keys: what.Keys}, func() (driver.Invalidated, error) {
		return f.inner.Invalidate(ctx, what)
	})
}

// Ping implements driver.Store.
func (f *Faulty) Ping(ctx context.Context) error {
	return f.do(ctx, Call{Method: "Ping"}, func() error { return f.inner.Ping(ctx) })
}

// Close closes the inner store.
func (f *Faulty) Close(ctx context.Context) error { return f.inner.Close(ctx) }

// GetMany implements driver.ManyGetter.
func (f *Faulty) GetMany(ctx context.Context, keys []driver.Key, hold time.Duration) ([]driver.KeyReading, error) {
	return run(ctx, f, Call{Method: "GetMany", Keys: keys}, func() ([]driver.KeyReading, error) {
		return driver.GetMany(ctx, f.inner, keys, hold)
	})
}

// PutMany implements driver.ManyPutter. A fault is each item's.
func (f *Faulty) PutMany(ctx context.Context, items []driver.Item) []driver.ItemResult {
	keys := make([]driver.Key, len(items))
	for i, it := range items {
		keys[i] = it.Key
	}
	out := make([]driver.ItemResult, len(items))
	err := f.do(ctx, Call{Method: "PutMany", Keys: keys}, func() error {
		copy(out, driver.PutMany(ctx, f.inner, items))
		return nil
	})
	if err != nil {
		for i := range out {
			out[i] = driver.ItemResult{Err: err}
		}
	}
	return out
}

// Move implements driver.Mover.
func (f *Faulty) Move(ctx context.Context, from, to driver.Key) (driver.Result, error) {
	return run(ctx, f, Call{Method: "Move", Keys: []driver.Key{from, to}}, func() (driver.Result, error) {
		return driver.Move(ctx, f.inner, from, to)
	})
}

// KeepsEntries implements driver.EntryKeeper.
func (f *Faulty) KeepsEntries() bool {
	k, ok := driver.As[driver.EntryKeeper](f.inner)
	return ok && k.KeepsEntries()
}

package drivertest_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stratacache/strata/cache/driver"
	"github.com/stratacache/strata/cache/drivertest"
)

// everyCall is each method of a store once, by the name that a Call has.
func everyCall(ctx context.Context, s driver.Store) map[string]func() error {
	k, l := driver.Key{Name: "k"}, driver.Key{Name: "l"}
	e := func() *driver.Entry {
		return &driver.Entry{Kind: driver.Integer, Payload: []byte("1"), Life: driver.Life{Fresh: driver.Forever, Expires: driver.Forever}}
	}
	return map[string]func() error{
		"Get":        func() error { _, err := s.Get(ctx, k, 0); return err },
		"Put":        func() error { _, err := s.Put(ctx, k, e(), driver.Set, 0); return err },
		"Touch":      func() error { _, err := s.Touch(ctx, k, e().Life); return err },
		"Incr":       func() error { _, err := s.Incr(ctx, k, 1, e()); return err },
		"Invalidate": func() error { _, err := s.Invalidate(ctx, driver.Invalidation{Keys: []driver.Key{l}}); return err },
		"Ping":       func() error { return s.Ping(ctx) },
		"GetMany":    func() error { _, err := driver.GetMany(ctx, s, []driver.Key{k, l}, 0); return err },
		"PutMany":    func() error { return driver.PutMany(ctx, s, []driver.Item{{Key: k, Entry: e()}})[0].Err },
		"Move":       func() error { _, err := driver.Move(ctx, s, k, l); return err },
	}
}

func TestFaultyWithoutFaults(t *testing.T) {
	t.Parallel()
	drivertest.Run(t, drivertest.Harness{
		Open:   func(testing.TB) driver.Store { return drivertest.NewFaulty(newSmallest(), nil) },
		Bubble: true,
		Limits: map[string]string{
			"of 16 concurrent moves one moves the entry": "the inner store is no Mover: driver.Move takes several steps",
		},
	})
}

func TestFaultyFails(t *testing.T) {
	t.Parallel()
	boom := errors.New("boom")
	for _, x := range []struct {
		name  string
		fault drivertest.Fault
		want  error
		done  bool // the inner call happens
	}{
		{"nothing", drivertest.Fault{}, nil, true},
		{"error", drivertest.Fault{Err: boom}, boom, false},
		{"lost", drivertest.Fault{Lost: true}, drivertest.ErrFault, true},
		{"lost with an error", drivertest.Fault{Lost: true, Err: boom}, boom, true},
		{"hang", drivertest.Fault{Hang: true}, context.DeadlineExceeded, false},
		{"too long a delay", drivertest.Fault{Delay: time.Hour}, context.DeadlineExceeded, false},
		{"a delay", drivertest.Fault{Delay: time.Second}, nil, true},
	} {
		for method := range everyCall(t.Context(), nil) {
			t.Run(x.name+"/"+method, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					// The inner store is another Faulty, which counts.
					inner := drivertest.NewFaulty(newSmallest(), nil)
					ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
					defer cancel()
					f := drivertest.NewFaulty(inner, drivertest.On(x.fault, method))
					if err := everyCall(ctx, f)[method](); !errors.Is(err, x.want) {
						t.Errorf("got error %v, want %v", err, x.want)
					}
					if done := inner.Calls() > 0; done != x.done {
						t.Errorf("the inner call happened: got %v, want %v", done, x.done)
					}
					for other, call := range everyCall(t.Context(), f) {
						if other != method {
							if err := call(); err != nil {
								t.Errorf("%s, which is not in the plan: got error %v", other, err)
							}
						}
					}
					f.Plan(nil)
					if err := everyCall(t.Context(), f)[method](); err != nil {
						t.Errorf("once healed: got error %v", err)
					}
				})
			})
		}
	}
}

func TestFaultyTellsThePlanOfEachCall(t *testing.T) {
	t.Parallel()
	var seen []drivertest.Call
	f := drivertest.NewFaulty(newSmallest(), func(c drivertest.Call) drivertest.Fault {
		seen = append(seen, c)
		return drivertest.Fault{}
	})
	for method, call := range everyCall(t.Context(), f) {
		if err := call(); err != nil {
			t.Errorf("%s: %v", method, err)
		}
		c := seen[len(seen)-1]
		if c.Method != method || c.N != len(seen) || f.Calls() != len(seen) {
			t.Errorf("got %+v for call %d of %s", c, len(seen), method)
		}
		if want := map[string]int{"Ping": 0, "GetMany": 2, "Move": 2}; len(c.Keys) != 1 && len(c.Keys) != want[method] {
			t.Errorf("%s: got keys %v", method, c.Keys)
		}
	}
}

func TestSeededRepeats(t *testing.T) {
	t.Parallel()
	odds := map[string]drivertest.Odds{"": {Error: 0.1, Lost: 0.1, Hang: 0.1, Delay: time.Second}, "Ping": {}}
	a, b, other := drivertest.Seeded(1, odds), drivertest.Seeded(1, odds), drivertest.Seeded(2, odds)
	differs := false
	count := map[string]int{}
	for range 1000 {
		c := drivertest.Call{Method: "Get"}
		x, y := a(c), b(c)
		if x != y {
			t.Fatalf("with one seed: got %+v and %+v", x, y)
		}
		differs = differs || other(c) != x
		switch {
		case x.Err != nil:
			count["error"]++
		case x.Lost:
			count["lost"]++
		case x.Hang:
			count["hang"]++
		}
		if x.Delay < 0 || x.Delay > time.Second {
			t.Errorf("delay: got %v, want up to a second", x.Delay)
		}
		if ping := a(drivertest.Call{Method: "Ping"}); ping != (drivertest.Fault{}) {
			t.Errorf("Ping has odds of its own: got %+v", ping)
		}
		b(drivertest.Call{Method: "Ping"})
	}
	if !differs {
		t.Error("two seeds plan the same faults")
	}
	for _, what := range []string{"error", "lost", "hang"} {
		if n := count[what]; n < 50 || n > 150 {
			t.Errorf("%s: got %d of 1000, want about 100", what, n)
		}
	}
}

func TestFaultyIsSafeForConcurrentUse(t *testing.T) {
	t.Parallel()
	f := drivertest.NewFaulty(newSmallest(), drivertest.Seeded(1, map[string]drivertest.Odds{"": {Error: 0.3, Lost: 0.3}}))
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 20 {
				for _, call := range everyCall(t.Context(), f) {
					_ = call()
				}
			}
			f.Plan(drivertest.Seeded(2, nil))
		})
	}
	wg.Wait()
	if got := f.Calls(); got != 8*20*9 {
		t.Errorf("calls: got %d, want %d", got, 8*20*9)
	}
}

func TestFaultyKeepsEntriesIfItsStoreDoes(t *testing.T) {
	t.Parallel()
	if drivertest.NewFaulty(newSmallest(), nil).KeepsEntries() {
		t.Error("over a store that promises nothing: got true")
	}
	if !drivertest.NewFaulty(keeping{newSmallest()}, nil).KeepsEntries() {
		t.Error("over a store that keeps entries: got false")
	}
}

type keeping struct{ driver.Store }

func (keeping) KeepsEntries() bool { return true }

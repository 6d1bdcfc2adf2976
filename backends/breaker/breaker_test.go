package breaker_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stratacache/strata/backends/breaker"
	"github.com/stratacache/strata/backends/locmem"
	"github.com/stratacache/strata/cache"
	"github.com/stratacache/strata/cache/driver"
	"github.com/stratacache/strata/cache/drivertest"
)

// calls are all calls that an open circuit refuses.
func calls(ctx context.Context, s *breaker.Store) map[string]func() error {
	k, l := key("k"), key("l")
	return map[string]func() error{
		"Get":   func() error { _, err := s.Get(ctx, k, 0); return err },
		"Put":   func() error { _, err := s.Put(ctx, k, value("v"), driver.Set, 0); return err },
		"Touch": func() error { _, err := s.Touch(ctx, k, value("v").Life); return err },
		"Incr":  func() error { _, err := s.Incr(ctx, k, 1, nil); return err },
		"Move":  func() error { _, err := s.Move(ctx, k, l); return err },
		"GetMany": func() error {
			_, err := s.GetMany(ctx, []driver.Key{k, l}, 0)
			return err
		},
		"PutMany": func() error {
			rs := s.PutMany(ctx, []driver.Item{{Key: k, Entry: value("v")}, {Key: l, Entry: value("v")}})
			return errors.Join(rs[0].Err, rs[1].Err)
		},
	}
}

func TestCircuitOpensFailsAtOnceAndCloses(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var told []string
		s, faulty := newStore(t, &breaker.Options{
			Name: "east", Failures: 3, OpenFor: 2 * time.Second,
			OnChange: func(c breaker.Change) { told = append(told, fmt.Sprint(c.Name, ": ", c.From, " to ", c.To)) },
		})
		ctx := t.Context()
		wantState(t, s, breaker.Closed)
		faulty.Plan(fails)
		for range 3 {
			wantState(t, s, breaker.Closed)
			if err := get(ctx, s); !errors.Is(err, drivertest.ErrFault) {
				t.Fatalf("Get of a failing store: got error %v, want %v", err, drivertest.ErrFault)
			}
		}
		wantState(t, s, breaker.Open)

		asked := faulty.Calls()
		for name, call := range calls(ctx, s) {
			err := call()
			if !errors.Is(err, breaker.ErrOpen) || !strings.Contains(err.Error(), "east") {
				t.Errorf("%s while open: got error %v, want %v of east", name, err, breaker.ErrOpen)
			}
		}
		if got := faulty.Calls(); got != asked {
			t.Errorf("calls of the store while open: got %d, want none", got-asked)
		}

		time.Sleep(2*time.Second + 1)
		wantState(t, s, breaker.HalfOpen)
		if err := get(ctx, s); !errors.Is(err, drivertest.ErrFault) {
			t.Errorf("the probe: got error %v, want that of the store", err)
		}
		wantState(t, s, breaker.Open) // for as long again

		faulty.Plan(nil)
		time.Sleep(2*time.Second + 1)
		for range 2 {
			if err := get(ctx, s); err != nil {
				t.Errorf("Get of a store that is well again: got error %v", err)
			}
		}
		wantState(t, s, breaker.Closed)
		want := []string{
			"east: closed to open", "east: open to half-open", "east: half-open to open",
			"east: open to half-open", "east: half-open to closed",
		}
		if !slices.Equal(told, want) {
			t.Errorf("OnChange was told %q, want %q", told, want)
		}
	})
}

// What counts as a failure: with Failures 1 the state after one call tells.
func TestOutcomes(t *testing.T) {
	t.Parallel()
	alive := func(ctx context.Context) (context.Context, context.CancelFunc) { return ctx, func() {} }
	deadline := func(ctx context.Context) (context.Context, context.CancelFunc) {
		return context.WithTimeout(ctx, time.Second)
	}
	canceled := func(ctx context.Context) (context.Context, context.CancelFunc) {
		ctx, cancel := context.WithCancel(ctx)
		time.AfterFunc(time.Second, cancel)
		return ctx, cancel
	}
	before := func(ctx context.Context) (context.Context, context.CancelFunc) {
		return context.WithDeadline(ctx, time.Now().Add(-time.Second))
	}
	for name, c := range map[string]struct {
		ctx   func(context.Context) (context.Context, context.CancelFunc)
		fault drivertest.Fault
		want  breaker.State
	}{
		"an answer":                     {alive, drivertest.Fault{}, breaker.Closed},
		"a miss":                        {alive, drivertest.Fault{Err: driver.ErrMiss}, breaker.Closed},
		"not an integer":                {alive, drivertest.Fault{Err: driver.ErrNotInteger}, breaker.Closed},
		"overflow":                      {alive, drivertest.Fault{Err: driver.ErrOverflow}, breaker.Closed},
		"too large, wrapped":            {alive, drivertest.Fault{Err: fmt.Errorf("x: %w", driver.ErrTooLarge)}, breaker.Closed},
		"closed":                        {alive, drivertest.Fault{Err: driver.ErrClosed}, breaker.Closed},
		"unsupported":                   {alive, drivertest.Fault{Err: errors.ErrUnsupported}, breaker.Closed},
		"an outage":                     {alive, drivertest.Fault{Err: io.ErrUnexpectedEOF}, breaker.Open},
		"a lost reply":                  {alive, drivertest.Fault{Lost: true}, breaker.Open},
		"excused by IsFailure":          {alive, drivertest.Fault{Err: io.ErrNoProgress}, breaker.Closed},
		"the caller's deadline":         {deadline, drivertest.Fault{Hang: true}, breaker.Open},
		"canceled by the caller":        {canceled, drivertest.Fault{Hang: true}, breaker.Closed},
		"a deadline before the call":    {before, drivertest.Fault{Hang: true}, breaker.Closed},
		"the store cancels by itself":   {alive, drivertest.Fault{Err: context.Canceled}, breaker.Open},
		"an outage within the deadline": {deadline, drivertest.Fault{Err: io.ErrUnexpectedEOF}, breaker.Open},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s, faulty := newStore(t, &breaker.Options{
					Failures: 1, IsFailure: func(err error) bool { return !errors.Is(err, io.ErrNoProgress) },
				})
				faulty.Plan(func(drivertest.Call) drivertest.Fault { return c.fault })
				ctx, cancel := c.ctx(t.Context())
				defer cancel()
				err := get(ctx, s)
				if want := c.fault.Err; want != nil && !errors.Is(err, want) {
					t.Errorf("got error %v, want that of the store, %v", err, want)
				}
				wantState(t, s, c.want)
			})
		})
	}
}

func TestAnAnswerForgivesTheFailuresBefore(t *testing.T) {
	t.Parallel()
	s, faulty := newStore(t, &breaker.Options{Failures: 3})
	for range 5 {
		faulty.Plan(fails)
		_, _ = get(t.Context(), s), get(t.Context(), s)
		faulty.Plan(drivertest.On(drivertest.Fault{Err: driver.ErrMiss}, "Get"))
		_ = get(t.Context(), s)
	}
	wantState(t, s, breaker.Closed)
}

// each is a store that does many keys one by one and fails as it is told for
// each.
type each struct{ driver.Store }

func TestBatches(t *testing.T) {
	t.Parallel()
	keys := []driver.Key{key("a"), key("b"), key("c")}
	read := func(s *breaker.Store) []error {
		rs, err := s.GetMany(context.Background(), keys, 0)
		if err != nil {
			return []error{err}
		}
		return []error{rs[0].Err, rs[1].Err, rs[2].Err}
	}
	store := func(s *breaker.Store) []error {
		var items []driver.Item
		for _, k := range keys {
			items = append(items, driver.Item{Key: k, Entry: value("v")})
		}
		rs := s.PutMany(context.Background(), items)
		return []error{rs[0].Err, rs[1].Err, rs[2].Err}
	}
	for name, do := range map[string]func(*breaker.Store) []error{"GetMany": read, "PutMany": store} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, failing := range []int{0, 2, 3} {
				faulty := drivertest.NewFaulty(locmem.New(nil), func(c drivertest.Call) drivertest.Fault {
					if c.N <= failing {
						return drivertest.Fault{Err: drivertest.ErrFault}
					}
					return drivertest.Fault{}
				})
				s := over(t, each{faulty}, &breaker.Options{Failures: 1})
				errs := do(s)
				for i, err := range errs {
					if got, want := errors.Is(err, drivertest.ErrFault), i < failing; got != want {
						t.Errorf("key %d of %d that fail: got error %v", i, failing, err)
					}
				}
				want := breaker.Closed
				if failing == len(keys) {
					want = breaker.Open
				}
				wantState(t, s, want)
			}
		})
	}
	t.Run("of nothing", func(t *testing.T) {
		t.Parallel()
		s, faulty := newStore(t, &breaker.Options{Failures: 2})
		faulty.Plan(fails)
		_ = get(t.Context(), s)
		if rs, err := s.GetMany(t.Context(), nil, 0); len(rs) != 0 || err != nil {
			t.Errorf("GetMany: got %v, %v, want nothing", rs, err)
		}
		if rs := s.PutMany(t.Context(), nil); len(rs) != 0 {
			t.Errorf("PutMany: got %v, want nothing", rs)
		}
		_ = get(t.Context(), s)
		wantState(t, s, breaker.Open) // nothing asked is no answer in between
	})
}

func TestTimeoutIsAnOutageOfEachCall(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, faulty := newStore(t, &breaker.Options{Timeout: 100 * time.Millisecond, Failures: 1000})
		faulty.Plan(hangs)
		all := calls(t.Context(), s)
		all["Invalidate"] = func() error { _, err := s.Invalidate(t.Context(), driver.Invalidation{}); return err }
		all["Ping"] = func() error { return s.Ping(t.Context()) }
		for name, call := range all {
			began := time.Now()
			err := call()
			if !errors.Is(err, breaker.ErrTimeout) || errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%s: got error %v, want %v that is no end of the caller's context", name, err, breaker.ErrTimeout)
			}
			if took := time.Since(began); took != 100*time.Millisecond {
				t.Errorf("%s: took %v, want 100ms", name, took)
			}
		}
		c, err := cache.New(s, nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.Get(t.Context(), "k"); !errors.Is(err, cache.ErrUnavailable) {
			t.Errorf("Client.Get: got error %v, want %v", err, cache.ErrUnavailable)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		if err := get(ctx, s); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("with a deadline that is nearer: got error %v, want the caller's %v", err, context.DeadlineExceeded)
		}
		faulty.Plan(func(drivertest.Call) drivertest.Fault { return drivertest.Fault{Delay: 99 * time.Millisecond} })
		for name, call := range all {
			if err := call(); err != nil && !errors.Is(err, driver.ErrMiss) && !errors.Is(err, driver.ErrNotInteger) {
				t.Errorf("%s of a slow store: got error %v", name, err)
			}
		}
	})
}

func TestOnlyProbesPassWhenHalfOpen(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, faulty := newStore(t, &breaker.Options{Failures: 1, Probes: 2})
		faulty.Plan(fails)
		_ = get(t.Context(), s)
		time.Sleep(time.Second + 1)
		faulty.Plan(func(drivertest.Call) drivertest.Fault { return drivertest.Fault{Delay: 500 * time.Millisecond} })
		var errs [10]error
		asked := faulty.Calls()
		var wg sync.WaitGroup
		for i := range errs {
			wg.Go(func() { errs[i] = get(t.Context(), s) })
		}
		synctest.Wait()
		if got := faulty.Calls() - asked; got != 2 {
			t.Errorf("calls of the store: got %d, want 2 probes", got)
		}
		wantState(t, s, breaker.HalfOpen)
		wg.Wait()
		refused := 0
		for _, err := range errs {
			if errors.Is(err, breaker.ErrOpen) {
				refused++
			}
		}
		if refused != 8 {
			t.Errorf("refused: got %d of %q, want 8", refused, errs)
		}
		wantState(t, s, breaker.Closed)
	})
}

// A probe that hangs ends with OpenFor, whatever its context allows, and one
// that its caller gives up makes room for another.
func TestProbesHoldNobodyUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, faulty := newStore(t, &breaker.Options{Failures: 1})
		faulty.Plan(fails)
		_ = get(t.Context(), s)
		faulty.Plan(hangs)
		time.Sleep(time.Second + 1)
		began := time.Now()
		if err := get(context.Background(), s); !errors.Is(err, breaker.ErrTimeout) {
			t.Errorf("a probe that hangs: got error %v, want %v", err, breaker.ErrTimeout)
		}
		if took := time.Since(began); took != time.Second {
			t.Errorf("a probe that hangs took %v, want OpenFor", took)
		}
		wantState(t, s, breaker.Open)

		time.Sleep(time.Second + 1)
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Millisecond, cancel)
		if err := get(ctx, s); !errors.Is(err, context.Canceled) {
			t.Errorf("a probe that is canceled: got error %v, want %v", err, context.Canceled)
		}
		wantState(t, s, breaker.HalfOpen)
		faulty.Plan(nil)
		if err := get(t.Context(), s); err != nil {
			t.Errorf("the next probe: got error %v", err)
		}
		wantState(t, s, breaker.Closed)
	})
}

// A result that comes when the circuit is in another state than the one in
// which its call began counts for nothing.
func TestLateResultsDoNotCount(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, faulty := newStore(t, &breaker.Options{Failures: 1})
		for _, late := range []drivertest.Fault{{Delay: 1500 * time.Millisecond}, {Delay: 1500 * time.Millisecond, Err: io.EOF}} {
			faulty.Plan(func(drivertest.Call) drivertest.Fault { return late })
			go func() { _ = get(t.Context(), s) }()
			synctest.Wait()
			faulty.Plan(fails)
			_ = get(t.Context(), s)
			wantState(t, s, breaker.Open)
			time.Sleep(time.Second + 1)
			wantState(t, s, breaker.HalfOpen)
			time.Sleep(time.Second) // the late one ends
			wantState(t, s, breaker.HalfOpen)
			faulty.Plan(nil)
			_ = get(t.Context(), s)
			wantState(t, s, breaker.Closed)
		}
	})
}

func TestInvalidateAndPingPassAlways(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, faulty := newStore(t, &breaker.Options{Failures: 1})
		ctx := t.Context()
		if _, err := s.Put(ctx, key("k"), value("v", "t"), driver.Set, 0); err != nil {
			t.Fatal(err)
		}
		faulty.Plan(fails)
		if _, err := s.Invalidate(ctx, driver.Invalidation{Tags: []string{"t"}}); !errors.Is(err, drivertest.ErrFault) {
			t.Errorf("Invalidate: got error %v, want that of the store", err)
		}
		wantState(t, s, breaker.Open) // it counts while the circuit is closed
		if _, err := s.Invalidate(ctx, driver.Invalidation{Tags: []string{"t"}}); !errors.Is(err, drivertest.ErrFault) {
			t.Errorf("Invalidate while open: got error %v, want that of the store", err)
		}
		if err := s.Ping(ctx); !errors.Is(err, drivertest.ErrFault) {
			t.Errorf("Ping while open: got error %v, want that of the store", err)
		}
		faulty.Plan(hangs)
		began := time.Now()
		if _, err := s.Invalidate(context.Background(), driver.Invalidation{Tags: []string{"t"}}); !errors.Is(err, breaker.ErrTimeout) {
			t.Errorf("Invalidate of a store that hangs: got error %v, want %v", err, breaker.ErrTimeout)
		}
		if took := time.Since(began); took != time.Second {
			t.Errorf("Invalidate of a store that hangs took %v, want OpenFor", took)
		}

		s, faulty = newStore(t, &breaker.Options{Failures: 1})
		if _, err := s.Put(ctx, key("k"), value("v", "t"), driver.Set, 0); err != nil {
			t.Fatal(err)
		}
		faulty.Plan(fails)
		_ = get(ctx, s)
		faulty.Plan(nil) // the store is back, and the circuit still open
		if err := get(ctx, s); !errors.Is(err, breaker.ErrOpen) {
			t.Fatalf("Get: got error %v, want %v", err, breaker.ErrOpen)
		}
		if r, err := s.Invalidate(ctx, driver.Invalidation{Keys: []driver.Key{key("k")}}); err != nil || r.Removed != 1 {
			t.Errorf("Invalidate while open: got %+v, %v, want one removed", r, err)
		}
		if err := s.Ping(ctx); err != nil {
			t.Errorf("Ping while open: got error %v", err)
		}
		wantState(t, s, breaker.Open)
	})
}

// A nested circuit's refusal is an outage, and an invalidation is not sent twice.
func TestNestedBreakers(t *testing.T) {
	t.Parallel()
	inner, faulty := newStore(t, &breaker.Options{Name: "inner", Failures: 1})
	s := over(t, inner, &breaker.Options{Name: "outer", Failures: 1})
	faulty.Plan(fails)
	_ = get(t.Context(), inner)
	if err := get(t.Context(), s); !errors.Is(err, breaker.ErrOpen) {
		t.Errorf("Get: got error %v, want %v", err, breaker.ErrOpen)
	}
	wantState(t, s, breaker.Open)
	before := faulty.Calls()
	if _, err := s.Invalidate(t.Context(), driver.Invalidation{}); !errors.Is(err, drivertest.ErrFault) {
		t.Errorf("Invalidate: got error %v, want that of the store", err)
	}
	if got := faulty.Calls() - before; got != 1 {
		t.Errorf("Invalidate asked the store %d times, want once", got)
	}
}

func TestGetOrSetAnswersWhileOpen(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, faulty := newStore(t, &breaker.Options{Failures: 2, Timeout: 100 * time.Millisecond})
		c, err := cache.New(s, nil)
		if err != nil {
			t.Fatal(err)
		}
		faulty.Plan(hangs)
		load := func(context.Context) ([]byte, error) { return []byte("loaded"), nil }
		began := time.Now()
		for range 100 {
			b, err := c.GetOrSet(t.Context(), "k", load)
			if err != nil || string(b) != "loaded" {
				t.Fatalf("GetOrSet: got %q, %v, want what the loader returned", b, err)
			}
		}
		if took := time.Since(began); took != 200*time.Millisecond {
			t.Errorf("100 calls took %v, want the time of the two that opened the circuit", took)
		}
		if _, err := c.Get(t.Context(), "k"); !errors.Is(err, breaker.ErrOpen) || !errors.Is(err, cache.ErrUnavailable) {
			t.Errorf("Get: got error %v, want %v that is %v", err, breaker.ErrOpen, cache.ErrUnavailable)
		}
	})
}

func TestChangesAreToldInOrderOutsideOfTheLock(t *testing.T) {
	t.Parallel()
	var s *breaker.Store
	state := breaker.Closed
	s, faulty := newStore(t, &breaker.Options{
		Failures: 1, OpenFor: time.Nanosecond,
		OnChange: func(c breaker.Change) {
			_ = s.State() // may be used
			if c.From != state {
				t.Errorf("told of a change from %v, the last was to %v", c.From, state)
			}
			state = c.To
		},
	})
	faulty.Plan(drivertest.Seeded(1, map[string]drivertest.Odds{"": {Error: 0.5}}))
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 500 {
				_ = get(t.Context(), s)
			}
		})
	}
	wg.Wait()
}

func TestClosedWinsOverOpen(t *testing.T) {
	t.Parallel()
	s, faulty := newStore(t, &breaker.Options{Failures: 1})
	faulty.Plan(fails)
	_ = get(t.Context(), s)
	if err := s.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	for name, call := range calls(t.Context(), s) {
		if err := call(); !errors.Is(err, driver.ErrClosed) {
			t.Errorf("%s: got error %v, want %v", name, err, driver.ErrClosed)
		}
	}
}

func TestOptions(t *testing.T) {
	t.Parallel()
	for field, opts := range map[string]breaker.Options{
		"Failures": {Failures: -1}, "OpenFor": {OpenFor: -1}, "Probes": {Probes: -1}, "Timeout": {Timeout: -1},
	} {
		if _, err := breaker.New(locmem.New(nil), &opts); err == nil || !strings.Contains(err.Error(), "Options."+field) {
			t.Errorf("%+v: got error %v, want one that names %s", opts, err, field)
		}
	}
	for state, want := range map[breaker.State]string{breaker.Closed: "closed", breaker.HalfOpen: "half-open", breaker.Open: "open", 9: "State(9)"} {
		if got := state.String(); got != want {
			t.Errorf("String: got %q, want %q", got, want)
		}
	}
}

package gather_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/stratacache/strata/cache/driver"
	"github.com/stratacache/strata/internal/gather"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// server answers each ask with itself, a second after it came, and notes what came
// together.
type server struct {
	mu    sync.Mutex
	calls [][]int
}

func (s *server) call(ctx context.Context, asks []int) ([]gather.Answer[int], error) {
	s.mu.Lock()
	s.calls = append(s.calls, asks)
	s.mu.Unlock()
	select {
	case <-time.After(time.Second):
	case <-ctx.Done():
	}
	answers := make([]gather.Answer[int], len(asks))
	for i, ask := range asks {
		answers[i] = gather.Answer[int]{Value: ask, Err: ctx.Err()}
	}
	return answers, ctx.Err()
}

func (s *server) group(width, most int) *gather.Group[int, int] {
	return &gather.Group[int, int]{
		Width: width, Max: most,
		One: func(ctx context.Context, ask int) (int, error) {
			_, err := s.call(ctx, []int{ask})
			return ask, err
		},
		Many: func(ctx context.Context, asks []int) []gather.Answer[int] {
			answers, _ := s.call(ctx, asks)
			return answers
		},
	}
}

// calls makes n calls one after the other, none of which has ended when the next comes,
// and returns a function that waits for their errors.
func calls(t *testing.T, g *gather.Group[int, int], ctx func(i int) context.Context, n int) func() []error {
	t.Helper()
	errs := make([]error, n)
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			v, err := g.Do(ctx(i), i)
			if errs[i] = err; err == nil && v != i {
				errs[i] = fmt.Errorf("%d got the answer of %d", i, v)
			}
		})
		synctest.Wait()
	}
	return func() []error { wg.Wait(); return errs }
}

func background(int) context.Context { return context.Background() }

func TestWhatWaitsGoesTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s server
		began := time.Now()
		for _, err := range calls(t, s.group(2, 3), background, 9)() {
			if err != nil {
				t.Error(err)
			}
		}
		want := [][]int{{0}, {1}, {2, 3, 4}, {5, 6, 7}, {8}}
		slices.SortFunc(s.calls, slices.Compare) // two of them begin at one moment
		if fmt.Sprint(s.calls) != fmt.Sprint(want) {
			t.Errorf("what went is %v, want %v", s.calls, want)
		}
		if took := time.Since(began); took != 3*time.Second {
			t.Errorf("it took %v, want three times the server's second", took)
		}
	})
}

func TestAloneNobodyWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s server
		g := s.group(1, 10)
		began := time.Now()
		for i := range 3 { // the place is free again each time
			if _, err := g.Do(t.Context(), i); err != nil {
				t.Fatal(err)
			}
		}
		if took := time.Since(began); took != 3*time.Second || len(s.calls) != 3 {
			t.Errorf("three calls took %v: %v", took, s.calls)
		}
	})
}

// A call keeps its own deadline, and those of others are not its own.
func TestDeadlines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s server
		began := time.Now()
		ctx := func(i int) context.Context {
			ctx, cancel := context.WithDeadline(context.Background(), began.Add([]time.Duration{5 * time.Second, 500 * time.Millisecond, 1500 * time.Millisecond, 3 * time.Second}[i]))
			t.Cleanup(cancel)
			return ctx
		}
		wait := calls(t, s.group(1, 10), ctx, 4)
		errs := wait()
		for i, want := range []error{nil, context.DeadlineExceeded, context.DeadlineExceeded, nil} {
			if !errors.Is(errs[i], want) {
				t.Errorf("call %d: %v, want %v", i, errs[i], want)
			}
		}
		// 1 had left before anything went, 2 did meanwhile.
		if want := "[[0] [2 3]]"; fmt.Sprint(s.calls) != want {
			t.Errorf("what went is %v, want %v", s.calls, want)
		}
	})
}

// What nobody waits for any more is given up, and the next goes.
func TestAllLeave(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s server
		g := s.group(1, 2)
		began := time.Now()
		left, leave := context.WithCancel(context.Background())
		wait := calls(t, g, func(i int) context.Context {
			if i == 1 || i == 2 {
				return left
			}
			return context.Background()
		}, 4)
		time.Sleep(1200 * time.Millisecond)
		leave()
		errs := wait()
		for i, want := range []error{nil, context.Canceled, context.Canceled, nil} {
			if !errors.Is(errs[i], want) {
				t.Errorf("call %d: %v, want %v", i, errs[i], want)
			}
		}
		if took := time.Since(began); took != 2200*time.Millisecond {
			t.Errorf("it took %v: the last waited for what nobody wanted", took)
		}
	})
}

// What has waited long enough goes, though others are still running, and the place that
// it took is given up.
func TestPatience(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s server
		g := s.group(1, 2)
		g.Patience = 300 * time.Millisecond
		began := time.Now()
		var ends [5]time.Duration
		var wg sync.WaitGroup
		for i, at := range []time.Duration{0, 100, 200, 600, 1300} {
			wg.Go(func() {
				time.Sleep(at * time.Millisecond)
				if v, err := g.Do(t.Context(), i); err != nil || v != i {
					t.Errorf("call %d: %d, %v", i, v, err)
				}
				ends[i] = time.Since(began).Round(time.Millisecond)
			})
		}
		wg.Wait()
		// 1 and 2 go at 400, and 3 at 900. What ends at 1000 and 1400 was one too many, so 4
		// goes at 1600.
		want := [5]time.Duration{1000, 1400, 1400, 1900, 2600}
		for i := range want {
			if want[i] *= time.Millisecond; ends[i] != want[i] {
				t.Errorf("call %d ended after %v, want %v", i, ends[i], want[i])
			}
		}
		if want := "[[0] [1 2] [3] [4]]"; fmt.Sprint(s.calls) != want {
			t.Errorf("what went is %v, want %v", s.calls, want)
		}
		if err := g.Close(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

func TestClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s server
		g := s.group(1, 2)
		wait := calls(t, g, background, 5)
		time.Sleep(1500 * time.Millisecond) // 0 has ended, 1 and 2 are on their way, 3 and 4 wait
		short, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		if err := g.Close(short); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Close did not wait for what runs: %v", err)
		}
		if err := g.Close(t.Context()); err != nil {
			t.Error(err)
		}
		errs := wait()
		for i, want := range []error{nil, nil, nil, driver.ErrClosed, driver.ErrClosed} {
			if !errors.Is(errs[i], want) {
				t.Errorf("call %d: %v, want %v", i, errs[i], want)
			}
		}
		if _, err := g.Do(t.Context(), 5); !errors.Is(err, driver.ErrClosed) {
			t.Errorf("after Close: %v", err)
		}
	})
}

// Whoever would have met a panic by itself meets it together with others, and the
// place is free again.
func TestPanic(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s server
		g := s.group(1, 10)
		many := g.Many
		g.Many = func(context.Context, []int) []gather.Answer[int] { panic("broken") }
		var met atomic.Int64
		var wg sync.WaitGroup
		for i := range 3 {
			wg.Go(func() {
				defer func() {
					if recover() == "broken" {
						met.Add(1)
					}
				}()
				_, _ = g.Do(t.Context(), i)
			})
			synctest.Wait()
		}
		wg.Wait()
		if met.Load() != 2 {
			t.Errorf("%d callers met the panic, want the two that went together", met.Load())
		}
		g.Many = many
		if _, err := g.Do(t.Context(), 3); err != nil {
			t.Error(err)
		}
	})
}

package locmem

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stratacache/strata/cache/driver"
)

// Ended entries and fences are dropped without traffic, and the timer then
// stays off.
func TestSweepGivesMemoryBack(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newStore(t, &Options{MaxEntries: 20_000})
		for i := range 5000 {
			put(t, s, keyN(i), entry("v", time.Minute), driver.Set, 0)
			get(t, s, keyN(100_000+i), time.Second)
		}
		put(t, s, key("stays"), entry("v", 0), driver.Set, 0)
		put(t, s, key("soon"), entry("v", 10*time.Second), driver.Set, 0)

		time.Sleep(2*sweepPause + time.Second)
		synctest.Wait()
		if st := s.Stats(); st.Fences != 0 || st.Entries != 5002 {
			t.Errorf("after the hold: got %+v, want no fences and all entries", st)
		}
		time.Sleep(10 * time.Second)
		synctest.Wait()
		if st := s.Stats(); st.Entries != 5001 {
			t.Errorf("after 10 s: got %+v, want one less", st)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if st := s.Stats(); st.Entries != 1 || st.Expired != 5001 {
			t.Errorf("after a minute: got %+v, want one entry", st)
		}
		if at := s.sweep.at.Load(); at != driver.Forever {
			t.Errorf("timer: got %v, want none, because nothing ends", time.Unix(0, at))
		}
		put(t, s, key("again"), entry("v", time.Second), driver.Set, 0)
		time.Sleep(time.Second + sweepPause)
		synctest.Wait()
		if got := s.Len(); got != 1 {
			t.Errorf("Len: got %d, want 1", got)
		}
	})
}

func TestTouchMovesTheEnd(t *testing.T) {
	t.Parallel()
	for name, p := range policies {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := newStore(t, &Options{Policy: p})
				put(t, s, key("a"), entry("v", time.Second), driver.Set, 0)
				put(t, s, key("b"), entry("v", time.Hour), driver.Set, 0)
				for k, d := range map[string]time.Duration{"a": time.Hour, "b": time.Second} {
					if r, err := s.Touch(t.Context(), key(k), entry("", d).Life); err != nil || !r.Done {
						t.Fatalf("Touch: got %+v, %v, want done", r, err)
					}
				}
				time.Sleep(time.Second - 1)
				if get(t, s, key("b"), 0).Entry == nil {
					t.Error("b is gone before its end")
				}
				time.Sleep(time.Nanosecond)
				if get(t, s, key("a"), 0).Entry == nil || get(t, s, key("b"), 0).Entry != nil {
					t.Error("got a gone or b left, want the ends that Touch gave")
				}
				time.Sleep(2 * sweepPause)
				synctest.Wait()
				if s.Len() != 1 {
					t.Errorf("Len: got %d, want 1", s.Len())
				}
			})
		})
	}
}

func TestClosed(t *testing.T) {
	t.Parallel()
	for name, p := range policies {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx := t.Context()
			s := New(&Options{Policy: p})
			put(t, s, key("a"), entry("v", time.Millisecond), driver.Set, 0)
			get(t, s, key("b"), time.Millisecond)
			for range 2 {
				if err := s.Close(ctx); err != nil {
					t.Fatalf("Close: got %v, want nil", err)
				}
			}
			_, getErr := s.Get(ctx, key("a"), 0)
			_, manyErr := s.GetMany(ctx, []driver.Key{key("a")}, 0)
			_, putErr := s.Put(ctx, key("a"), entry("v", 0), driver.Set, 0)
			_, touchErr := s.Touch(ctx, key("a"), driver.Life{})
			_, incrErr := s.Incr(ctx, key("a"), 1, nil)
			_, invErr := s.Invalidate(ctx, driver.Invalidation{})
			_, moveErr := s.Move(ctx, key("a"), key("b"))
			for i, err := range []error{getErr, manyErr, putErr, touchErr, incrErr, invErr, moveErr, s.Ping(ctx)} {
				if !errors.Is(err, driver.ErrClosed) {
					t.Errorf("method %d: got %v, want ErrClosed", i, err)
				}
			}
		})
	}
}

func TestCancelledContextDoesNothing(t *testing.T) {
	t.Parallel()
	s := newStore(t, nil)
	set(t, s, "a")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Invalidate(ctx, driver.Invalidation{Keys: []driver.Key{key("a")}}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want context.Canceled", err)
	}
	if get(t, s, key("a"), 0).Entry == nil {
		t.Error("a cancelled Invalidate removed the entry")
	}
}

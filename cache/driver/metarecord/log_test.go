package metarecord_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stratacache/strata/cache/driver"
	"github.com/stratacache/strata/cache/driver/metarecord"
)

// logged is a store as far as its log goes.
type logged struct {
	atomic.Pointer[metarecord.Record]
}

func newLogged() *logged {
	s := new(logged)
	s.Store(metarecord.New(1000))
	return s
}

func (s *logged) renew() {
	if old := s.Load(); s.CompareAndSwap(old, metarecord.New(1000)) {
		old.Retire()
	}
}

func (s *logged) read(t *testing.T, after driver.Stamp, wait time.Duration) driver.LogReading {
	t.Helper()
	r, err := metarecord.ReadLog(t.Context(), s.Load, after, wait)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func key(name string) driver.Key { return driver.Key{Scope: "s:", Name: name} }

// Nobody pays for a log that nobody reads: an advance then allocates nothing, and
// the log that was left behind ends.
func TestLogExistsForItsReaders(t *testing.T) {
	s := newLogged()
	k := key("k")
	cost := func() float64 { return testing.AllocsPerRun(100, func() { s.Load().Advance(k) }) }
	if got := cost(); got != 0 {
		t.Errorf("an advance that nobody reads: got %v allocations", got)
	}
	after := s.read(t, driver.Stamp{}, 0).Clock
	s.Load().Advance(k)
	if r := s.read(t, after, 0); !r.Complete || len(r.Changes) != 1 {
		t.Fatalf("got %+v, want one change", r)
	}
	for range 10_000 { // more than it reaches back
		s.Load().Advance(k)
	}
	if !s.Load().LogEnded() {
		t.Error("a log that nobody reads any more goes on")
	}
	r := s.read(t, after, 0)
	if r.Complete || len(r.Changes) > 0 {
		t.Errorf("a reader that comes back: got %d changes, complete: %v, want it told that some are missing", len(r.Changes), r.Complete)
	}
	s.Load().Invalidate([]string{"t"}, k, key("l"))
	want := fmt.Sprint([]driver.Change{{N: r.Clock.N + 1, Keys: []string{"s:k", "s:l"}, Tags: []string{"t"}}})
	if r = s.read(t, r.Clock, 0); fmt.Sprint(r.Changes) != want {
		t.Errorf("from there on: got %v, want %s", r.Changes, want)
	}
}

// A reader that falls behind is told, however often the ring went round.
func TestLogIsBounded(t *testing.T) {
	t.Parallel()
	for _, n := range []int{8191, 8192, 8193, 20_000} {
		s := newLogged()
		after := s.read(t, driver.Stamp{}, 0).Clock
		for range n {
			s.Load().Advance(key("k"))
		}
		if r := s.read(t, after, 0); r.Complete != (n <= 8192) || r.Complete && len(r.Changes) != n {
			t.Errorf("%d changes: got %d of them, complete: %v", n, len(r.Changes), r.Complete)
		}
	}
}

// Who waits is woken by a change, and by the end of the epoch, without looking.
func TestLogWakesItsReaders(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newLogged()
		after := s.read(t, driver.Stamp{}, 0).Clock
		for name, change := range map[string]func(){
			"a change":    func() { s.Load().Advance(key("k")) },
			"a new epoch": s.renew,
		} {
			began := time.Now()
			var r driver.LogReading
			done := make(chan struct{})
			go func() {
				defer close(done)
				r = s.read(t, after, time.Hour)
			}()
			synctest.Wait()
			change()
			<-done
			if took := time.Since(began); took > time.Second { // of the bubble's time
				t.Errorf("%s was told after %v", name, took)
			}
			if name == "a new epoch" && (r.Complete || r.Clock.Epoch == after.Epoch) {
				t.Errorf("%s: got %+v", name, r)
			}
			after = r.Clock
		}
	})
}

// Readings that begin and end at any time: each tells all changes from its
// position on, in order, or that some are missing; and every change that was done
// before it was asked for.
func TestLogAmongWriters(t *testing.T) {
	t.Parallel()
	s := newLogged()
	var done [4]atomic.Uint64 // the last number of each writer
	var wg sync.WaitGroup
	ctx, stop := context.WithCancel(t.Context())
	var told atomic.Int64
	var reached atomic.Uint64 // by a reader
	enough := time.Now().Add(20 * time.Second)
	for w := range done {
		wg.Go(func() {
			for i := 0; told.Load() < 20_000 && time.Now().Before(enough); i++ {
				for s.Load().Stamp().N > reached.Load()+4000 && time.Now().Before(enough) {
					time.Sleep(10 * time.Microsecond) // else nobody could follow
				}
				var at driver.Stamp
				if k := key(fmt.Sprint(w)); i%16 == 0 {
					at, _ = s.Load().Invalidate([]string{"t"}, k)
				} else {
					at = s.Load().Advance(k)
				}
				done[w].Store(at.N)
			}
		})
	}
	var readers sync.WaitGroup
	for range 2 {
		readers.Go(func() {
			var after driver.Stamp
			for ctx.Err() == nil {
				var floor uint64
				for w := range done {
					floor = max(floor, done[w].Load())
				}
				r, err := metarecord.ReadLog(t.Context(), s.Load, after, 0)
				if err != nil || r.Clock.N < floor {
					t.Errorf("got a reading up to %d, %v, want it up to %d at least", r.Clock.N, err, floor)
				}
				if r.Complete && uint64(len(r.Changes)) != r.Clock.N-after.N {
					t.Errorf("from %d to %d: got %d changes", after.N, r.Clock.N, len(r.Changes))
				}
				for i, c := range r.Changes {
					if c.N != after.N+uint64(i)+1 || len(c.Keys) != 1 {
						t.Errorf("change %d after %d: got %+v", i, after.N, c)
						return
					}
				}
				told.Add(int64(len(r.Changes)))
				after = r.Clock
				reached.Store(after.N)
			}
		})
	}
	wg.Wait()
	stop()
	readers.Wait()
	if told.Load() < 20_000 {
		t.Errorf("%d changes were told", told.Load())
	}
}

func BenchmarkAdvance(b *testing.B) {
	k := key("k")
	b.Run("unread", func(b *testing.B) {
		s := newLogged()
		b.ReportAllocs()
		for b.Loop() {
			s.Load().Advance(k)
		}
	})
	b.Run("read", func(b *testing.B) {
		s := newLogged()
		b.ReportAllocs()
		ctx, stop := context.WithCancel(b.Context())
		var wg sync.WaitGroup
		wg.Go(func() {
			for after := (driver.Stamp{}); ctx.Err() == nil; {
				r, _ := metarecord.ReadLog(ctx, s.Load, after, time.Second)
				after = r.Clock
			}
		})
		for b.Loop() {
			s.Load().Advance(k)
		}
		stop()
		wg.Wait()
	})
}

package locmem

import (
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stratacache/strata/cache/driver"
)

const rounds = 3000

// Who sees the number of an advance sees what it advanced for. The test runs
// alone, so that its goroutines meet.
func TestReadersNeverPairNewNumberWithOldState(t *testing.T) {
	for name, p := range policies {
		t.Run(name+"/set", func(t *testing.T) {
			s := newStore(t, &Options{Policy: p})
			put(t, s, key("a"), entry("1", 0), driver.Set, 0)
			watch(t, func() {
				for i := range rounds {
					// The i-th advance stores its own number.
					put(t, s, key("a"), entry(strconv.Itoa(i+2), 0), driver.Set, 0)
				}
			}, func() {
				r := get(t, s, key("a"), 0)
				if r.Entry == nil {
					t.Error("a set entry is missing")
					return
				}
				if v, _ := strconv.ParseUint(string(r.Entry.Payload), 10, 64); v < r.Fence.Stamp.N {
					t.Errorf("got value %d with clock %d, want no older value", v, r.Fence.Stamp.N)
				}
			})
		})
		t.Run(name+"/tags", func(t *testing.T) {
			s := newStore(t, &Options{Policy: p})
			watch(t, func() {
				for range rounds {
					invalidate(t, s, nil, "tag")
				}
			}, func() {
				r := get(t, s, key("a"), time.Minute)
				if r.Entry == nil {
					e := entry("v", 0, "tag")
					e.Stamp = r.Fence.Stamp
					put(t, s, key("a"), e, driver.Fill, r.Fence.Token)
					return
				}
				// Nothing but invalidations of the tag advances here.
				if r.Entry.Stamp.N < r.Fence.Stamp.N {
					t.Errorf("got stamp %d with clock %d, want one invalidated by none of them", r.Entry.Stamp.N, r.Fence.Stamp.N)
				}
			})
		})
	}
}

// watch runs write once and read in two more goroutines for as long.
func watch(t *testing.T, write, read func()) {
	t.Helper()
	var (
		wg   sync.WaitGroup
		done atomic.Bool
	)
	for range 2 {
		wg.Go(func() {
			for !done.Load() && !t.Failed() {
				read()
			}
		})
	}
	write()
	done.Store(true)
	wg.Wait()
}

// Everything at once, on few keys and little room: the bounds hold at every
// moment, and nothing is left over at the end.
func TestConcurrentUse(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	one := sizeOf(keyN(10), entry("0123456789", time.Hour))
	for name, o := range map[string]Options{
		"LRU":         {MaxEntries: 20},
		"LRU/bytes":   {MaxBytes: 20 * one},
		"LRU/sharded": {MaxEntries: 20_000}, // of which the test takes all but 20 away
		"WTinyLFU":    {MaxEntries: 20, Policy: WTinyLFU},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStore(t, &o)
			if len(s.shards) > 1 && s.room != nil {
				s.room.maxEntries = 20
			}
			var wg sync.WaitGroup
			for w := range 8 {
				wg.Go(func() {
					for i := range rounds / 4 {
						k := keyN((i*7 + w*13) % 50)
						switch (i + w) % 8 {
						case 0:
							put(t, s, k, entry("0123456789", time.Hour, "tag"), driver.Set, 0)
						case 1:
							put(t, s, k, entry("0123", time.Duration(i%3)*time.Millisecond), driver.Add, 0)
						case 2:
							r := get(t, s, k, time.Millisecond)
							e := entry("fill", time.Minute, "tag")
							e.Stamp = r.Fence.Stamp
							put(t, s, k, e, driver.Fill, r.Fence.Token)
						case 3:
							if _, err := s.Touch(ctx, k, entry("", time.Hour).Life); err != nil {
								t.Errorf("Touch: %v", err)
							}
						case 4:
							invalidate(t, s, []driver.Key{k}, "tag")
						case 5:
							if _, err := s.Move(ctx, k, keyN(i%50)); err != nil {
								t.Errorf("Move: %v", err)
							}
						case 6:
							n := entry("1", time.Hour)
							n.Kind = driver.Integer
							_, _ = s.Incr(ctx, key("n"), 1, n)
						case 7:
							if i%100 == 0 {
								invalidate(t, s, nil, driver.TagAll)
							}
							get(t, s, k, 0)
						}
						if s.room != nil {
							if n := s.Len(); n > 20 {
								t.Errorf("Len: got %d, want at most 20", n)
							}
						}
						if o.MaxBytes > 0 {
							if n := s.Stats().Bytes; n > o.MaxBytes {
								t.Errorf("bytes: got %d, want at most %d", n, o.MaxBytes)
							}
						}
					}
				})
			}
			wg.Wait()
			for i := range 50 {
				invalidate(t, s, []driver.Key{keyN(i)})
			}
			invalidate(t, s, []driver.Key{key("n")})
			s.sweepAll()
			if st := s.Stats(); st.Entries != 0 || st.Bytes != 0 || st.Fences != 0 {
				t.Errorf("emptied: got %+v, want nothing left", st)
			}
		})
	}
}

// LL-080: none of 8 × 50 increments is lost; of 16 adders one wins.
func TestAtomicSteps(t *testing.T) {
	t.Parallel()
	for name, p := range policies {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStore(t, &Options{Policy: p})
			var (
				wg    sync.WaitGroup
				added atomic.Int32
			)
			for range 16 {
				wg.Go(func() {
					if put(t, s, key("a"), entry("v", 0), driver.Add, 0).Done {
						added.Add(1)
					}
				})
			}
			for range 8 {
				wg.Go(func() {
					for range 50 {
						one := entry("1", 0)
						one.Kind = driver.Integer
						if _, err := s.Incr(t.Context(), key("n"), 1, one); err != nil {
							t.Errorf("Incr: %v", err)
						}
					}
				})
			}
			wg.Wait()
			if got := string(get(t, s, key("n"), 0).Entry.Payload); got != "400" || added.Load() != 1 {
				t.Errorf("got %s counted and %d added, want 400 and 1", got, added.Load())
			}
		})
	}
}

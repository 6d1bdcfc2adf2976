package ristrettostore_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stratacache/strata/backends/locmem"
	"github.com/stratacache/strata/backends/ristrettostore"
	"github.com/stratacache/strata/cache"
	"github.com/stratacache/strata/cache/driver"
)

// What ristretto alone gets wrong is right at once, and still right when
// ristretto has taken it in.
func TestAtOnceAndAfterwards(t *testing.T) {
	t.Parallel()
	const writers, each = 4, 1000
	s := open(t, nil)
	check := func(k driver.Key, want string) {
		t.Helper()
		if got := read(t, s, k); got != want {
			t.Errorf("Get %s: got %q, want %q", k, got, want)
		}
	}
	set := func(k driver.Key, value string) {
		put(t, s, k, entry(value, time.Hour), driver.Set, 0)
		check(k, value)
	}
	remove := func(k driver.Key) {
		if n := invalidate(t, s, []driver.Key{k}).Removed; n != 1 {
			t.Errorf("Removed of %s: got %d, want 1", k, n)
		}
		check(k, "")
	}
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for i := range each {
				k := key(fmt.Sprint("set ", w, i))
				set(k, "one")
				set(k, "two") // ristretto throws it away, and keeps one
				k = key(fmt.Sprint("removed ", w, i))
				set(k, "one")
				remove(k) // ristretto shows one again now and then
				k = key(fmt.Sprint("again ", w, i))
				set(k, "one")
				remove(k)
				set(k, "three")
			}
		})
	}
	wg.Wait()
	s.Settle()
	if st := s.Stats(); st.Waiting != 0 || st.Evicted+st.Rejected != 0 {
		t.Errorf("Stats: got %+v, want nothing waiting and nothing thrown out", st)
	}
	for w := range writers {
		for i := range each {
			check(key(fmt.Sprint("set ", w, i)), "two")
			check(key(fmt.Sprint("removed ", w, i)), "")
			check(key(fmt.Sprint("again ", w, i)), "three")
		}
	}
}

// In a burst ristretto alone drops most of what is new.
func TestBurstDropsNothing(t *testing.T) {
	t.Parallel()
	const writers, each = 4, 20_000
	s := open(t, &ristrettostore.Options{MaxBytes: writers * each * 1000})
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for i := range each {
				put(t, s, key(fmt.Sprint(w, " ", i)), entry("v", 0), driver.Set, 0)
			}
		})
	}
	wg.Wait()
	for range 2 {
		missing := 0
		for w := range writers {
			for i := range each {
				if read(t, s, key(fmt.Sprint(w, " ", i))) != "v" {
					missing++
				}
			}
		}
		if missing > 0 {
			t.Errorf("missing of %d sets: got %d, want none", writers*each, missing)
		}
		s.Settle()
	}
}

// In a full store an entry may go at any moment, but none is ever older than the
// last write of its key.
func TestNothingStaleInFullStore(t *testing.T) {
	t.Parallel()
	const keys, steps = 64, 20_000
	s := open(t, &ristrettostore.Options{MaxBytes: 20_000, NumCounters: 1000})
	var wg sync.WaitGroup
	for w := range 4 { // each with keys of its own, and all throwing out all
		wg.Go(func() {
			rng := rand.New(rand.NewPCG(uint64(w), 1))
			last := make([]int, keys)
			hits := 0
			for i := 1; i <= steps; i++ {
				n := rng.IntN(keys)
				k := key(fmt.Sprint(w, " ", n))
				size := rng.IntN(300)
				switch rng.IntN(5) {
				case 0, 1:
					e := entry(fmt.Sprintf("%d %*s", i, size, ""), time.Duration(rng.IntN(3)*rng.IntN(int(time.Minute))))
					put(t, s, k, e, driver.Set, 0)
					last[n] = i
				case 2:
					invalidate(t, s, []driver.Key{k})
					last[n] = 0
				case 3:
					r, _ := s.Get(t.Context(), k, time.Minute)
					if r.Entry == nil {
						e := entry(strconv.Itoa(i)+" ", 0)
						e.Stamp = r.Fence.Stamp
						if put(t, s, k, e, driver.Fill, r.Fence.Token).Done {
							last[n] = i
						}
					}
				}
				if got := read(t, s, k); got != "" {
					hits++
					var version int
					if _, err := fmt.Sscan(got, &version); err != nil || version != last[n] {
						t.Errorf("Get %s in step %d: got version %d, want %d or nothing", k, i, version, last[n])
						return
					}
				}
			}
			if hits == 0 {
				t.Error("got no hit at all")
			}
		})
	}
	wg.Wait()
	s.Settle()
	st := s.Stats()
	if st.Bytes > 25_000 || st.Evicted+st.Rejected == 0 {
		t.Errorf("Stats: got %+v, want at most a quarter over 20000 bytes, and some thrown out", st)
	}
}

// What grows under its key makes room as if it were new.
func TestGrowingKeepsTheBound(t *testing.T) {
	t.Parallel()
	const maxBytes = 1 << 20
	s := open(t, &ristrettostore.Options{MaxBytes: maxBytes})
	for size := 1; size < 100_000; size += size/3 + 1 {
		for i := range 100 {
			put(t, s, key(fmt.Sprint(i)), entry(fmt.Sprintf("%*s", size, ""), 0), driver.Set, 0)
		}
		s.Settle()
		if got := s.Stats().Bytes; got > maxBytes*5/4 {
			t.Fatalf("Bytes with entries of %d: got %d, want at most a quarter over %d", size, got, maxBytes)
		}
	}
}

func TestMemoryOfEndedEntries(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := open(t, nil)
		for i := range 100 {
			put(t, s, key(fmt.Sprint(i)), entry("v", time.Second), driver.Set, 0)
		}
		time.Sleep(11 * time.Second)
		if st := s.Stats(); st.Bytes != 0 || st.Expired != 100 {
			t.Errorf("Stats 10 s after the end: got %+v, want no bytes and 100 expired", st)
		}
	})
}

// What is written where something has ended outlives ristretto's dropping of the
// latter.
func TestWrittenOverEnded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := open(t, nil)
		for step := range 40 {
			k := key(fmt.Sprint(step))
			put(t, s, k, entry("old", time.Second), driver.Set, 0)
			time.Sleep(time.Second + time.Duration(step)*250*time.Millisecond)
			for _, ttl := range []time.Duration{0, time.Hour} {
				put(t, s, k, entry("new", ttl), driver.Set, 0)
				s.Settle()
				time.Sleep(11 * time.Second)
				if got := read(t, s, k); got != "new" {
					t.Errorf("step %d: got %q, want what was written last", step, got)
				}
			}
		}
		if got, least := s.Stats().Bytes, int64(40*ristrettostore.EntryOverhead); got < least || got > least+40*20 {
			t.Errorf("Bytes: got %d, want those of 40 entries", got)
		}
	})
}

// A whole clear gives the memory back at once.
func TestClearGivesBack(t *testing.T) {
	t.Parallel()
	s := open(t, nil)
	for i := range 100 {
		put(t, s, key(fmt.Sprint(i)), entry("v", 0), driver.Set, 0)
	}
	invalidate(t, s, nil, driver.TagAll)
	s.Settle()
	if st := s.Stats(); st.Bytes != 0 || st.Waiting != 0 || st.Evicted != 0 {
		t.Errorf("Stats after a clear: got %+v, want nothing kept and nothing evicted", st)
	}
}

func TestFencesAreBounded(t *testing.T) {
	t.Parallel()
	s := open(t, nil)
	for i := range 100_000 {
		if _, err := s.Get(t.Context(), key(fmt.Sprint(i)), time.Hour); err != nil {
			t.Fatal(err)
		}
	}
	if got := s.Stats().Fences; got > 1<<16 || got < 1<<14 {
		t.Errorf("Fences after 100000 loads that never ended: got %d, want at most %d", got, 1<<16)
	}
}

// As a near tier it keeps what was decoded.
func TestNearTier(t *testing.T) {
	t.Parallel()
	unlogged := struct{ driver.Store }{locmem.New(nil)} // there is no waiting for its log
	c, err := cache.New(unlogged, &cache.Options{Near: []cache.Tier{{Store: open(t, nil)}}})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close(t.Context())
	words := cache.For[[]string](c)
	for range 100 {
		got, err := words.GetOrSet(t.Context(), "k", func(context.Context) ([]string, error) { return []string{"a", "b"}, nil })
		if err != nil || len(got) != 2 {
			t.Fatalf("GetOrSet: got %q, %v", got, err)
		}
	}
	if st := c.Stats(); st.Loads != 1 || st.NearHits != 99 {
		t.Errorf("Stats: got %d loads and %d near hits, want 1 and 99", st.Loads, st.NearHits)
	}
}

// Calls in flight end in an answer or in ErrClosed, never in a panic of
// ristretto's.
func TestCloseUnderLoad(t *testing.T) {
	t.Parallel()
	for range 20 {
		s, err := ristrettostore.New(&ristrettostore.Options{MaxBytes: 1 << 20})
		if err != nil {
			t.Fatal(err)
		}
		var wg sync.WaitGroup
		for w := range 4 {
			wg.Go(func() {
				for i := 0; ; i++ {
					k := key(fmt.Sprint(w, i%100))
					_, err := s.Put(t.Context(), k, entry("v", time.Hour), driver.Set, 0)
					if err == nil {
						_, err = s.Get(t.Context(), k, time.Minute)
					}
					if err == nil && i%10 == 0 {
						_, err = s.Invalidate(t.Context(), driver.Invalidation{Keys: []driver.Key{k}, Tags: []string{driver.TagAll}})
					}
					if err != nil {
						if err != driver.ErrClosed {
							t.Errorf("got error %v, want %v", err, driver.ErrClosed)
						}
						return
					}
				}
			})
		}
		time.Sleep(rand.N(2 * time.Millisecond))
		if err := s.Close(t.Context()); err != nil {
			t.Errorf("Close: %v", err)
		}
		wg.Wait()
		s.Settle()
		s.Stats()
	}
}

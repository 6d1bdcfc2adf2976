package locmem

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stratacache/strata/cache/driver"
)

func TestLRUKeepsExactlyTheMostRecent(t *testing.T) {
	t.Parallel()
	s := newStore(t, &Options{MaxEntries: 3})
	set(t, s, "a", "b", "c", "d", "e")
	wantOrder(t, s, "e", "d", "c")
	if got := s.Stats().Evicted; got != 2 {
		t.Errorf("evicted: got %d, want 2", got)
	}
}

// LL-147, LL-148, LL-149, LL-053, LL-084: what refreshes recency.
func TestLRURecency(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	number := func() *driver.Entry {
		e := entry("1", 0)
		e.Kind = driver.Integer
		return e
	}
	for name, c := range map[string]struct {
		do        func(*Store) error
		refreshes bool
	}{
		"Get":     {func(s *Store) error { _, err := s.Get(ctx, key("a"), 0); return err }, true},
		"GetMany": {func(s *Store) error { _, err := s.GetMany(ctx, []driver.Key{key("a")}, 0); return err }, true},
		"Set":     {func(s *Store) error { _, err := s.Put(ctx, key("a"), number(), driver.Set, 0); return err }, true},
		"Incr":    {func(s *Store) error { _, err := s.Incr(ctx, key("a"), 1, nil); return err }, true},
		"Add that fails": {func(s *Store) error {
			_, err := s.Put(ctx, key("a"), number(), driver.Add, 0)
			return err
		}, false},
		"Touch": {func(s *Store) error {
			r, err := s.Touch(ctx, key("a"), entry("", time.Hour).Life)
			if !r.Done {
				return errors.New("not touched")
			}
			return err
		}, false},
		"Incr that fails": {func(s *Store) error {
			_, err := s.Incr(ctx, key("a"), 1<<63-1, nil)
			if !errors.Is(err, driver.ErrOverflow) {
				return fmt.Errorf("got %v, want ErrOverflow", err)
			}
			return nil
		}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStore(t, &Options{MaxEntries: 2})
			put(t, s, key("a"), number(), driver.Set, 0)
			set(t, s, "b")
			if err := c.do(s); err != nil {
				t.Fatal(err)
			}
			set(t, s, "c")
			if c.refreshes {
				wantOrder(t, s, "c", "a")
			} else {
				wantOrder(t, s, "c", "b")
			}
		})
	}
}

func TestLRUInvalidEntryIsNotRefreshed(t *testing.T) {
	t.Parallel()
	s := newStore(t, &Options{MaxEntries: 2})
	put(t, s, key("a"), entry("1", 0, "tag"), driver.Set, 0)
	set(t, s, "b")
	invalidate(t, s, nil, "tag")
	if r := get(t, s, key("a"), 0); r.Entry != nil || r.Fence.Token == 0 {
		t.Errorf("invalid entry: got %+v, want a miss with its token", r)
	}
	set(t, s, "c")
	wantOrder(t, s, "c", "b")
}

// LL-142: overwriting never evicts.
func TestLRUOverwriteEvictsNothing(t *testing.T) {
	t.Parallel()
	s := newStore(t, &Options{MaxEntries: 2})
	set(t, s, "a", "b")
	for range 10 {
		set(t, s, "a", "b")
	}
	wantOrder(t, s, "b", "a")
	if got := s.Stats().Evicted; got != 0 {
		t.Errorf("evicted: got %d, want 0", got)
	}
}

func TestLRUBytes(t *testing.T) {
	t.Parallel()
	const payload = 100
	one := sizeOf(key("a"), entry(strings.Repeat("x", payload), 0))
	s := newStore(t, &Options{MaxBytes: 3 * one})
	big := func(name string, n int) {
		put(t, s, key(name), entry(strings.Repeat("x", n), 0), driver.Set, 0)
	}
	big("a", payload)
	big("b", payload)
	big("c", payload)
	wantOrder(t, s, "c", "b", "a")
	big("c", payload+1) // a byte more than there is room for
	wantOrder(t, s, "c", "b")
	big("b", 1)
	big("a", payload)
	wantOrder(t, s, "a", "b", "c")
	if got, most := s.Stats().Bytes, s.opts.MaxBytes; got > most {
		t.Errorf("bytes: got %d, want at most %d", got, most)
	}
	big("b", int(3*one-EntryOverhead)-key("b").Len()) // all of it
	wantOrder(t, s, "b")
	invalidate(t, s, []driver.Key{key("b")})
	if got := s.Stats().Bytes; got != 0 {
		t.Errorf("bytes of an empty store: got %d, want 0", got)
	}
}

func TestTooLarge(t *testing.T) {
	t.Parallel()
	for name, p := range policies {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStore(t, &Options{MaxBytes: 2000, Policy: p})
			large := func() *driver.Entry { return entry(strings.Repeat("x", 2000), 0) }
			for _, c := range []struct {
				mode driver.Mode
				kept bool
			}{{driver.Set, false}, {driver.SetFenced, false}, {driver.Fill, true}} {
				set(t, s, "a")
				r := get(t, s, key("a"), 0)
				e := large()
				e.Stamp = r.Fence.Stamp
				if _, err := s.Put(t.Context(), key("a"), e, c.mode, r.Fence.Token); !errors.Is(err, driver.ErrTooLarge) {
					t.Errorf("mode %d: got %v, want ErrTooLarge", c.mode, err)
				}
				if got := get(t, s, key("a"), 0).Entry != nil; got != c.kept {
					t.Errorf("mode %d: old entry kept: got %v, want %v", c.mode, got, c.kept)
				}
			}
			if _, err := s.Put(t.Context(), key("new"), large(), driver.Add, 0); !errors.Is(err, driver.ErrTooLarge) {
				t.Errorf("Add: got %v, want ErrTooLarge", err)
			}
		})
	}
}

// LL-145: what has ended goes first, wherever it is.
func TestLRUEndedGoFirst(t *testing.T) {
	t.Parallel()
	for _, most := range []int{4, 20_000} {
		synctest.Test(t, func(t *testing.T) {
			s := newStore(t, &Options{MaxEntries: most})
			for i := range most {
				e := entry("old", 0)
				if i >= most/2 { // the more recent ones end
					e = entry("old", 100*time.Millisecond)
				}
				put(t, s, keyN(i), e, driver.Set, 0)
			}
			time.Sleep(100 * time.Millisecond) // before the sweep
			for i := range most / 2 {
				put(t, s, keyN(most+i), entry("new", 0), driver.Set, 0)
			}
			for _, i := range []int{0, most/2 - 1, most, most + most/2 - 1} {
				if get(t, s, keyN(i), 0).Entry == nil {
					t.Errorf("of %d: key %d was evicted, while ended entries were there", most, i)
				}
			}
			if st := s.Stats(); st.Evicted != 0 || st.Expired != uint64(most/2) || st.Entries != most {
				t.Errorf("of %d: got %+v, want nothing evicted, half expired, all places taken", most, st)
			}
		})
	}
}

func TestShardedLRUIsExactInTotal(t *testing.T) {
	t.Parallel()
	const most = 20_000
	s := newStore(t, &Options{MaxEntries: most})
	if len(s.shards) == 1 {
		t.Fatalf("got one shard for %d entries, want several", most)
	}
	for i := range most {
		put(t, s, keyN(i), entry("v", 0), driver.Set, 0)
	}
	if st := s.Stats(); st.Entries != most || st.Evicted != 0 {
		t.Errorf("a store that is just full: got %+v, want all entries", st)
	}
	for i := range 500 {
		put(t, s, keyN(most+i), entry("v", 0), driver.Set, 0)
		if s.Len() != most {
			t.Fatalf("Len: got %d, want %d", s.Len(), most)
		}
	}
	for i := range 500 {
		if get(t, s, keyN(most+i), 0).Entry == nil {
			t.Errorf("key %d was just written and is gone", most+i)
		}
	}
}

// A shard that has nothing to give takes room from another.
func TestShardedLRUTakesFromOthers(t *testing.T) {
	t.Parallel()
	const most = 64 << 20
	s := newStore(t, &Options{MaxBytes: most})
	for i := range 4 {
		put(t, s, keyN(i), entry(strings.Repeat("x", most/4-1000), 0), driver.Set, 0)
	}
	put(t, s, key("all of it"), entry(strings.Repeat("x", most-1000), 0), driver.Set, 0)
	if get(t, s, key("all of it"), 0).Entry == nil || s.Len() != 1 {
		t.Errorf("got %+v, want the large entry alone", s.Stats())
	}
	r, err := s.Move(t.Context(), key("all of it"), key("another, longer name in another shard"))
	if err != nil || !r.Done || s.Len() != 1 {
		t.Errorf("Move: got %+v, %v, %+v, want it moved", r, err, s.Stats())
	}
}

func TestMoveIntoFullStore(t *testing.T) {
	t.Parallel()
	s := newStore(t, &Options{MaxEntries: 3})
	set(t, s, "a", "b", "c")
	if r, err := s.Move(t.Context(), key("a"), key("d")); err != nil || !r.Done {
		t.Fatalf("Move: got %+v, %v, want done", r, err)
	}
	wantOrder(t, s, "d", "c", "b")
}

// Entries that grow at the same time do not wait for each other's room.
func TestLRUGrowingEntries(t *testing.T) {
	t.Parallel()
	s := New(&Options{MaxBytes: 8 << 20})
	var wg sync.WaitGroup
	for g := range 4 {
		wg.Go(func() {
			key := driver.Key{Name: fmt.Sprint("k", g)}
			for i := range 2000 {
				size := 7 << 19
				if i%2 == 1 {
					size = 6 << 20
				}
				e := &driver.Entry{Payload: make([]byte, 0, 1), Life: driver.Life{Fresh: driver.Forever, Expires: driver.Forever}}
				e.Payload = zeros[:size]
				if _, err := s.Put(t.Context(), key, e, driver.Set, 0); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	_ = s.Close(t.Context())
}

var zeros = make([]byte, 6<<20)

// Loads that fail leave their fences; they do not add up without bound.
func TestFencesAreBounded(t *testing.T) {
	t.Parallel()
	s := New(&Options{MaxEntries: 10})
	for i := range 3 * maxFences {
		if _, err := s.Get(t.Context(), driver.Key{Name: fmt.Sprint(i)}, time.Hour); err != nil {
			t.Fatal(err)
		}
	}
	if got := s.Stats().Fences; got > maxFences {
		t.Errorf("got %d fences, want at most %d", got, maxFences)
	}
	_ = s.Close(t.Context())
}

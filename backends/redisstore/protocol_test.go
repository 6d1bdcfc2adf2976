package redisstore_test

import (
	"errors"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stratacache/strata/backends/redisstore"
	"github.com/stratacache/strata/cache/driver"
	"github.com/stratacache/strata/internal/servertest"
)

func many(t testing.TB, s *redisstore.Store, names ...string) []driver.KeyReading {
	t.Helper()
	keys := make([]driver.Key, len(names))
	for i, n := range names {
		keys[i] = key(n)
	}
	r, err := s.GetMany(t.Context(), keys, 0)
	if err != nil {
		t.Fatalf("GetMany(%q): %v", names, err)
	}
	return r
}

func putMany(t testing.TB, s *redisstore.Store, tag string, names ...string) {
	t.Helper()
	items := make([]driver.Item, len(names))
	for i, n := range names {
		items[i] = driver.Item{Key: key(n), Entry: value(n, tag)}
	}
	for i, r := range s.PutMany(t.Context(), items) {
		if r.Err != nil || !r.Done {
			t.Fatalf("PutMany: %q: got %+v", names[i], r)
		}
	}
}

// The short way to an entry without tags sees that all was cleared.
func TestClearOfUntagged(t *testing.T) {
	onServers(t, func(t *testing.T, s *redisstore.Store) {
		set(t, s, "k", value("v"))
		set(t, s, "big", value(strings.Repeat("x", 5000)))
		want(t, s, "big", strings.Repeat("x", 5000))
		invalidate(t, s, nil, []string{driver.TagAll})
		want(t, s, "k", "")
		want(t, s, "big", "")
		for i, r := range many(t, s, "k", "big") {
			if r.Entry != nil {
				t.Errorf("GetMany: entry %d was cleared", i)
			}
		}
		set(t, s, "big", value(strings.Repeat("y", 5000), "t"))
		want(t, s, "big", strings.Repeat("y", 5000))
	})
}

// GetMany knows tags from its last call; what it does not know it asks for.
func TestGetManyTags(t *testing.T) {
	onServers(t, func(t *testing.T, s *redisstore.Store) {
		putMany(t, s, "t", "a", "b")
		set(t, s, "c", value("c", "u"))
		for range 2 { // with and without knowing
			if r := many(t, s, "a", "b", "c"); r[0].Entry == nil || r[1].Entry == nil || r[2].Entry == nil {
				t.Fatalf("got %+v", r)
			}
		}
		invalidate(t, s, nil, []string{"t"})
		if r := many(t, s, "a", "b", "c"); r[0].Entry != nil || r[1].Entry != nil || r[2].Entry == nil || r[0].Fence.Token == 0 {
			t.Fatalf("known: got %+v", r)
		}
		other := over(t, client(t, s.Primary().Options().Addr), s.Namespace())
		if r := many(t, other, "a", "b", "c"); r[0].Entry != nil || r[1].Entry != nil || r[2].Entry == nil {
			t.Fatalf("unknown: got %+v", r)
		}
		raw(t, s, "del", s.MetaKey())
		if r := many(t, s, "c", "a"); r[0].Entry != nil || r[1].Entry != nil {
			t.Fatalf("after the record was lost: got %+v", r)
		}
	})
}

// PutMany stamps with a clock from before, and finds out when that is too old.
func TestPutManyWithAnOldClock(t *testing.T) {
	onServers(t, func(t *testing.T, s *redisstore.Store) {
		other := over(t, client(t, s.Primary().Options().Addr), s.Namespace())
		all := func(when string) {
			t.Helper()
			putMany(t, s, "t", "a", "b")
			for i, r := range many(t, s, "a", "b") {
				if r.Entry == nil {
					t.Fatalf("%s: entry %d was set and is not there", when, i)
				}
			}
			want(t, other, "a", "a")
		}
		all("at first")
		invalidate(t, other, nil, []string{"t"})
		all("after another process invalidated the tag")
		invalidate(t, other, nil, []string{driver.TagAll})
		all("after another process cleared")
		raw(t, s, "del", s.MetaKey())
		all("after the record was lost")
		raw(t, s, "del", s.MetaKey())
		want(t, other, "a", "")
		all("after the record was lost and made anew")
		before := get(t, s, "a", 0).Fence.Stamp.N
		all("again")
		if got := get(t, s, "a", 0).Fence.Stamp.N; got != before+2 {
			t.Errorf("got clock %d after %d, want one step for each entry", got, before)
		}
		// An entry that has ended before it arrives removes what stands.
		e := value("v")
		e.Life = driver.Life{Fresh: 1, Expires: 1}
		forever := value("F")
		forever.Life = driver.Life{Fresh: driver.Forever, Expires: driver.Forever}
		s.PutMany(t.Context(), []driver.Item{{Key: key("a"), Entry: e}, {Key: key("b"), Entry: forever}})
		want(t, s, "a", "")
		want(t, s, "b", "F")
	})
}

// Nothing is lost that is counted while an entry moves.
func TestMoveLosesNoIncrement(t *testing.T) {
	onServers(t, func(t *testing.T, s *redisstore.Store) {
		for round := range 20 {
			from, to := "from"+strconv.Itoa(round), "to"+strconv.Itoa(round)
			set(t, s, from, integer("0"))
			var wg sync.WaitGroup
			counted := 0
			wg.Go(func() {
				for {
					_, err := s.Incr(t.Context(), key(from), 1, nil)
					if errors.Is(err, driver.ErrMiss) {
						return
					}
					if err != nil {
						t.Errorf("Incr: %v", err)
						return
					}
					counted++
				}
			})
			var err error
			for done := false; !done && err == nil; {
				// It may give up against a counter that is as busy as this one.
				var r driver.Result
				if r, err = s.Move(t.Context(), key(from), key(to)); err != nil && strings.Contains(err.Error(), "keeps changing") {
					err = nil
				}
				done = r.Done
			}
			if err != nil {
				invalidate(t, s, []string{from}, nil)
			}
			wg.Wait()
			if err != nil {
				t.Fatalf("Move: %v", err)
			}
			want(t, s, to, strconv.Itoa(counted))
		}
	})
}

// A server that followed its own stale replica for a while has the run id that
// it had, and data from before: only its replication id tells.
func TestServerThatFollowedItsReplica(t *testing.T) {
	t.Parallel()
	primary := servertest.Redis(t, "--repl-diskless-sync-delay", "0")
	replica := servertest.Redis(t, "--repl-diskless-sync-delay", "0")
	s := open(t, primary.Addr)
	set(t, s, "k", value("old"))
	a, b := client(t, primary.Addr), client(t, replica.Addr)
	follow(t, b, primary.Addr, s.MetaKey())
	invalidate(t, s, []string{"k"}, nil)
	follow(t, a, replica.Addr, name(s, "k"))
	again := over(t, client(t, primary.Addr), s.Namespace())
	want(t, again, "k", "")
	want(t, s, "k", "")
	set(t, again, "k", value("new"))
	want(t, s, "k", "new")
}

// A call that found no valid entry is told apart from one that joined it.
func TestPlantedInGetMany(t *testing.T) {
	onServers(t, func(t *testing.T, s *redisstore.Store) {
		set(t, s, "valid", value("v"))
		keys := []driver.Key{key("valid"), key("absent")}
		for _, planted := range []bool{true, false} {
			r, err := s.GetMany(t.Context(), keys, time.Minute)
			if err != nil || r[0].Entry == nil || r[0].Planted || r[1].Entry != nil || r[1].Planted != planted || r[1].Fence.Token == 0 {
				t.Fatalf("got %+v, %v, want planted %t", r, err, planted)
			}
		}
	})
}

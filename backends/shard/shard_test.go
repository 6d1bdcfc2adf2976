package shard_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stratacache/strata/backends/locmem"
	"github.com/stratacache/strata/backends/shard"
	"github.com/stratacache/strata/cache"
	"github.com/stratacache/strata/cache/driver"
	"github.com/stratacache/strata/cache/drivertest"
)

// on is the i-th of the keys that live on a shard.
func on(s *shard.Store, name string, i int) driver.Key {
	for n := 0; ; n++ {
		if k := keyN(n); s.Pick(k) == name {
			if i == 0 {
				return k
			}
			i--
		}
	}
}

func invalidate(t testing.TB, s driver.Store, tags ...string) {
	t.Helper()
	if _, err := s.Invalidate(t.Context(), driver.Invalidation{Tags: tags}); err != nil {
		t.Fatalf("Invalidate(%q): got error %v", tags, err)
	}
}

func TestKeysGoToTheirShardsAndTagsToAll(t *testing.T) {
	t.Parallel()
	by, shards := faulties("a", "b", "c")
	s := over(t, shards...)
	asked := func(do func()) string {
		before := map[string]int{}
		for n, f := range by {
			before[n] = f.Calls()
		}
		do()
		return fmt.Sprint(by["a"].Calls()-before["a"], by["b"].Calls()-before["b"], by["c"].Calls()-before["c"])
	}
	a, b := on(s, "a", 0), on(s, "b", 0)
	for _, c := range []struct {
		what string
		do   func()
		want string
	}{
		{"Set", func() { set(t, s, a, value("v", "t")) }, "1 0 0"},
		{"Get", func() { read(t, s, b) }, "0 1 0"},
		{"GetMany", func() { _, _ = s.GetMany(t.Context(), []driver.Key{b, a, on(s, "b", 1)}, 0) }, "1 1 0"},
		{"PutMany", func() { _ = s.PutMany(t.Context(), []driver.Item{{Key: b, Entry: value("v", "t")}}) }, "0 1 0"},
		{"Invalidate of a key", func() { _, _ = s.Invalidate(t.Context(), driver.Invalidation{Keys: []driver.Key{b}}) }, "0 1 0"},
		{"Invalidate of keys", func() { _, _ = s.Invalidate(t.Context(), driver.Invalidation{Keys: []driver.Key{b, a}}) }, "1 1 0"},
		{"Invalidate of a tag", func() { invalidate(t, s, "t") }, "1 1 1"},
		{"Invalidate of nothing", func() { invalidate(t, s) }, "1 1 1"},
		{"Ping", func() { _ = s.Ping(t.Context()) }, "1 1 1"},
	} {
		if got := asked(c.do); got != c.want {
			t.Errorf("%s: shards were asked %s times, want %s", c.what, got, c.want)
		}
	}
}

func TestADeadShard(t *testing.T) {
	t.Parallel()
	by, shards := faulties("a", "b", "c")
	s := over(t, shards...)
	ctx := t.Context()
	a, b, c := on(s, "a", 0), on(s, "b", 0), on(s, "c", 0)
	keys := []driver.Key{c, b, a, on(s, "b", 1)}
	for _, k := range keys {
		set(t, s, k, value("v of "+k.Name, "t"))
	}
	// down checks that err is b's outage.
	down := func(what string, err error) {
		t.Helper()
		if !errors.Is(err, drivertest.ErrFault) || !strings.Contains(err.Error(), "shard: b: ") {
			t.Errorf("%s: got error %v, want b's", what, err)
		}
		if err != nil && strings.Contains(err.Error(), "shard: a: ") {
			t.Errorf("%s: got error %v, want none of a", what, err)
		}
	}
	by["b"].Plan(fails)

	_, err := s.Get(ctx, b, 0)
	down("Get", err)
	if got, want := read(t, s, a), "v of "+a.Name; got != want {
		t.Errorf("Get on another shard: got %q, want %q", got, want)
	}
	rs, err := s.GetMany(ctx, keys, 0)
	if err != nil {
		t.Fatalf("GetMany: got error %v for all", err)
	}
	for i, k := range keys {
		if s.Pick(k) == "b" {
			down("GetMany", rs[i].Err)
		} else if rs[i].Err != nil || string(rs[i].Entry.Payload) != "v of "+k.Name {
			t.Errorf("GetMany of %s: got %+v", k, rs[i])
		}
	}
	_, err = s.GetMany(ctx, []driver.Key{b, on(s, "b", 1)}, 0)
	down("GetMany of nothing else", err)
	for i, r := range s.PutMany(ctx, []driver.Item{{Key: a, Entry: value("new", "t")}, {Key: b, Entry: value("new", "t")}}) {
		if i == 1 {
			down("PutMany", r.Err)
		} else if r.Err != nil || !r.Done {
			t.Errorf("PutMany on another shard: got %+v", r)
		}
	}
	_, err = s.Move(ctx, b, a)
	down("Move from", err)
	_, err = s.Move(ctx, a, b)
	down("Move to", err)
	if got := read(t, s, a); got != "new" {
		t.Errorf("Get of what was to move: got %q, want it untouched", got)
	}
	down("Ping", s.Ping(ctx))

	// Not all have forgotten the tag, and the caller is told.
	_, err = s.Invalidate(ctx, driver.Invalidation{Tags: []string{"t"}})
	down("Invalidate of a tag", err)
	if got := read(t, s, a) + read(t, s, c); got != "" {
		t.Errorf("Get on the shards that did it: got %q, want nothing", got)
	}
	if r, err := s.Invalidate(ctx, driver.Invalidation{Keys: []driver.Key{a}}); err != nil {
		t.Errorf("Invalidate of a key of another shard: got %+v, %v", r, err)
	}
	by["b"].Plan(nil)
	if got := read(t, s, b); got == "" {
		t.Error("b came back without its entry: this test shows nothing")
	}
	invalidate(t, s, "t")
	if got := read(t, s, b); got != "" {
		t.Errorf("Get after the invalidation was repeated: got %q", got)
	}

	for _, f := range by {
		f.Plan(fails)
	}
	if _, err := s.GetMany(ctx, keys, 0); !errors.Is(err, drivertest.ErrFault) {
		t.Errorf("GetMany with all shards dead: got error %v", err)
	}
}

func TestAClientOverADeadShard(t *testing.T) {
	t.Parallel()
	by, shards := faulties("a", "b", "c")
	s := over(t, shards...)
	c, err := cache.New(s, nil)
	if err != nil {
		t.Fatal(err)
	}
	by["b"].Plan(fails)
	for i := range 30 {
		name := fmt.Sprint("k", i)
		for range 2 {
			b, err := c.GetOrSet(t.Context(), name, func(context.Context) ([]byte, error) { return []byte("v"), nil })
			if err != nil || string(b) != "v" {
				t.Errorf("GetOrSet(%s): got %q, %v", name, b, err)
			}
		}
	}
	st := c.Stats()
	if st.Hits == 0 || st.StoreErrors == 0 {
		t.Errorf("got %d hits and %d store errors, want some of each", st.Hits, st.StoreErrors)
	}
	if err := c.Invalidate(t.Context(), "t"); !errors.Is(err, cache.ErrUnavailable) {
		t.Errorf("Invalidate: got error %v, want %v", err, cache.ErrUnavailable)
	}
}

func TestShardsAreAskedAtTheSameTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		by, shards := faulties("a", "b", "c")
		s := over(t, shards...)
		for _, f := range by {
			f.Plan(func(drivertest.Call) drivertest.Fault { return drivertest.Fault{Delay: time.Second} })
		}
		began := time.Now()
		if _, err := s.GetMany(t.Context(), []driver.Key{on(s, "a", 0), on(s, "b", 0), on(s, "c", 0)}, 0); err != nil {
			t.Error(err)
		}
		if took := time.Since(began); took != time.Second {
			t.Errorf("GetMany took %v, want a second", took)
		}
		began = time.Now()
		invalidate(t, s, "t")
		if took := time.Since(began); took != time.Second {
			t.Errorf("Invalidate took %v, want a second", took)
		}
	})
}

func TestMoveBetweenShards(t *testing.T) {
	t.Parallel()
	synctest.Test(t, moves)
}

func moves(t *testing.T) {
	by, shards := faulties("a", "b", "c")
	s := over(t, shards...)
	from, to := on(s, "a", 0), on(s, "b", 0)
	move := func(want bool) {
		t.Helper()
		if r, err := s.Move(t.Context(), from, to); err != nil || r.Done != want {
			t.Fatalf("Move: got %+v, %v, want Done %v", r, err, want)
		}
	}
	at := func(wantFrom, wantTo string) {
		t.Helper()
		if a, b := read(t, s, from), read(t, s, to); a != wantFrom || b != wantTo {
			t.Errorf("from and to: got %q and %q, want %q and %q", a, b, wantFrom, wantTo)
		}
	}
	// during has something happen just before a call of a shard.
	during := func(shard, method string, nth int, do func()) {
		by[shard].Plan(func(c drivertest.Call) drivertest.Fault {
			if c.Method == method {
				if nth--; nth == 0 {
					by[shard].Plan(nil)
					do()
				}
			}
			return drivertest.Fault{}
		})
	}
	reset := func() {
		t.Helper()
		for _, f := range by {
			f.Plan(nil)
		}
		_, err := s.Invalidate(t.Context(), driver.Invalidation{Keys: []driver.Key{from, to}})
		if err != nil {
			t.Fatal(err)
		}
		set(t, s, from, value("v", "t"))
	}

	reset()
	move(true)
	at("", "v")
	invalidate(t, s, "t")
	at("", "")
	move(false)

	reset() // the target is written while the entry moves
	during("b", "Put", 1, func() { set(t, s, to, value("other")) })
	move(false)
	at("v", "other")

	reset() // its tag is invalidated before it is stored
	during("b", "Put", 1, func() { invalidate(t, s, "t") })
	move(false)
	at("", "")

	reset() // and after
	during("a", "Invalidate", 1, func() { invalidate(t, s, "t") })
	move(false)
	at("", "")

	reset() // it is removed
	during("a", "Invalidate", 1, func() {
		_, _ = s.Invalidate(t.Context(), driver.Invalidation{Keys: []driver.Key{from}})
	})
	move(false)
	at("", "")

	reset() // the old shard does not answer when it must remove
	by["a"].Plan(drivertest.On(drivertest.Fault{Err: drivertest.ErrFault}, "Invalidate"))
	if r, err := s.Move(t.Context(), from, to); err == nil || r.Done {
		t.Errorf("Move that cannot remove: got %+v, %v, want an error", r, err)
	}

	reset() // a move of nothing plants nothing
	if r, err := s.Move(t.Context(), on(s, "a", 1), to); err != nil || r.Done {
		t.Errorf("Move of nothing: got %+v, %v", r, err)
	}
	if r, err := s.Get(t.Context(), to, 0); err != nil || r.Fence.Token != 0 {
		t.Errorf("the target after it: got token %v, %v, want none", r.Fence.Token, err)
	}
}

// An invalidation that is on its way meets an entry that would move from a shard
// where it has not been yet to one where it has.
func TestNoMoveEscapesAnInvalidation(t *testing.T) {
	t.Parallel()
	names := []string{"a", "b", "c"}
	for i, late := range names {
		for j, early := range names {
			if i == j {
				continue
			}
			for _, delay := range []time.Duration{time.Second, 10 * time.Second} {
				t.Run(fmt.Sprint(early, " then ", late, " after ", delay), func(t *testing.T) {
					t.Parallel()
					synctest.Test(t, func(t *testing.T) { meet(t, early, late, delay) })
				})
			}
		}
	}
}

func meet(t *testing.T, early, late string, delay time.Duration) {
	by, shards := faulties("a", "b", "c")
	s := over(t, shards...)
	from, to := on(s, late, 0), on(s, early, 0)
	set(t, s, from, value("v", "t"))
	for range 2 { // a reading of the clock is there to be used
		read(t, s, to)
		time.Sleep(10 * time.Second)
	}
	by[late].Plan(func(c drivertest.Call) drivertest.Fault {
		if c.Method == "Invalidate" && len(c.Keys) == 0 {
			return drivertest.Fault{Delay: delay} // of the tag, not of the move
		}
		return drivertest.Fault{}
	})
	var err error
	var wg sync.WaitGroup
	wg.Go(func() { _, err = s.Invalidate(t.Context(), driver.Invalidation{Tags: []string{"t"}}) })
	synctest.Wait() // one has been told, the other has not
	if _, err := s.Move(t.Context(), from, to); err != nil {
		t.Fatalf("Move: got error %v", err)
	}
	wg.Wait()
	by[late].Plan(nil)
	if delay == time.Second {
		if err != nil {
			t.Fatalf("Invalidate: got error %v", err)
		}
	} else {
		// The entry did move: so long an invalidation does not count.
		if got := read(t, s, to); err == nil || got != "v" {
			t.Errorf("an invalidation that takes %v: got error %v and then %q, want an error and the entry", delay, err, got)
		}
		invalidate(t, s, "t")
	}
	if got := read(t, s, to); got != "" {
		t.Errorf("after the invalidation: got %q, want nothing", got)
	}
}

// Shards that can do nothing but the least are asked in the same way.
func TestSmallestShards(t *testing.T) {
	t.Parallel()
	shards := memories("a", "b", "c")
	for i := range shards {
		shards[i].Store = bare{locmem.New(nil)}
	}
	s := over(t, shards...)
	var keys []driver.Key
	var items []driver.Item
	for i := range 50 {
		keys = append(keys, keyN(i))
		items = append(items, driver.Item{Key: keyN(i), Entry: value(fmt.Sprint(i))})
	}
	for _, r := range s.PutMany(t.Context(), items) {
		if r.Err != nil || !r.Done {
			t.Fatalf("PutMany: got %+v", r)
		}
	}
	rs, err := s.GetMany(t.Context(), keys, 0)
	if err != nil {
		t.Fatal(err)
	}
	for i, r := range rs {
		if r.Err != nil || r.Entry == nil || string(r.Entry.Payload) != fmt.Sprint(i) {
			t.Errorf("GetMany of %s: got %+v", keys[i], r)
		}
	}
	if r, err := s.Invalidate(t.Context(), driver.Invalidation{Keys: append(keys, keys[0])}); err != nil || r.Removed != len(keys) {
		t.Errorf("Invalidate of all: got %+v, %v, want %d removed", r, err, len(keys))
	}
}

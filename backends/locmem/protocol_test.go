package locmem

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stratacache/strata/cache/driver"
)

// A full store must not refuse what loads store: fences are out of reach of
// eviction.
func TestFencesSurviveAFullStore(t *testing.T) {
	t.Parallel()
	for name, p := range policies {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStore(t, &Options{MaxEntries: 50, Policy: p})
			const loads = 200
			var fences [loads]driver.Fence
			for i := range loads {
				fences[i] = get(t, s, keyN(i), time.Minute).Fence
			}
			for i := range 2000 {
				set(t, s, fmt.Sprint("other ", i%500))
				get(t, s, key(fmt.Sprint("other ", i%40)), 0)
			}
			for i, f := range fences {
				e := entry("loaded", 0)
				e.Stamp = f.Stamp
				if !put(t, s, keyN(i), e, driver.Fill, f.Token).Done {
					t.Fatalf("load %d was refused", i)
				}
				if again := put(t, s, keyN(i), entry("loaded", 0), driver.Fill, f.Token); again.Done {
					t.Fatalf("load %d was stored twice under one token", i)
				}
			}
			if st := s.Stats(); st.Fences != 0 {
				t.Errorf("fences after all loads: got %d, want 0", st.Fences)
			}
		})
	}
}

func TestFenceIsExtended(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newStore(t, nil)
		first := get(t, s, key("a"), time.Second)
		second := get(t, s, key("a"), time.Minute)
		if !first.Planted || second.Planted || first.Fence.Token != second.Fence.Token {
			t.Errorf("got %+v and %+v, want one token, planted by the first", first, second)
		}
		get(t, s, key("a"), time.Second) // does not shorten
		time.Sleep(time.Minute - 1)
		if r := get(t, s, key("a"), 0); r.Fence.Token != first.Fence.Token {
			t.Errorf("before its end: got token %d, want %d", r.Fence.Token, first.Fence.Token)
		}
		time.Sleep(time.Nanosecond)
		e := entry("late", 0)
		e.Stamp = first.Fence.Stamp
		if put(t, s, key("a"), e, driver.Fill, first.Fence.Token).Done {
			t.Error("a fence stood at its end")
		}
		if third := get(t, s, key("a"), time.Second); !third.Planted || third.Fence.Token == first.Fence.Token {
			t.Errorf("got %+v, want a new token", third)
		}
	})
}

// The memo that spares a hit its tags must never outlive an invalidation.
func TestValidityMemo(t *testing.T) {
	t.Parallel()
	for name, p := range policies {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStore(t, &Options{Policy: p})
			put(t, s, key("a"), entry("v", 0, "x", "y"), driver.Set, 0)
			put(t, s, key("untagged"), entry("v", 0), driver.Set, 0)
			for range 3 {
				invalidate(t, s, nil, "other")
				for range 2 {
					if get(t, s, key("a"), 0).Entry == nil || get(t, s, key("untagged"), 0).Entry == nil {
						t.Fatal("another tag's invalidation removed the entry")
					}
				}
			}
			r := s.shard(key("a")).table.find(key("a"), s.clock.now())
			if got, last := r.checked.Load(), s.meta.Load().Stamp().N; got != last {
				t.Errorf("checked: got %d, want %d, lest each hit look up its tags", got, last)
			}
			invalidate(t, s, nil, "y")
			if get(t, s, key("a"), 0).Entry != nil || get(t, s, key("untagged"), 0).Entry == nil {
				t.Error("got the entry of the tag, or lost the one without, want the opposite")
			}
			invalidate(t, s, nil, driver.TagAll)
			if get(t, s, key("untagged"), 0).Entry != nil {
				t.Error("TagAll left an entry")
			}
		})
	}
}

func TestNewEpoch(t *testing.T) {
	t.Parallel()
	for name, p := range policies {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStore(t, &Options{Policy: p})
			set(t, s, "a")
			f := get(t, s, key("b"), time.Minute).Fence
			s.NewEpoch()
			if get(t, s, key("a"), 0).Entry != nil {
				t.Error("an entry of the old epoch was returned")
			}
			e := entry("old", 0)
			e.Stamp = f.Stamp
			if put(t, s, key("b"), e, driver.Fill, f.Token).Done {
				t.Error("a load of the old epoch was stored")
			}
			if r := put(t, s, key("a"), entry("new", 0), driver.Set, 0); r.Clock.Epoch == f.Stamp.Epoch || r.Clock.N != 1 {
				t.Errorf("clock: got %+v, want 1 of another epoch than %d", r.Clock, f.Stamp.Epoch)
			}
			if get(t, s, key("a"), 0).Entry == nil {
				t.Error("an entry of the new epoch is missing")
			}
		})
	}
}

func TestTooManyTagsStartAnEpoch(t *testing.T) {
	t.Parallel()
	s := newStore(t, nil)
	set(t, s, "a")
	before := get(t, s, key("a"), 0).Fence.Stamp
	tags := make([]string, maxTags)
	for i := range tags {
		tags[i] = fmt.Sprint("tag ", i)
	}
	if got := invalidate(t, s, nil, tags...).Clock; got != (driver.Stamp{Epoch: before.Epoch, N: before.N + 1}) {
		t.Errorf("as many tags as may be: got clock %+v, want %+v advanced", got, before)
	}
	if get(t, s, key("a"), 0).Entry == nil {
		t.Error("an entry without tags is gone")
	}
	got := invalidate(t, s, nil, "one more").Clock
	if got.Epoch == before.Epoch || got.N != 1 {
		t.Errorf("one more tag: got clock %+v, want the first of a new epoch", got)
	}
	if get(t, s, key("a"), 0).Entry != nil {
		t.Error("an entry outlived its epoch")
	}
	if n := s.Stats().Tags; n != 1 {
		t.Errorf("tags: got %d, want 1", n)
	}
}

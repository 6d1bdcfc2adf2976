package redisstore_test

import (
	"errors"
	"testing"
	"time"

	"github.com/stratacache/strata/backends/redisstore"
	"github.com/stratacache/strata/cache/driver"
	"github.com/stratacache/strata/internal/servertest"
)

// A process that has met no log writes to none. If another one begins to follow
// then, it is told that it missed something, and of the next batch all.
func TestBatchMeetsANewLog(t *testing.T) {
	t.Parallel()
	s := open(t, servertest.SharedRedis(t))
	follower := over(t, client(t, s.Primary().Options().Addr), s.Namespace())
	putMany(t, s, "t", "a", "b")
	putMany(t, s, "t", "a", "b")
	r, err := follower.ReadLog(t.Context(), driver.Stamp{}, 0)
	if err != nil {
		t.Fatal(err)
	}
	putMany(t, s, "t", "a", "b")
	missed, err := follower.ReadLog(t.Context(), r.Clock, 0)
	if err != nil || missed.Complete || missed.Clock.N != r.Clock.N+2 {
		t.Errorf("got %+v, %v after clock %d, want what is not complete, and the clock two later", missed, err, r.Clock.N)
	}
	putMany(t, s, "t", "a", "b")
	if r, err = follower.ReadLog(t.Context(), missed.Clock, time.Second); err != nil || !r.Complete || len(r.Changes) != 2 {
		t.Errorf("afterwards: got %+v, %v, want two changes", r, err)
	}
}

// A batch is told of in full by the process that follows the log itself.
func TestBatchMeetsItsOwnLog(t *testing.T) {
	t.Parallel()
	s := open(t, servertest.SharedRedis(t))
	putMany(t, s, "t", "a")
	r, err := s.ReadLog(t.Context(), driver.Stamp{}, 0)
	if err != nil {
		t.Fatal(err)
	}
	putMany(t, s, "t", "a", "b")
	if r, err = s.ReadLog(t.Context(), r.Clock, time.Second); err != nil || !r.Complete || len(r.Changes) != 2 {
		t.Errorf("got %+v, %v, want two changes", r, err)
	}
}

// Without memory a batch can still remove, and the clock says so.
func TestBatchWithoutMemory(t *testing.T) {
	t.Parallel()
	s := open(t, servertest.Redis(t).Addr)
	putMany(t, s, "t", "a", "b")
	before := get(t, s, "a", 0).Fence.Stamp
	raw(t, s, "config", "set", "maxmemory", "1")
	ended := value("v")
	ended.Life = driver.Life{Fresh: 1, Expires: 1}
	got := s.PutMany(t.Context(), []driver.Item{{Key: key("a"), Entry: ended}, {Key: key("b"), Entry: value("w")}})
	if got[0].Err != nil || !got[0].Done || !errors.Is(got[1].Err, redisstore.ErrOutOfMemory) {
		t.Errorf("got %+v, want the first done, and no memory for the second", got)
	}
	want(t, s, "a", "")
	want(t, s, "b", "b")
	if after := got[0].Clock; after.Epoch != before.Epoch || after.N != before.N+2 || after != get(t, s, "b", 0).Fence.Stamp {
		t.Errorf("got clock %v after %v, want it two later", after, before)
	}
}

// What is advanced where there is no record is none.
func TestBatchWithoutARecord(t *testing.T) {
	onServers(t, func(t *testing.T, s *redisstore.Store) {
		putMany(t, s, "t", "a")
		before := get(t, s, "a", 0).Fence.Stamp
		raw(t, s, "del", s.MetaKey())
		raw(t, s, "hincrby", s.MetaKey(), "n", 1) // as of a batch whose process has died
		want(t, s, "a", "")
		putMany(t, s, "t", "a")
		want(t, s, "a", "a")
		if after := get(t, s, "a", 0).Fence.Stamp; after.Epoch == before.Epoch {
			t.Errorf("got clock %v after %v, want a new epoch", after, before)
		}
	})
}

// Commands are used again by later batches: of other sizes, with other lives.
func TestBatchesInARow(t *testing.T) {
	onServers(t, func(t *testing.T, s *redisstore.Store) {
		names := []string{"a", "b", "c", "d", "e", "f", "g"}
		for i, n := range []int{1, 7, 3, 7, 2} {
			var items []driver.Item
			for j, name := range names[:n] {
				e := value(name + string(rune('0'+i)))
				if j%2 == 1 {
					e.Life = driver.Life{Fresh: driver.Forever, Expires: driver.Forever}
				}
				items = append(items, driver.Item{Key: key(name), Entry: e})
			}
			for j, r := range s.PutMany(t.Context(), items) {
				if r.Err != nil || !r.Done {
					t.Fatalf("batch %d: item %d: got %+v", i, j, r)
				}
			}
			for j, r := range many(t, s, names[:n]...) {
				if want := names[j] + string(rune('0'+i)); shown(r.Reading) != want {
					t.Errorf("batch %d: got %q, want %q", i, shown(r.Reading), want)
				}
				ttl, err := s.Primary().PTTL(t.Context(), name(s, names[j])).Result()
				if err != nil || (ttl < 0) != (j%2 == 1) {
					t.Errorf("batch %d: %q lives for %v, %v", i, names[j], ttl, err)
				}
			}
		}
	})
}

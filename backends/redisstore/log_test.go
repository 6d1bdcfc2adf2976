package redisstore_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stratacache/strata/backends/redisstore"
	"github.com/stratacache/strata/cache"
	"github.com/stratacache/strata/cache/driver"

	"github.com/stratacache/strata/backends/locmem"
	"github.com/stratacache/strata/internal/servertest"
)

// Nobody pays for a log that nobody reads, and one that nobody reads any more
// ends.
func TestLogExistsForItsReaders(t *testing.T) {
	t.Parallel()
	s := open(t, servertest.SharedRedis(t))
	set(t, s, "k", value("v"))
	stream := s.MetaKey() + ":log"
	if n := raw(t, s, "exists", stream); n != int64(0) {
		t.Fatal("there is a log without a reader")
	}
	if _, err := s.ReadLog(t.Context(), driver.Stamp{}, 0); err != nil {
		t.Fatal(err)
	}
	if ttl, _ := raw(t, s, "ttl", stream).(int64); ttl <= 0 {
		t.Errorf("the log's TTL: got %d, want one", ttl)
	}
}

// Whatever is lost of the log is noticed: a part of it, all of it, one message.
func TestLogIsLost(t *testing.T) {
	t.Parallel()
	for name, lose := range map[string]func(t *testing.T, s *redisstore.Store, stream string){
		"all":         func(t *testing.T, s *redisstore.Store, stream string) { raw(t, s, "del", stream) },
		"its old end": func(t *testing.T, s *redisstore.Store, stream string) { raw(t, s, "xtrim", stream, "maxlen", 1) },
		"one message": func(t *testing.T, s *redisstore.Store, stream string) {
			ids, _ := raw(t, s, "xrange", stream, "-", "+").([]any)
			raw(t, s, "xdel", stream, ids[len(ids)-1].([]any)[0])
		},
		"what it says": func(t *testing.T, s *redisstore.Store, stream string) {
			raw(t, s, "xadd", stream, "*", "c", "nonsense")
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := open(t, servertest.SharedRedis(t))
			r, err := s.ReadLog(t.Context(), driver.Stamp{}, 0)
			if err != nil {
				t.Fatal(err)
			}
			for _, k := range []string{"a", "b", "c"} {
				set(t, s, k, value("v"))
			}
			lose(t, s, s.MetaKey()+":log")
			for after := r.Clock; ; after = r.Clock {
				if r, err = s.ReadLog(t.Context(), after, 0); err != nil {
					t.Fatal(err)
				}
				if !r.Complete {
					break
				}
				if r.Clock == after {
					t.Fatalf("the reader was told all is well at %v", after)
				}
			}
			// From there on it is complete again.
			set(t, s, "d", value("v"))
			if r, err = s.ReadLog(t.Context(), r.Clock, time.Second); err != nil || !r.Complete || len(r.Changes) != 1 {
				t.Errorf("afterwards: got %+v, %v, want one change", r, err)
			}
		})
	}
}

// Two processes with memory tiers: what one invalidates leaves the other's
// memory, and what concerns others does not.
func TestNearTiersFollowTheLog(t *testing.T) {
	t.Parallel()
	addr := servertest.SharedRedis(t)
	first := open(t, addr)
	namespace := strings.TrimSuffix(first.Prefix(), ":")
	process := func() *cache.Client {
		c, err := cache.New(over(t, client(t, addr), namespace), &cache.Options{
			Near: []cache.Tier{{Store: locmem.New(nil)}}, Staleness: 10 * time.Second,
		})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Close(t.Context()) })
		return c
	}
	a, b := process(), process()
	defer a.Close(t.Context())
	defer b.Close(t.Context())
	if err := a.Set(t.Context(), "k", []byte("old")); err != nil {
		t.Fatal(err)
	}
	near := func() bool {
		before := b.Stats().NearHits
		if _, err := b.Get(t.Context(), "k"); err != nil {
			t.Fatal(err)
		}
		return b.Stats().NearHits > before
	}
	until(t, "a copy that is trusted", near)
	for range 20 {
		if err := a.Invalidate(t.Context(), "other"); err != nil {
			t.Fatal(err)
		}
		if err := a.Set(t.Context(), "other", []byte("v")); err != nil {
			t.Fatal(err)
		}
	}
	if !near() {
		t.Error("what concerns other keys cost a near copy")
	}
	if err := a.Set(t.Context(), "k", []byte("new")); err != nil {
		t.Fatal(err)
	}
	until(t, "the new value", func() bool {
		v, err := b.Get(t.Context(), "k")
		return err == nil && string(v) == "new"
	})
}

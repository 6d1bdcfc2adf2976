package shard_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/stratacache/strata/backends/breaker"
	"github.com/stratacache/strata/backends/redisstore"
	"github.com/stratacache/strata/backends/shard"
	"github.com/stratacache/strata/cache"
	"github.com/stratacache/strata/cache/driver"
	"github.com/stratacache/strata/cache/drivertest"
	"github.com/stratacache/strata/internal/servertest"
)

// redises is a Store over Redis. Three namespaces of one server stand for three
// servers.
type redises struct {
	*shard.Store
	rdb   *redis.Client
	names []string
}

var namespaces atomic.Int64

func overRedis(t testing.TB, addr string, names []string) driver.Store {
	t.Helper()
	r := redises{names: names}
	r.rdb = redis.NewClient(&redis.Options{Addr: addr, ReadTimeout: 10 * time.Second, DialTimeout: 10 * time.Second, PoolTimeout: 10 * time.Second})
	t.Cleanup(func() { _ = r.rdb.Close() })
	var shards []shard.Shard
	for i, n := range names {
		s, err := redisstore.New(r.rdb, &redisstore.Options{Namespace: n})
		if err != nil {
			t.Fatal(err)
		}
		shards = append(shards, shard.Shard{Name: fmt.Sprint(i), Store: s})
	}
	s, err := shard.New(shards, nil)
	if err != nil {
		t.Fatal(err)
	}
	s.Settle(time.Hour, 10*time.Millisecond) // nothing is invalidated here while it moves
	r.Store = s
	return r
}

func TestConformanceOnRedis(t *testing.T) {
	t.Parallel()
	addr := servertest.SharedRedis(t)
	drivertest.Run(t, drivertest.Harness{
		Open: func(t testing.TB) driver.Store {
			n := namespaces.Add(1)
			return overRedis(t, addr, []string{fmt.Sprint("a", n), fmt.Sprint("b", n), fmt.Sprint("c", n)})
		},
		Again: func(t testing.TB, s driver.Store) driver.Store { return overRedis(t, addr, s.(redises).names) },
		LoseMeta: func(t testing.TB, s driver.Store) {
			for _, n := range s.(redises).names {
				if err := s.(redises).rdb.Del(context.Background(), n+"!meta").Err(); err != nil {
					t.Fatal(err)
				}
			}
		},
		Dead:   func(t testing.TB) driver.Store { return overRedis(t, "127.0.0.1:1", []string{"a", "b", "c"}) },
		Limits: severalClocks,
	})
}

// A server that is killed costs its own keys, and nothing of what it held is
// back with it, though it was told of no invalidation.
func TestAKilledRedis(t *testing.T) {
	t.Parallel()
	servers := map[string]*servertest.Server{"a": servertest.Redis(t), "b": servertest.Redis(t, "--appendonly", "yes", "--appendfsync", "always")}
	var shards []shard.Shard
	for n, server := range servers {
		s, err := redisstore.Open("redis://" + server.Addr)
		if err != nil {
			t.Fatal(err)
		}
		shards = append(shards, shard.Shard{Name: n, Store: s})
	}
	s := over(t, shards...)
	a, b := on(s, "a", 0), on(s, "b", 0)
	set(t, s, a, value("on a", "t"))
	set(t, s, b, value("on b", "t"))

	servers["b"].Kill()
	if _, err := s.Get(t.Context(), b, 0); err == nil || errors.Is(err, driver.ErrMiss) {
		t.Errorf("Get on a dead server: got error %v, want an outage", err)
	}
	if got := read(t, s, a); got != "on a" {
		t.Errorf("Get on the other server: got %q", got)
	}
	if err := s.Ping(t.Context()); err == nil {
		t.Error("Ping: got no error")
	}
	if _, err := s.Invalidate(t.Context(), driver.Invalidation{Tags: []string{"t"}}); err == nil {
		t.Error("Invalidate: got no error")
	}
	if got := read(t, s, a); got != "" {
		t.Errorf("Get on the other server after the invalidation: got %q", got)
	}

	servers["b"].Restart()
	if got := read(t, s, b); got != "" {
		t.Errorf("Get on the server that came back: got %q", got)
	}
	invalidate(t, s, "t")
}

// One of three servers hangs, each behind a breaker: a client answers all the
// same, from its loader for the keys of that server alone, learns that an
// invalidation did not happen everywhere, and repeats it.
func TestAFrozenRedisBehindABreaker(t *testing.T) {
	t.Parallel()
	const keys = 60
	var servers []*servertest.Server
	var shards []shard.Shard
	long := time.Hour // the breaker's Timeout is what counts
	for i := range 3 {
		servers = append(servers, servertest.Redis(t))
		rdb := redis.NewClient(&redis.Options{
			Addr: servers[i].Addr, DialTimeout: long, ReadTimeout: long, WriteTimeout: long, PoolTimeout: long, ContextTimeoutEnabled: true,
		})
		t.Cleanup(func() { _ = rdb.Close() })
		inner, err := redisstore.New(rdb, nil)
		if err != nil {
			t.Fatal(err)
		}
		guarded, err := breaker.New(inner, &breaker.Options{Failures: 3, OpenFor: time.Minute, Timeout: time.Second})
		if err != nil {
			t.Fatal(err)
		}
		shards = append(shards, shard.Shard{Name: fmt.Sprint(i), Store: guarded})
	}
	s := over(t, shards...)
	c, err := cache.New(s, nil)
	if err != nil {
		t.Fatal(err)
	}
	row, loads := "old", 0
	readAll := func() {
		t.Helper()
		loads = 0
		for i := range keys {
			b, err := c.GetOrSet(t.Context(), fmt.Sprint(i), func(context.Context) ([]byte, error) {
				loads++
				return []byte(row), nil
			}, cache.Tags("row"))
			if err != nil || string(b) != row {
				t.Fatalf("GetOrSet(%d): got %q, %v, want %q", i, b, err, row)
			}
		}
	}
	readAll()
	servers[1].Freeze()
	readAll()
	if loads == 0 || loads > keys/2 {
		t.Errorf("loads with one server of three frozen: got %d of %d", loads, keys)
	}
	row = "new"
	if err := c.Invalidate(t.Context(), "row"); !errors.Is(err, cache.ErrUnavailable) {
		t.Errorf("Invalidate: got error %v, want %v", err, cache.ErrUnavailable)
	}
	servers[1].Thaw()
	for c.Invalidate(t.Context(), "row") != nil { // it passes, though the circuit is open
		time.Sleep(time.Millisecond)
	}
	readAll()
}

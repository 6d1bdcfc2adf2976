package redisstore_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/logging"
	"go.uber.org/goleak"

	"github.com/stratacache/strata/backends/redisstore"
	"github.com/stratacache/strata/cache/driver"
	"github.com/stratacache/strata/internal/servertest"
)

func TestMain(m *testing.M) {
	logging.Disable() // of refused connections, of which there are many here
	// A pool that could not dial asks once more, a second later, whether it was
	// closed.
	goleak.VerifyTestMain(servertest.Main(m), goleak.IgnoreAnyFunction("github.com/redis/go-redis/v9/internal/pool.(*ConnPool).tryDial"))
}

// server is what a test runs on: miniredis, which is in this process, or a real
// redis-server.
type server struct {
	addr string
	// pass lets time go by for the server.
	pass func(time.Duration)
}

// onServers runs test on miniredis and on a real server, with a store over a
// namespace of its own.
func onServers(t *testing.T, test func(t *testing.T, s *redisstore.Store)) {
	t.Helper()
	t.Parallel()
	t.Run("miniredis", func(t *testing.T) {
		t.Parallel()
		test(t, open(t, mini(t).addr))
	})
	t.Run("redis", func(t *testing.T) {
		t.Parallel()
		test(t, open(t, servertest.SharedRedis(t)))
	})
}

func mini(t testing.TB) server {
	t.Helper()
	m := miniredis.RunT(t)
	return server{addr: m.Addr(), pass: m.FastForward}
}

var namespaces atomic.Int64

func newNamespace() string { return fmt.Sprintf("test-%d", namespaces.Add(1)) }

// client returns a client that is closed with t. Its timeouts are long, so that
// a test on a busy machine fails for what it tests only.
func client(t testing.TB, addr string, change ...func(*redis.Options)) *redis.Client {
	t.Helper()
	opts := &redis.Options{Addr: addr, ReadTimeout: 10 * time.Second, DialTimeout: 10 * time.Second, PoolTimeout: 10 * time.Second}
	for _, f := range change {
		f(opts)
	}
	rdb := redis.NewClient(opts)
	t.Cleanup(func() { _ = rdb.Close() })
	return rdb
}

// open returns a store over a new namespace, that is closed with t.
func open(t testing.TB, addr string, change ...func(*redis.Options)) *redisstore.Store {
	t.Helper()
	return over(t, client(t, addr, change...), newNamespace())
}

func over(t testing.TB, rdb redis.UniversalClient, namespace string) *redisstore.Store {
	t.Helper()
	s, err := redisstore.New(rdb, &redisstore.Options{Namespace: namespace})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closeStore(t, s) })
	return s
}

// clusterClient is client for a cluster.
func clusterClient(t testing.TB, addrs []string, change ...func(*redis.ClusterOptions)) *redis.ClusterClient {
	t.Helper()
	opts := &redis.ClusterOptions{Addrs: addrs, DisableRoutingPolicies: true, ReadTimeout: 10 * time.Second, DialTimeout: 10 * time.Second, PoolTimeout: 10 * time.Second}
	for _, f := range change {
		f(opts)
	}
	rdb := redis.NewClusterClient(opts)
	t.Cleanup(func() { _ = rdb.Close() })
	return rdb
}

func openCluster(t testing.TB, addrs []string, change ...func(*redis.ClusterOptions)) *redisstore.Store {
	t.Helper()
	return over(t, clusterClient(t, addrs, change...), newNamespace())
}

func closeStore(t testing.TB, s *redisstore.Store) {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	if err := s.Close(ctx); err != nil {
		t.Errorf("Close: %v", err)
	}
}

func key(name string) driver.Key { return driver.Key{Scope: "app:1:", Name: name} }

// long is a life that no test outlives.
func long() driver.Life {
	end := time.Now().Add(time.Hour).UnixNano()
	return driver.Life{Fresh: end, Expires: end}
}

func value(payload string, tags ...string) *driver.Entry {
	return &driver.Entry{Life: long(), Payload: []byte(payload), Tags: tags}
}

func integer(digits string) *driver.Entry {
	return &driver.Entry{Life: long(), Kind: driver.Integer, Payload: []byte(digits)}
}

func get(t testing.TB, s *redisstore.Store, name string, hold time.Duration) driver.Reading {
	t.Helper()
	r, err := s.Get(t.Context(), key(name), hold)
	if err != nil {
		t.Fatalf("Get(%q): %v", name, err)
	}
	return r
}

// want checks the payload under name; "" is a miss.
func want(t testing.TB, s *redisstore.Store, name, payload string) {
	t.Helper()
	if got := shown(get(t, s, name, 0)); got != payload {
		t.Fatalf("Get(%q): got %q, want %q", name, got, payload)
	}
}

func shown(r driver.Reading) string {
	if r.Entry == nil {
		return ""
	}
	return string(r.Entry.Payload)
}

func put(t testing.TB, s *redisstore.Store, name string, e *driver.Entry, mode driver.Mode, token driver.Token) driver.Result {
	t.Helper()
	r, err := s.Put(t.Context(), key(name), e, mode, token)
	if err != nil {
		t.Fatalf("Put(%q, mode %d): %v", name, mode, err)
	}
	return r
}

func set(t testing.TB, s *redisstore.Store, name string, e *driver.Entry) {
	t.Helper()
	if r := put(t, s, name, e, driver.Set, 0); !r.Done {
		t.Fatalf("Set(%q): not done", name)
	}
}

// fill stores e as the result of a load that began with f.
func fill(t testing.TB, s *redisstore.Store, name string, e *driver.Entry, f driver.Fence) bool {
	t.Helper()
	e.Stamp = f.Stamp
	return put(t, s, name, e, driver.Fill, f.Token).Done
}

func invalidate(t testing.TB, s *redisstore.Store, names, tags []string) driver.Invalidated {
	t.Helper()
	what := driver.Invalidation{Tags: tags}
	for _, n := range names {
		what.Keys = append(what.Keys, key(n))
	}
	r, err := s.Invalidate(t.Context(), what)
	if err != nil {
		t.Fatalf("Invalidate(%q, %q): %v", names, tags, err)
	}
	return r
}

// raw does one command.
func raw(t testing.TB, s *redisstore.Store, args ...any) any {
	t.Helper()
	v, err := s.Client().Do(t.Context(), args...).Result()
	if err != nil {
		t.Fatalf("%v: %v", args[0], err)
	}
	return v
}

// name is the server's name of an entry.
func name(s *redisstore.Store, n string) string { return s.Prefix() + key(n).String() }

package redisstore_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/stratacache/strata/backends/redisstore"
	"github.com/stratacache/strata/cache/driver"
)

// loadAll has the server know all scripts that write, so that each call is one
// round trip.
func loadAll(t *testing.T, s *redisstore.Store) {
	t.Helper()
	ctx := t.Context()
	set(t, s, "load", integer("1"))
	if _, err := s.Incr(ctx, key("load"), 1, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Touch(ctx, key("load"), long()); err != nil {
		t.Fatal(err)
	}
	f := get(t, s, "load", time.Minute).Fence
	for _, mode := range []driver.Mode{driver.Add, driver.Fill, driver.SetFenced} {
		put(t, s, "load", value("v"), mode, f.Token)
	}
	invalidate(t, s, []string{"load"}, nil)
}

// settle waits until the replicas of the primary at addr have done all that it
// has. key is one that it may write.
func settle(t testing.TB, addr, key string, replicas int64) {
	t.Helper()
	ctx := context.Background()
	var wait *redis.Cmd
	// WAIT waits for what its own connection wrote last.
	_, err := client(t, addr).Pipelined(ctx, func(p redis.Pipeliner) error {
		p.Append(ctx, key, "")
		wait = p.Do(ctx, "wait", replicas, 9000)
		return nil
	})
	if err != nil || wait.Val() != replicas {
		t.Fatalf("the replicas of %s do not follow: got %v, %v", addr, wait.Val(), err)
	}
}

// everything calls every method in each of its ways.
func everything(t *testing.T, s *redisstore.Store) {
	t.Helper()
	ctx := t.Context()
	if err := s.Ping(ctx); err != nil {
		t.Fatalf("Ping: %v", err)
	}
	loadAll(t, s)
	log, err := s.ReadLog(ctx, driver.Stamp{}, 0)
	if err != nil {
		t.Errorf("ReadLog: %v", err)
	}
	set(t, s, "logged", value("v"))
	if log, err = s.ReadLog(ctx, log.Clock, 0); err != nil || !log.Complete || len(log.Changes) == 0 {
		t.Errorf("ReadLog: got %+v, %v, want a change", log, err)
	}
	large := strings.Repeat("x", 10<<10)
	set(t, s, "large", value(large, "t"))
	for range 2 { // the second knows that it is large
		want(t, s, "large", large)
	}
	f := get(t, s, "filled", time.Minute).Fence
	if !fill(t, s, "filled", value("v", "t", "u"), f) {
		t.Error("Fill: not done")
	}
	want(t, s, "filled", "v")
	if sum, err := s.Incr(ctx, key("n"), 1, integer("41")); err != nil || !sum.Created {
		t.Errorf("Incr: got %+v, %v", sum, err)
	}
	if sum, err := s.Incr(ctx, key("n"), 1, nil); err != nil || sum.Value != 42 {
		t.Errorf("Incr: got %+v, %v", sum, err)
	}
	if r, err := s.Move(ctx, key("n"), key("m")); err != nil || !r.Done {
		t.Errorf("Move: got %+v, %v", r, err)
	}
	want(t, s, "m", "42")
	forever := driver.Life{Fresh: driver.Forever, Expires: driver.Forever}
	if r, err := s.Touch(ctx, key("m"), forever); err != nil || !r.Done {
		t.Errorf("Touch: got %+v, %v", r, err)
	}
	putMany(t, s, "t", "a", "b", "c")
	for i, r := range s.PutMany(ctx, []driver.Item{{Key: key("d"), Entry: value("d")}, {Key: key("e"), Entry: value("e"), Mode: driver.Add}}) {
		if r.Err != nil || !r.Done {
			t.Errorf("PutMany: item %d: got %+v", i, r)
		}
	}
	rs, err := s.GetMany(ctx, []driver.Key{key("a"), key("d"), key("e"), key("absent")}, time.Minute)
	if err != nil || shown(rs[0].Reading)+shown(rs[1].Reading)+shown(rs[2].Reading) != "ade" || rs[3].Fence.Token == 0 {
		t.Errorf("GetMany: got %+v, %v", rs, err)
	}
	if r := invalidate(t, s, []string{"d", "e"}, []string{"t"}); r.Removed != 2 {
		t.Errorf("Invalidate: got %+v", r)
	}
	for _, n := range []string{"a", "d", "filled", "large"} {
		want(t, s, n, "")
	}
	want(t, s, "m", "42")
}

// breakSaving has the server fail to save, after which it refuses writes.
func breakSaving(t *testing.T, s *redisstore.Store, dir string) {
	t.Helper()
	// A directory of that name cannot be replaced by a file, not even by root.
	if err := os.MkdirAll(filepath.Join(dir, "dump.rdb", "x"), 0o700); err != nil {
		t.Fatal(err)
	}
	raw(t, s, "bgsave")
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		if strings.Contains(raw(t, s, "info", "persistence").(string), "rdb_last_bgsave_status:err") {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("the server saved, or did not try")
		}
	}
}

// follow has the server of rdb copy the data of the one at addr, until it has
// key, and then stand alone.
func follow(t *testing.T, rdb *redis.Client, addr, key string) {
	t.Helper()
	host, port, _ := strings.Cut(addr, ":")
	if err := rdb.Do(t.Context(), "replicaof", host, port).Err(); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		n, err := rdb.Exists(t.Context(), key).Result()
		if err == nil && n == 1 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("the server does not follow %s: %v", addr, err)
		}
	}
	if err := rdb.Do(t.Context(), "replicaof", "no", "one").Err(); err != nil {
		t.Fatal(err)
	}
}

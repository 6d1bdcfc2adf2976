package redisstore_test

import (
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

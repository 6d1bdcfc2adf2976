package shard_test

import (
	"context"
	"testing"
	"time"

	"github.com/redis/go-redis/v9/logging"
	"go.uber.org/goleak"

	"github.com/stratacache/strata/backends/locmem"
	"github.com/stratacache/strata/backends/shard"
	"github.com/stratacache/strata/cache/driver"
	"github.com/stratacache/strata/cache/drivertest"
	"github.com/stratacache/strata/internal/servertest"
)

func TestMain(m *testing.M) {
	logging.Disable() // of connections to a server that was killed
	goleak.VerifyTestMain(servertest.Main(m))
}

// over returns a store over shards that is closed with t.
func over(t testing.TB, shards ...shard.Shard) *shard.Store {
	t.Helper()
	s, err := shard.New(shards, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(context.Background()); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return s
}

// memories are shards in memory of these names.
func memories(names ...string) []shard.Shard {
	out := make([]shard.Shard, len(names))
	for i, n := range names {
		out[i] = shard.Shard{Name: n, Store: locmem.New(nil)}
	}
	return out
}

// faulties are shards that fail as they are told.
func faulties(names ...string) (map[string]*drivertest.Faulty, []shard.Shard) {
	by, out := make(map[string]*drivertest.Faulty), memories(names...)
	for i := range out {
		f := drivertest.NewFaulty(out[i].Store, nil)
		by[out[i].Name], out[i].Store = f, f
	}
	return by, out
}

var fails = func(drivertest.Call) drivertest.Fault { return drivertest.Fault{Err: drivertest.ErrFault} }

func key(name string) driver.Key { return driver.Key{Scope: "app:1:", Name: name} }

func value(payload string, tags ...string) *driver.Entry {
	end := time.Now().Add(time.Hour).UnixNano()
	return &driver.Entry{Life: driver.Life{Fresh: end, Expires: end}, Payload: []byte(payload), Tags: tags}
}

func set(t testing.TB, s driver.Store, k driver.Key, e *driver.Entry) {
	t.Helper()
	if r, err := s.Put(t.Context(), k, e, driver.Set, 0); err != nil || !r.Done {
		t.Fatalf("Set(%q): got %+v, %v", k, r, err)
	}
}

// read is the payload under k, "" if there is none.
func read(t testing.TB, s driver.Store, k driver.Key) string {
	t.Helper()
	r, err := s.Get(t.Context(), k, 0)
	if err != nil {
		t.Fatalf("Get(%q): got error %v", k, err)
	}
	if r.Entry == nil {
		return ""
	}
	return string(r.Entry.Payload)
}

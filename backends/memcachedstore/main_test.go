package memcachedstore_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/stratacache/strata/backends/memcachedstore"
	"github.com/stratacache/strata/cache/driver"
	"github.com/stratacache/strata/internal/servertest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(servertest.Main(m)) }

var namespaces atomic.Int64

// patient is a time that no call takes, also on a busy machine: a test fails
// for what it tests only.
const patient = 20 * time.Second

// open returns a store over a new namespace of servers, that is closed with t.
func open(t testing.TB, servers ...string) *memcachedstore.Store {
	t.Helper()
	return over(t, fmt.Sprintf("test-%d", namespaces.Add(1)), servers...)
}

func over(t testing.TB, namespace string, servers ...string) *memcachedstore.Store {
	t.Helper()
	return with(t, &memcachedstore.Options{Namespace: namespace, Timeout: patient, DialTimeout: patient}, servers...)
}

func with(t testing.TB, opts *memcachedstore.Options, servers ...string) *memcachedstore.Store {
	t.Helper()
	s, err := memcachedstore.New(servers, opts)
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

func key(name string) driver.Key { return driver.Key{Scope: "app:1:", Name: name} }

// long is a life that no test outlives.
func long() driver.Life {
	end := time.Now().Add(time.Hour).UnixNano()
	return driver.Life{Fresh: end, Expires: end}
}

func value(payload string, tags ...string) *driver.Entry {
	return &driver.Entry{Life: long(), Payload: []byte(payload), Tags: tags}
}

func get(t testing.TB, s *memcachedstore.Store, name string, hold time.Duration) driver.Reading {
	t.Helper()
	r, err := s.Get(t.Context(), key(name), hold)
	if err != nil {
		t.Fatalf("Get(%q): %v", name, err)
	}
	return r
}

// want checks the payload under name; "" is a miss.
func want(t testing.TB, s *memcachedstore.Store, name, payload string) {
	t.Helper()
	got := ""
	if r := get(t, s, name, 0); r.Entry != nil {
		got = string(r.Entry.Payload)
	}
	if got != payload {
		t.Fatalf("Get(%q): got %q, want %q", name, got, payload)
	}
}

func put(t testing.TB, s *memcachedstore.Store, name string, e *driver.Entry, mode driver.Mode, token driver.Token) driver.Result {
	t.Helper()
	r, err := s.Put(t.Context(), key(name), e, mode, token)
	if err != nil {
		t.Fatalf("Put(%q, mode %d): %v", name, mode, err)
	}
	return r
}

func set(t testing.TB, s *memcachedstore.Store, name string, e *driver.Entry) driver.Result {
	t.Helper()
	r := put(t, s, name, e, driver.Set, 0)
	if !r.Done {
		t.Fatalf("Set(%q): not done", name)
	}
	return r
}

// fill stores e as the result of a load that began with f.
func fill(t testing.TB, s *memcachedstore.Store, name string, e *driver.Entry, f driver.Fence) bool {
	t.Helper()
	e.Stamp = f.Stamp
	return put(t, s, name, e, driver.Fill, f.Token).Done
}

func invalidate(t testing.TB, s *memcachedstore.Store, names, tags []string) driver.Invalidated {
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

package sqlstore_test

import (
	"testing"
	"time"

	"github.com/stratacache/strata/backends/sqlstore"
	"github.com/stratacache/strata/cache/driver"
)

func key(name string) driver.Key { return driver.Key{Scope: "app:1:", Name: name} }

func value(payload string, tags ...string) *driver.Entry {
	return &driver.Entry{Life: long(), Payload: []byte(payload), Tags: tags}
}

func integer(digits string) *driver.Entry {
	return &driver.Entry{Life: long(), Kind: driver.Integer, Payload: []byte(digits)}
}

func get(t testing.TB, s *sqlstore.Store, name string, hold time.Duration) driver.Reading {
	t.Helper()
	r, err := s.Get(t.Context(), key(name), hold)
	if err != nil {
		t.Fatalf("Get(%q): %v", name, err)
	}
	return r
}

// want checks the payload under name; "" is a miss.
func want(t testing.TB, s *sqlstore.Store, name, payload string) {
	t.Helper()
	got := ""
	if e := get(t, s, name, 0).Entry; e != nil {
		got = string(e.Payload)
	}
	if got != payload {
		t.Fatalf("Get(%q): got %q, want %q", name, got, payload)
	}
}

func put(t testing.TB, s *sqlstore.Store, name string, e *driver.Entry, mode driver.Mode, token driver.Token) driver.Result {
	t.Helper()
	r, err := s.Put(t.Context(), key(name), e, mode, token)
	if err != nil {
		t.Fatalf("Put(%q, mode %d): %v", name, mode, err)
	}
	return r
}

func set(t testing.TB, s *sqlstore.Store, name string, e *driver.Entry) {
	t.Helper()
	if r := put(t, s, name, e, driver.Set, 0); !r.Done {
		t.Fatalf("Set(%q): not done", name)
	}
}

func invalidate(t testing.TB, s *sqlstore.Store, names, tags []string) driver.Invalidated {
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

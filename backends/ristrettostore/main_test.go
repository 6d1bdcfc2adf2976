package ristrettostore_test

import (
	"context"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/stratacache/strata/backends/ristrettostore"
	"github.com/stratacache/strata/cache/driver"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// open makes a store that is closed with the test.
func open(t testing.TB, o *ristrettostore.Options) *ristrettostore.Store {
	t.Helper()
	s, err := ristrettostore.New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(context.Background()); err != nil {
			t.Errorf("Close: got %v, want nil", err)
		}
	})
	return s
}

func key(name string) driver.Key { return driver.Key{Scope: "t:", Name: name} }

// entry is a value that ends after ttl; 0 means never.
func entry(value string, ttl time.Duration, tags ...string) *driver.Entry {
	e := &driver.Entry{Payload: []byte(value), Tags: tags, Life: driver.Life{Fresh: driver.Forever, Expires: driver.Forever}}
	if ttl != 0 {
		end := time.Now().Add(ttl).UnixNano()
		e.Life = driver.Life{Fresh: end, Expires: end}
	}
	return e
}

// read is the payload under k, or "".
func read(t testing.TB, s *ristrettostore.Store, k driver.Key) string {
	t.Helper()
	r, err := s.Get(t.Context(), k, 0)
	if err != nil {
		t.Fatalf("Get(%q): %v", k, err)
	}
	if r.Entry == nil {
		return ""
	}
	return string(r.Entry.Payload)
}

func put(t testing.TB, s *ristrettostore.Store, k driver.Key, e *driver.Entry, mode driver.Mode, token driver.Token) driver.Result {
	t.Helper()
	r, err := s.Put(t.Context(), k, e, mode, token)
	if err != nil {
		t.Fatalf("Put(%q): %v", k, err)
	}
	return r
}

func invalidate(t testing.TB, s *ristrettostore.Store, keys []driver.Key, tags ...string) driver.Invalidated {
	t.Helper()
	r, err := s.Invalidate(t.Context(), driver.Invalidation{Keys: keys, Tags: tags})
	if err != nil {
		t.Fatalf("Invalidate(%q, %q): %v", keys, tags, err)
	}
	return r
}

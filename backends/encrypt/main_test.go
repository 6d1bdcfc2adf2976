package encrypt_test

import (
	"bytes"
	"context"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/stratacache/strata/backends/encrypt"
	"github.com/stratacache/strata/backends/locmem"
	"github.com/stratacache/strata/cache/driver"
	"github.com/stratacache/strata/internal/servertest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(servertest.Main(m)) }

// newKey is a key whose secret is its number, again and again.
func newKey(t testing.TB, id uint32) encrypt.Key {
	t.Helper()
	k, err := encrypt.NewKey(id, bytes.Repeat([]byte{byte(id)}, encrypt.KeySize))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func wrap(t testing.TB, inner driver.Store, o *encrypt.Options, ids ...uint32) *encrypt.Store {
	t.Helper()
	if ids == nil {
		ids = []uint32{1}
	}
	var keys []encrypt.Key
	for _, id := range ids {
		keys = append(keys, newKey(t, id))
	}
	s, err := encrypt.New(inner, keys, o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// memory is a store to be wrapped, that is closed with the test.
func memory(t testing.TB) *locmem.Store {
	t.Helper()
	s := locmem.New(nil)
	t.Cleanup(func() {
		if err := s.Close(context.Background()); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return s
}

func key(name string) driver.Key { return driver.Key{Scope: "t:", Name: name} }

func life() driver.Life {
	end := time.Now().Add(time.Hour).UnixNano()
	return driver.Life{Fresh: end, Expires: end}
}

func entry(payload string) *driver.Entry {
	return &driver.Entry{Life: life(), Payload: []byte(payload)}
}

func kind(e *driver.Entry, k driver.Kind) *driver.Entry {
	e.Kind = k
	return e
}

func put(t testing.TB, s driver.Store, k driver.Key, e *driver.Entry, mode driver.Mode, token driver.Token) driver.Result {
	t.Helper()
	r, err := s.Put(t.Context(), k, e, mode, token)
	if err != nil {
		t.Fatalf("Put %s: %v", k, err)
	}
	return r
}

func get(t testing.TB, s driver.Store, k driver.Key, hold time.Duration) driver.Reading {
	t.Helper()
	r, err := s.Get(t.Context(), k, hold)
	if err != nil {
		t.Fatalf("Get %s: %v", k, err)
	}
	return r
}

// want checks the payload under k; with odd it must be a miss that says so.
func want(t testing.TB, s driver.Store, k driver.Key, payload string, odd error) {
	t.Helper()
	r := get(t, s, k, 0)
	switch {
	case r.Odd != odd:
		t.Errorf("Get %s: got Odd %v, want %v", k, r.Odd, odd)
	case odd != nil && r.Entry != nil:
		t.Errorf("Get %s: got %q, want a miss", k, r.Entry.Payload)
	case odd == nil && (r.Entry == nil || string(r.Entry.Payload) != payload):
		t.Errorf("Get %s: got %+v, want %q", k, r.Entry, payload)
	}
}

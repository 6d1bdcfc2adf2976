//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package filestore_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/stratacache/strata/backends/filestore"
	"github.com/stratacache/strata/cache/driver"
)

func TestMain(m *testing.M) {
	if name := os.Getenv(helperVariable); name != "" {
		os.Exit(runHelper(name))
	}
	goleak.VerifyTestMain(m)
}

// open returns a store over dir that is closed with t.
func open(t testing.TB, dir string, opts *filestore.Options) *filestore.Store {
	t.Helper()
	s, err := filestore.New(dir, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		if err := s.Close(ctx); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return s
}

// plant puts a file in its place as another program could: a name at a time.
func plant(t testing.TB, path string, b []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
}

func key(name string) driver.Key { return driver.Key{Scope: "app:1:", Name: name} }

// long is a life that no test outlives.
func long() driver.Life { return living(time.Hour) }

func living(d time.Duration) driver.Life {
	end := time.Now().Add(d).UnixNano()
	return driver.Life{Fresh: end, Expires: end}
}

func value(payload string, tags ...string) *driver.Entry {
	return &driver.Entry{Life: long(), Payload: []byte(payload), Tags: tags}
}

func integer(digits string) *driver.Entry {
	return &driver.Entry{Life: long(), Kind: driver.Integer, Payload: []byte(digits)}
}

func get(t testing.TB, s *filestore.Store, name string, hold time.Duration) driver.Reading {
	t.Helper()
	r, err := s.Get(t.Context(), key(name), hold)
	if err != nil {
		t.Fatalf("Get(%q): %v", name, err)
	}
	return r
}

// want checks the payload under name; "" is a miss.
func want(t testing.TB, s *filestore.Store, name, payload string) {
	t.Helper()
	if got := shown(get(t, s, name, 0)); got != payload {
		t.Errorf("Get(%q): got %q, want %q", name, got, payload)
	}
}

func shown(r driver.Reading) string {
	if r.Entry == nil {
		return ""
	}
	return string(r.Entry.Payload)
}

func put(t testing.TB, s *filestore.Store, name string, e *driver.Entry, mode driver.Mode, token driver.Token) driver.Result {
	t.Helper()
	r, err := s.Put(t.Context(), key(name), e, mode, token)
	if err != nil {
		t.Fatalf("Put(%q, mode %d): %v", name, mode, err)
	}
	return r
}

func set(t testing.TB, s *filestore.Store, name, payload string, tags ...string) {
	t.Helper()
	put(t, s, name, value(payload, tags...), driver.Set, 0)
}

func invalidate(t testing.TB, s *filestore.Store, names []string, tags ...string) driver.Invalidated {
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

// memory is t.TempDir in memory, if there is such a place: for what is tested of
// the store and not of the disk, which others keep busy.
func memory(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "strata-filestore-")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return dir
}

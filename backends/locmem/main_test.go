package locmem

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/stratacache/strata/cache/driver"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// newStore makes a store that is closed with the test.
func newStore(t testing.TB, o *Options) *Store {
	t.Helper()
	s := New(o)
	t.Cleanup(func() {
		if err := s.Close(context.Background()); err != nil {
			t.Errorf("Close: got %v, want nil", err)
		}
	})
	return s
}

var policies = map[string]Policy{"LRU": LRU, "WTinyLFU": WTinyLFU}

func key(name string) driver.Key { return driver.Key{Scope: "t:", Name: name} }

func keyN(i int) driver.Key { return key(fmt.Sprint("key ", i)) }

// entry is a value that ends after ttl; 0 means never.
func entry(value string, ttl time.Duration, tags ...string) *driver.Entry {
	e := &driver.Entry{Payload: []byte(value), Tags: tags, Life: driver.Life{Fresh: driver.Forever, Expires: driver.Forever}}
	if ttl != 0 {
		end := time.Now().Add(ttl).UnixNano()
		e.Life = driver.Life{Fresh: end, Expires: end}
	}
	return e
}

func get(t testing.TB, s *Store, k driver.Key, hold time.Duration) driver.Reading {
	t.Helper()
	r, err := s.Get(context.Background(), k, hold)
	if err != nil {
		t.Fatalf("Get(%q): %v", k, err)
	}
	return r
}

func put(t testing.TB, s *Store, k driver.Key, e *driver.Entry, mode driver.Mode, token driver.Token) driver.Result {
	t.Helper()
	r, err := s.Put(context.Background(), k, e, mode, token)
	if err != nil {
		t.Fatalf("Put(%q): %v", k, err)
	}
	return r
}

func set(t testing.TB, s *Store, names ...string) {
	t.Helper()
	for _, n := range names {
		put(t, s, key(n), entry("value of "+n, 0), driver.Set, 0)
	}
}

func invalidate(t testing.TB, s *Store, keys []driver.Key, tags ...string) driver.Invalidated {
	t.Helper()
	r, err := s.Invalidate(context.Background(), driver.Invalidation{Keys: keys, Tags: tags})
	if err != nil {
		t.Fatalf("Invalidate(%q, %q): %v", keys, tags, err)
	}
	return r
}

// order is what a store of one shard holds, most recently used first.
func order(s *Store) []string {
	var out []string
	l := s.shards[0].table.(*lru)
	for n := l.root.next; n != &l.root; n = n.next {
		out = append(out, n.key.Name)
	}
	return out
}

func wantOrder(t *testing.T, s *Store, want ...string) {
	t.Helper()
	if got := order(s); !slices.Equal(got, want) {
		t.Errorf("kept, latest first: got %q, want %q", got, want)
	}
	if s.Len() != len(want) {
		t.Errorf("Len: got %d, want %d", s.Len(), len(want))
	}
}

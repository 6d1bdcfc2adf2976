package filestore_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stratacache/strata/backends/filestore"
	"github.com/stratacache/strata/backends/locmem"
	"github.com/stratacache/strata/cache"
)

// A tier between memory and the store: values, tags and "not found" come back
// from the disk, to another client too, and what was invalidated does not.
func TestBetweenMemoryAndTheStore(t *testing.T) {
	t.Parallel()
	shared, dir := &owned{locmem.New(nil)}, t.TempDir()
	var clients []*cache.Client
	for range 2 {
		disk, err := filestore.New(dir, nil)
		if err != nil {
			t.Fatal(err)
		}
		c, err := cache.New(shared, &cache.Options{Staleness: time.Hour, Near: []cache.Tier{
			{Store: locmem.New(nil)}, {Store: disk, TTL: time.Hour, Timeout: time.Minute},
		}})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Close(context.Background()) })
		// The store keeps a log: until it was read, nothing near is trusted.
		for c.Stats().NearHits == 0 && t.Context().Err() == nil {
			_, _ = c.GetOrSet(t.Context(), "any", func(context.Context) ([]byte, error) { return nil, nil })
			time.Sleep(time.Millisecond)
		}
		clients = append(clients, c)
	}
	a, b := cache.For[string](clients[0]), cache.For[string](clients[1])
	must := func(c cache.Typed[string], loads, want string) {
		t.Helper()
		got, err := c.GetOrSet(t.Context(), "k", func(context.Context) (string, error) { return loads, nil }, cache.Tags("t"))
		if got != want || err != nil {
			t.Errorf("got %q, %v; want %s", got, err, want)
		}
	}
	must(a, "v1", "v1")
	none := func(context.Context) (string, error) { return "", cache.ErrNotFound }
	if _, err := a.GetOrSet(t.Context(), "none", none); !errors.Is(err, cache.ErrNotFound) {
		t.Error(err)
	}
	before := clients[1].Stats()
	must(b, "lost", "v1")
	if _, err := b.Get(t.Context(), "none"); !errors.Is(err, cache.ErrNotFound) {
		t.Errorf("none: got %v, want ErrNotFound", err)
	}
	if s := clients[1].Stats(); s.NearHits-before.NearHits != 1 || s.NegativeHits != 1 || s.Hits != before.Hits || s.Misses != before.Misses {
		t.Errorf("got %+v; want all from the disk", s)
	}
	if err := clients[1].Invalidate(t.Context(), "t"); err != nil {
		t.Fatal(err)
	}
	must(b, "v2", "v2")
}

// owned is a store that outlives the clients that close it.
type owned struct{ *locmem.Store }

func (owned) Close(context.Context) error { return nil }

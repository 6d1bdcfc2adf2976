package invalidate_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stratacache/strata/backends/locmem"
	"github.com/stratacache/strata/cache"
	"github.com/stratacache/strata/cache/driver"
	"github.com/stratacache/strata/invalidate"
)

type note struct {
	ID    int
	Owner string
}

func affects(n note) invalidate.Names {
	return invalidate.Names{Keys: []string{"note:" + n.Owner}, Tags: []string{invalidate.Tag("notes", n.Owner)}}
}

// flaky fails so many invalidations before one goes through.
type flaky struct {
	driver.Store
	failures int
}

var errDown = errors.New("connection refused")

func (s *flaky) Invalidate(ctx context.Context, what driver.Invalidation) (driver.Invalidated, error) {
	if s.failures > 0 {
		s.failures--
		return driver.Invalidated{}, errDown
	}
	return s.Store.Invalidate(ctx, what)
}

// lists caches one list for each owner, under its tag, and one key.
func lists(t *testing.T, c cache.Cache, owners ...string) {
	t.Helper()
	for _, o := range owners {
		load := func(context.Context) ([]byte, error) { return []byte("list"), nil }
		if _, err := c.GetOrSet(t.Context(), "list:"+o, load, cache.Tags(invalidate.Tag("notes", o))); err != nil {
			t.Fatal(err)
		}
		if err := c.Set(t.Context(), "note:"+o, []byte("note")); err != nil {
			t.Fatal(err)
		}
	}
}

func gone(t *testing.T, c cache.Cache, owners ...string) (out []string) {
	t.Helper()
	for _, o := range owners {
		list, err1 := c.Has(t.Context(), "list:"+o)
		one, err2 := c.Has(t.Context(), "note:"+o)
		if err1 != nil || err2 != nil || list != one {
			t.Fatalf("%s: list %v %v, note %v %v", o, list, err1, one, err2)
		}
		if !list {
			out = append(out, o)
		}
	}
	return out
}

func TestWriteDropsOldAndNewState(t *testing.T) { // INV-002, INV-004
	c, _ := cache.New(locmem.New(nil), nil)
	defer c.Close(t.Context())
	hook := invalidate.NewHook(c, affects)
	failure := errors.New("constraint violated")
	for name, tc := range map[string]struct {
		change invalidate.Change[note]
		err    error
		want   []string
	}{
		"create":           {invalidate.Created(note{1, "a"}), nil, []string{"a"}},
		"move":             {invalidate.Updated(note{1, "a"}, note{1, "b"}), nil, []string{"a", "b"}},
		"delete":           {invalidate.Deleted(note{1, "b"}), nil, []string{"b"}},
		"fail, no change":  {invalidate.Change[note]{}, failure, nil},
		"fail, but change": {invalidate.Created(note{1, "c"}), failure, []string{"c"}},
	} {
		lists(t, c, "a", "b", "c")
		err := hook.Write(t.Context(), func(context.Context) (invalidate.Change[note], error) { return tc.change, tc.err })
		if !errors.Is(err, tc.err) {
			t.Errorf("%s: got %v, want %v", name, err, tc.err)
		}
		if got := gone(t, c, "a", "b", "c"); !slices.Equal(got, tc.want) {
			t.Errorf("%s: gone are %v, want %v", name, got, tc.want)
		}
	}
}

// The request that wrote is gone after the commit; the invalidation happens all
// the same.
func TestInvalidationOutlivesTheRequest(t *testing.T) {
	c, _ := cache.New(locmem.New(nil), nil)
	defer c.Close(t.Context())
	lists(t, c, "a")
	ctx, cancel := context.WithCancel(t.Context())
	err := invalidate.NewHook(c, affects).Write(ctx, func(context.Context) (invalidate.Change[note], error) {
		cancel()
		return invalidate.Created(note{1, "a"}), nil
	})
	if got := gone(t, c, "a"); err != nil || len(got) != 1 {
		t.Errorf("got %v, gone %v; want a gone", err, got)
	}
}

func TestInvalidationIsTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &flaky{Store: locmem.New(nil), failures: 3}
		c, _ := cache.New(store, nil)
		defer c.Close(t.Context())
		lists(t, c, "a")
		hook := invalidate.NewHook(c, affects)
		write := func(context.Context) (invalidate.Change[note], error) {
			return invalidate.Created(note{1, "a"}), nil
		}
		if err := hook.Write(t.Context(), write); err != nil {
			t.Errorf("a short outage: got %v, want none", err)
		}
		if got := gone(t, c, "a"); len(got) != 1 {
			t.Error("a is not gone")
		}

		lists(t, c, "a")
		store.failures = 1e9
		began := time.Now()
		err := hook.Write(t.Context(), write)
		var pending *invalidate.PendingError
		if !errors.As(err, &pending) || !errors.Is(err, errDown) || time.Since(began) > 6*time.Second {
			t.Fatalf("a long outage: got %v after %v, want a *PendingError within 6s", err, time.Since(began))
		}
		store.failures = 0
		if err := pending.Retry(t.Context()); err != nil {
			t.Errorf("Retry: %v", err)
		}
		if got := gone(t, c, "a"); len(got) != 1 {
			t.Error("after Retry a is not gone")
		}
	})
}

// INV-034, INV-056: what a unit collects that is rolled back is not invalidated, and
// what follows is, however the block ended.
func TestSuspended(t *testing.T) {
	c, _ := cache.New(locmem.New(nil), nil)
	defer c.Close(t.Context())
	lists(t, c, "a", "b")
	hook := invalidate.NewHook(c, affects)
	write := func(ctx context.Context, owner string) {
		t.Helper()
		err := hook.Write(ctx, func(context.Context) (invalidate.Change[note], error) {
			return invalidate.Created(note{1, owner}), nil
		})
		if err != nil {
			t.Error(err)
		}
	}
	func() {
		defer func() { _ = recover() }()
		quiet, unit := invalidate.Collect(t.Context())
		defer unit.Rollback()
		write(quiet, "a")
		panic("in the block")
	}()
	write(t.Context(), "b")
	if got := gone(t, c, "a", "b"); !slices.Equal(got, []string{"b"}) {
		t.Errorf("gone are %v, want b", got)
	}
}

// A key that the cache refuses keeps neither the other keys nor the tags in.
func TestUnusableKey(t *testing.T) {
	c, _ := cache.New(locmem.New(nil), &cache.Options{ValidateKey: cache.PortableKeys})
	defer c.Close(t.Context())
	lists(t, c, "a")
	hook := invalidate.NewHook(c, func(n note) invalidate.Names {
		names := affects(n)
		names.Keys = append(names.Keys, "not portable")
		return names
	})
	err := hook.Write(t.Context(), func(context.Context) (invalidate.Change[note], error) {
		return invalidate.Created(note{1, "a"}), nil
	})
	if got := gone(t, c, "a"); len(got) != 1 || !errors.Is(err, cache.ErrKey) {
		t.Errorf("got %v, gone %v; want ErrKey, and a gone", err, got)
	}
}

func TestTagsNeverMeet(t *testing.T) {
	long := strings.Repeat("x", 300)
	seen := map[string]int{}
	for i, parts := range [][]any{
		{"a"},
		{"a", "b"},
		{"a:b"},
		{"a", ""},
		{"a", "", ""},
		{""},
		{"", ""},
		{"a", "b:c"},
		{"a", "b", "c"},
		{"a", "%"},
		{"%"},
		{"a", long},
		{"a", long + "y"},
		{"a" + long},
		{"", "", "x"},
		{"a", "ü"},
		{"a", "\x00"},
	} {
		tag := invalidate.Tag(parts[0].(string), parts[1:]...)
		if j, met := seen[tag]; met {
			t.Errorf("lists %d and %d share the tag %q", i, j, tag)
		}
		seen[tag] = i
		if len(tag) == 0 || len(tag) > 200 || tag[0] == 0 {
			t.Errorf("list %d: %q is no tag", i, tag)
		}
	}
	if got := invalidate.Tag("note", 7); got != "note:7" {
		t.Errorf("got %q, want note:7", got)
	}
}

// link is a row of a join table: it is a record like any other, and what depends
// on either side of it depends on it. INV-025.
type link struct{ article, topic int }

func TestManyToMany(t *testing.T) {
	c, _ := cache.New(locmem.New(nil), nil)
	defer c.Close(t.Context())
	hook := invalidate.NewHook(c, func(l link) invalidate.Names {
		return invalidate.Names{Tags: []string{invalidate.Tag("topics-of", l.article), invalidate.Tag("articles-on", l.topic)}}
	})
	for what, change := range map[string]invalidate.Change[link]{
		"add":    invalidate.Created(link{1, 7}),
		"remove": invalidate.Deleted(link{1, 7}),
	} {
		for _, tag := range []string{"topics-of:1", "topics-of:2", "articles-on:7", "articles-on:8"} {
			load := func(context.Context) ([]byte, error) { return []byte("list"), nil }
			if _, err := c.GetOrSet(t.Context(), tag, load, cache.Tags(tag)); err != nil {
				t.Fatal(err)
			}
		}
		if err := hook.Write(t.Context(), func(context.Context) (invalidate.Change[link], error) { return change, nil }); err != nil {
			t.Fatal(err)
		}
		left, err := c.GetMany(t.Context(), "topics-of:1", "topics-of:2", "articles-on:7", "articles-on:8")
		if err != nil || len(left) != 2 || left["topics-of:2"] == nil || left["articles-on:8"] == nil {
			t.Errorf("%s: left are %v, %v, want those of the other article and topic", what, left, err)
		}
	}
}

package cache_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stratacache/strata/backends/locmem"
	"github.com/stratacache/strata/cache"
	"github.com/stratacache/strata/cache/driver"
)

func within(ctx context.Context, a *cache.Access) context.Context {
	return cache.WithAccess(ctx, func() cache.Access { return *a })
}

// A context decides, at each call, what is read and that nothing is stored.
func TestAccess(t *testing.T) {
	t.Parallel()
	store := &tapped{Store: locmem.New(nil)}
	access := cache.ReadWrite
	store.get = func(ctx context.Context, key driver.Key, hold time.Duration, next driver.Store) (driver.Reading, error) {
		if access != cache.ReadWrite && hold > 0 && key.Name == "absent" {
			t.Error("a miss leaves a fence, for whose load others would wait")
		}
		return next.Get(ctx, key, hold)
	}
	c := open(t, store, nil)
	values := cache.For[string](c)
	loads := 0
	load := func(context.Context) (string, error) { loads++; return fmt.Sprint("v", loads), nil }
	get := func(ctx context.Context, key, want string) {
		t.Helper()
		if got, err := values.GetOrSet(ctx, key, load, cache.Tags("t")); got != want || err != nil {
			t.Errorf("%s: got %q, %v, want %s", key, got, err, want)
		}
	}
	ctx := within(t.Context(), &access)
	get(ctx, "k", "v1")

	access = cache.ReadOnly
	get(ctx, "k", "v1")
	get(ctx, "absent", "v2") // its caller's alone
	get(ctx, "absent", "v3")

	access = cache.NoAccess
	get(ctx, "k", "v4")
	if _, err := values.Get(ctx, "k"); !errors.Is(err, cache.ErrMiss) {
		t.Errorf("Get: got %v, want ErrMiss", err)
	}
	if has, err := values.Has(ctx, "k"); has || err != nil {
		t.Errorf("Has: got %v, %v", has, err)
	}
	if many, err := values.GetMany(ctx, "k", "l"); len(many) != 0 || err != nil {
		t.Errorf("GetMany: got %v, %v", many, err)
	}

	// Several around a call: the strictest. One that ends leaves the other.
	inner := cache.ReadOnly
	both := within(ctx, &inner)
	get(both, "k", "v5")
	access = cache.ReadOnly
	get(both, "k", "v1")
	access = cache.ReadWrite
	get(both, "absent", "v6")
	access = cache.NoAccess
	inner = cache.ReadWrite
	get(both, "k", "v7")
	get(cache.WithAccess(both, nil), "k", "v1")
	get(t.Context(), "k", "v1")

	access = cache.ReadWrite
	get(ctx, "absent", "v8")
	access = cache.ReadOnly
	get(ctx, "absent", "v8")
	if s := c.Stats(); s.Bypasses != 7 || s.Loads != 8 || s.Stored != 2 {
		t.Errorf("got %+v, want 7 Bypasses, 8 Loads, 2 Stored", s)
	}
}

// Where nothing is stored nothing begins in the background, and what is not
// fresh is not read.
func TestAccessToStaleValues(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := open(t, locmem.New(nil), &cache.Options{Stale: time.Hour, EarlyRefresh: 1e9})
		loads := 0
		load := func(context.Context) ([]byte, error) {
			loads++
			time.Sleep(time.Second)
			return []byte{byte(loads)}, nil
		}
		access := cache.ReadWrite
		ctx := within(t.Context(), &access)
		get := func(want byte) {
			t.Helper()
			many, err := c.GetOrSetMany(ctx, []string{"k"}, func(ctx context.Context, _ []string) (map[string][]byte, error) {
				v, err := load(ctx)
				return map[string][]byte{"k": v}, err
			}, cache.TTL(time.Minute))
			if err != nil || many["k"][0] != want {
				t.Errorf("GetOrSetMany: got %v, %v, want %d", many, err, want)
			}
			time.Sleep(2 * time.Second) // what began in the background ends
			if loads > int(want) {
				t.Errorf("%d loads, want %d", loads, want)
			}
		}
		get(1)
		access = cache.ReadOnly
		got, err := c.GetOrSet(ctx, "k", load)
		if time.Sleep(2 * time.Second); err != nil || got[0] != 1 || loads != 1 {
			t.Errorf("a hit: got %v, %v and %d loads, want no early refresh", got, err, loads)
		}
		time.Sleep(2 * time.Minute)
		if _, _, err := cache.For[[]byte](c).GetStale(ctx, "k"); !errors.Is(err, cache.ErrMiss) {
			t.Errorf("GetStale: got %v, want ErrMiss", err)
		}
		get(2)
		if got, err := c.GetOrSet(ctx, "k", load); err != nil || got[0] != 3 || loads != 3 {
			t.Errorf("a stale value: got %v, %v after %d loads", got, err, loads)
		}
	})
}

// What the request has read before it may read again, unless it may read nothing.
func TestAccessAndMemo(t *testing.T) {
	t.Parallel()
	c := open(t, locmem.New(nil), &cache.Options{RequestMemo: true})
	if err := c.Set(t.Context(), "k", []byte("x")); err != nil {
		t.Fatal(err)
	}
	access := cache.ReadOnly
	for _, ctx := range []context.Context{within(cache.WithMemo(t.Context()), &access), cache.WithMemo(within(t.Context(), &access))} {
		access = cache.ReadOnly
		before := c.Stats()
		for range 2 {
			if _, err := c.Get(ctx, "k"); err != nil {
				t.Error(err)
			}
		}
		access = cache.NoAccess
		if _, err := c.Get(ctx, "k"); !errors.Is(err, cache.ErrMiss) {
			t.Errorf("got %v, want ErrMiss", err)
		}
		if s := c.Stats(); s.MemoHits-before.MemoHits != 1 || s.Hits-before.Hits != 1 {
			t.Errorf("got %+v after %+v, want a hit and one of the memo", s, before)
		}
	}
}

// The same for many keys at once: one call of the loader for what is missing,
// in its caller's context.
func TestAccessOfMany(t *testing.T) {
	c := open(t, locmem.New(nil), nil)
	values := cache.For[int](c)
	type key struct{}
	access := cache.ReadOnly
	ctx := within(context.WithValue(t.Context(), key{}, "mine"), &access)
	if err := values.Set(t.Context(), "1", 10); err != nil {
		t.Fatal(err)
	}
	var asked [][]string
	load := func(ctx context.Context, missing []string) (map[string]int, error) {
		asked = append(asked, missing)
		if ctx.Value(key{}) != "mine" || cache.Loading(ctx) == nil || cache.Loading(ctx).Shared() {
			t.Error("the loader's context is not its caller's, or not a load of its own")
		}
		out := map[string]int{}
		for _, m := range missing {
			switch m {
			case "none":
			case "bad":
				return nil, errors.New("no")
			default:
				out[m] = -1
			}
		}
		return out, nil
	}
	for _, step := range []struct {
		access cache.Access
		asked  [][]string
		first  int
	}{
		{cache.ReadOnly, [][]string{{"2", "none"}, {"3"}}, 10},
		{cache.NoAccess, [][]string{{"1", "2"}, {"none", "3"}}, -1},
	} {
		access, asked = step.access, nil
		got, err := values.GetOrSetMany(ctx, []string{"1", "2", "none", "3", "2"}, load, cache.BatchSize(2))
		if err != nil || len(got) != 3 || got["1"] != step.first || got["2"] != -1 || got["3"] != -1 {
			t.Errorf("got %v, %v", got, err)
		}
		if !slices.EqualFunc(asked, step.asked, slices.Equal) {
			t.Errorf("asked for %v, want %v", asked, step.asked)
		}
	}
	got, err := values.GetOrSetMany(ctx, []string{"2", "bad"}, load, cache.BatchSize(1))
	if failed, ok := errors.AsType[cache.ManyError](err); !ok || len(failed) != 1 || failed["bad"] == nil || got["2"] != -1 {
		t.Errorf("got %v, %v, want an error for bad alone", got, err)
	}
	if left, err := values.GetMany(t.Context(), "1", "2", "3", "none"); len(left) != 1 || err != nil {
		t.Errorf("stored: %v, %v, want what stood there before", left, err)
	}
}

// What a call would store is refused, what it removes or counts is not.
func TestWritesWithoutAccess(t *testing.T) {
	c := open(t, locmem.New(nil), nil)
	for _, access := range []cache.Access{cache.ReadOnly, cache.NoAccess} {
		ctx := within(t.Context(), &access)
		if err := c.Set(t.Context(), "old", []byte("x")); err != nil {
			t.Fatal(err)
		}
		fence, err := c.Fence(t.Context(), "new")
		if err != nil {
			t.Fatal(err)
		}
		for op, err := range map[string]error{
			"Set":        c.Set(ctx, "new", []byte("x")),
			"Set fenced": c.Set(ctx, "new", []byte("x"), cache.Fenced(fence)),
			"SetMany":    c.SetMany(ctx, map[string][]byte{"new": []byte("x")}),
			"Add":        func() error { _, err := c.Add(ctx, "new", []byte("x")); return err }(),
		} {
			if !errors.Is(err, cache.ErrReadOnly) || errors.Is(err, cache.ErrUnavailable) {
				t.Errorf("%s: got %v, want ErrReadOnly", op, err)
			}
		}
		if stored, err := c.Fill(ctx, "new", []byte("x"), fence); stored || err != nil {
			t.Errorf("Fill: got %v, %v", stored, err)
		}
		late, err := c.Fence(ctx, "new2")
		if err != nil {
			t.Fatal(err)
		}
		if stored, err := c.Fill(t.Context(), "new2", []byte("x"), late); stored || err != nil {
			t.Errorf("Fill of what was read within: got %v, %v", stored, err)
		}
		if has, _ := c.Has(t.Context(), "new"); has {
			t.Error("something was stored")
		}
		if ok, err := c.Delete(ctx, "old"); !ok || err != nil {
			t.Errorf("Delete: got %v, %v", ok, err)
		}
		if _, err := c.Incr(ctx, "n", 1, cache.Initial(0)); err != nil {
			t.Errorf("Incr: %v", err)
		}
		if err := c.Set(ctx, "old", nil, cache.TTL(0)); err != nil {
			t.Errorf("Set that removes: %v", err)
		}
	}
}

// A loader that asks for its own key is told so there too, and a load within a
// load keeps its own.
func TestLoadsWithoutAccess(t *testing.T) {
	c := open(t, locmem.New(nil), nil)
	access := cache.NoAccess
	ctx := within(t.Context(), &access)
	var ask func(ctx context.Context) ([]byte, error)
	ask = func(ctx context.Context) ([]byte, error) {
		return c.GetOrSet(ctx, "k", func(ctx context.Context) ([]byte, error) { return c.GetOrSet(ctx, "l", ask) })
	}
	if _, err := ask(ctx); !errors.Is(err, cache.ErrRecursiveLoad) {
		t.Errorf("got %v, want ErrRecursiveLoad", err)
	}
	_, err := c.GetOrSet(t.Context(), "outer", func(ctx context.Context) ([]byte, error) {
		if !cache.Loading(ctx).Shared() {
			t.Error("a load that others join is not shared")
		}
		return c.GetOrSet(within(ctx, &access), "inner", func(ctx context.Context) ([]byte, error) {
			cache.Loading(ctx).SetTTL(cache.Never) // not the outer one's
			return []byte("x"), cache.Loading(ctx).AddTags("t")
		})
	})
	if has, err2 := c.Has(t.Context(), "outer"); !has || err != nil || err2 != nil {
		t.Errorf("outer: got %v, %v, %v, want it stored", has, err, err2)
	}
	if _, err := c.GetOrSet(ctx, "k", func(context.Context) ([]byte, error) { return nil, cache.ErrNotFound }); !errors.Is(err, cache.ErrNotFound) {
		t.Errorf("got %v, want ErrNotFound", err)
	}
}

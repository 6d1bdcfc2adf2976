package cache_test

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"

	"github.com/stratacache/strata/backends/locmem"
	"github.com/stratacache/strata/cache"
)

func TestMemo(t *testing.T) {
	inProcesses(t, 2, &cache.Options{RequestMemo: true}, func(t *testing.T, c []*cache.Client) {
		own, other := c[0], c[1]
		values := cache.For[string](own)
		loads := 0
		get := func(ctx context.Context, want string) {
			t.Helper()
			got, err := values.GetOrSet(ctx, "k", func(context.Context) (string, error) {
				loads++
				return fmt.Sprint("v", loads), nil
			}, cache.Tags("t"))
			if got != want || err != nil {
				t.Errorf("got %q, %v, want %s", got, err, want)
			}
		}
		request := cache.WithMemo(t.Context())
		get(request, "v1")
		get(request, "v1")
		if s := own.Stats(); s.Misses != 1 || s.MemoHits != 1 || s.Hits != 0 {
			t.Errorf("after a load: got %+v", s)
		}
		// Another process's invalidation is seen by the next request.
		if err := other.Invalidate(t.Context(), "t"); err != nil {
			t.Fatal(err)
		}
		get(request, "v1")
		get(t.Context(), "v2")
		get(cache.WithMemo(t.Context()), "v2")
		get(request, "v1")
		// This process's own is seen at once.
		if err := own.Invalidate(t.Context(), "t"); err != nil {
			t.Fatal(err)
		}
		get(request, "v3")
		many, err := values.GetMany(request, "k", "absent")
		if err != nil || many["k"] != "v3" || len(many) != 1 {
			t.Errorf("GetMany: got %v, %v", many, err)
		}
		if s := own.Stats(); s.MemoHits != 4 {
			t.Errorf("MemoHits: got %d, want 4", s.MemoHits)
		}
		get(request, "v3")
		if got, err := values.GetOrSet(request, "k", func(context.Context) (string, error) { return "new", nil }, cache.Refresh()); got != "new" || err != nil {
			t.Errorf("Refresh: got %q, %v", got, err)
		}
	})
}

// What was being read while this process invalidated is not kept.
func TestMemoOfAReadThatWasOvertaken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := open(t, nil, &cache.Options{RequestMemo: true})
		values := cache.For[string](c)
		request := cache.WithMemo(t.Context())
		got, err := values.GetOrSet(request, "k", func(ctx context.Context) (string, error) {
			_, err := c.Delete(ctx, "k")
			return "old", err
		})
		if got != "old" || err != nil {
			t.Fatalf("got %q, %v", got, err)
		}
		if got, _ := values.GetOrSet(request, "k", func(context.Context) (string, error) { return "new", nil }); got != "new" {
			t.Errorf("got %q, want new", got)
		}
	})
}

// Counters are not kept.
func TestMemoOfACounter(t *testing.T) {
	t.Parallel()
	c := open(t, nil, &cache.Options{RequestMemo: true})
	n := cache.For[int](c)
	request := cache.WithMemo(t.Context())
	for want := range 3 {
		if got, err := n.GetOrSet(request, "n", func(context.Context) (int, error) { return 0, nil }); got != want || err != nil {
			t.Errorf("got %d, %v, want %d", got, err, want)
		}
		if _, err := c.Incr(t.Context(), "n", 1); err != nil {
			t.Fatal(err)
		}
	}
}

func ExampleWithMemo() {
	c, err := cache.New(locmem.New(nil), &cache.Options{RequestMemo: true})
	if err != nil {
		panic(err)
	}
	ctx := cache.WithMemo(context.Background()) // in a middleware, once for each request
	defer c.Close(ctx)
	users := cache.For[string](c)
	for range 3 { // the page, its header and its sidebar
		_, _ = users.GetOrSet(ctx, "42", func(context.Context) (string, error) { return "Ann", nil })
	}
	s := c.Stats()
	fmt.Println(s.Misses, s.MemoHits)
	// Output: 1 2
}

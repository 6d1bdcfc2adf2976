package cache_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/stratacache/strata/backends/locmem"
	"github.com/stratacache/strata/cache"
)

// A list page needs many values at once: one read, and one query for those that
// are missing.
func ExampleTyped_GetOrSetMany() {
	ctx := context.Background()
	c, err := cache.New(locmem.New(nil), nil)
	if err != nil {
		panic(err)
	}
	defer c.Close(ctx)
	names := cache.For[string](c)
	load := func(_ context.Context, ids []string) (map[string]string, error) {
		fmt.Println("SELECT … WHERE id IN", ids)
		rows := map[string]string{"1": "Ann", "2": "Ben", "3": "Cem"}
		maps.DeleteFunc(rows, func(id, _ string) bool { return !slices.Contains(ids, id) })
		return rows, nil
	}
	for range 2 {
		got, err := names.GetOrSetMany(ctx, []string{"1", "2", "404"}, load)
		fmt.Println(got, err)
	}
	got, err := names.GetOrSetMany(ctx, []string{"2", "3"}, load)
	fmt.Println(got, err)
	// Output:
	// SELECT … WHERE id IN [1 2 404]
	// map[1:Ann 2:Ben] <nil>
	// map[1:Ann 2:Ben] <nil>
	// SELECT … WHERE id IN [3]
	// map[2:Ben 3:Cem] <nil>
}

// Expire is for what may be old for a moment: nobody waits for the new list.
func ExampleClient_Expire() {
	ctx := context.Background()
	c, err := cache.New(locmem.New(nil), &cache.Options{TTL: time.Hour, Stale: time.Minute})
	if err != nil {
		panic(err)
	}
	defer c.Close(ctx)
	lists := cache.For[[]string](c)
	articles, loaded := []string{"one"}, make(chan bool, 1)
	get := func() {
		got, err := lists.GetOrSet(ctx, "front page", func(context.Context) ([]string, error) {
			defer func() { loaded <- true }()
			return slices.Clone(articles), nil
		}, cache.Tags("articles"))
		fmt.Println(got, err)
	}
	get()
	<-loaded
	articles = append(articles, "two")
	if err := c.Expire(ctx, "articles"); err != nil {
		panic(err)
	}
	get()
	<-loaded
	// Output:
	// [one] <nil>
	// [one] <nil>
}

// With Stale, a database that is down is not a page that is down.
func ExampleStale() {
	ctx := context.Background()
	c, err := cache.New(locmem.New(nil), nil)
	if err != nil {
		panic(err)
	}
	defer c.Close(ctx)
	weather := cache.For[string](c)
	var down error
	get := func() {
		got, err := weather.GetOrSet(ctx, "oslo", func(context.Context) (string, error) { return "rain", down },
			cache.TTL(time.Millisecond), cache.Stale(time.Hour), cache.SoftTimeout(time.Minute))
		fmt.Println(got, err)
	}
	get()
	time.Sleep(2 * time.Millisecond)
	down = errors.New("the weather service is down")
	get()
	// Output:
	// rain <nil>
	// rain <nil>
}

// A loader that can ask "has it changed?" renews what is there.
func ExamplePrevious() {
	ctx := context.Background()
	c, err := cache.New(locmem.New(nil), nil)
	if err != nil {
		panic(err)
	}
	defer c.Close(ctx)
	type document struct{ ETag, Text string }
	documents := cache.For[document](c)
	load := func(ctx context.Context) (document, error) {
		if old, ok := cache.Previous[document](ctx); ok {
			fmt.Println("GET, If-None-Match:", old.ETag, "→ 304")
			return document{}, cache.ErrNotModified
		}
		fmt.Println("GET → 200")
		return document{ETag: `"1"`, Text: "hello"}, nil
	}
	for range 2 {
		d, err := documents.GetOrSet(ctx, "d", load, cache.Refresh())
		fmt.Println(d.Text, err)
	}
	// Output:
	// GET → 200
	// hello <nil>
	// GET, If-None-Match: "1" → 304
	// hello <nil>
}

// What a value depends on is often known only once it is loaded.
func ExampleLoading() {
	ctx := context.Background()
	c, err := cache.New(locmem.New(nil), nil)
	if err != nil {
		panic(err)
	}
	defer c.Close(ctx)
	articles := cache.For[string](c)
	load := func(ctx context.Context) (string, error) {
		fmt.Println("loaded, with its author 7")
		if err := cache.Loading(ctx).AddTags("author:7"); err != nil {
			return "", err
		}
		return "On caches, by Ann", nil
	}
	for range 2 {
		title, err := articles.GetOrSet(ctx, "42", load)
		fmt.Println(title, err)
	}
	fmt.Println(c.Invalidate(ctx, "author:7"))
	_, _ = articles.GetOrSet(ctx, "42", load)
	// Output:
	// loaded, with its author 7
	// On caches, by Ann <nil>
	// On caches, by Ann <nil>
	// <nil>
	// loaded, with its author 7
}

// What an application makes itself is made by one of the processes that share a
// store.
func ExampleLease() {
	ctx := context.Background()
	c, err := cache.New(locmem.New(nil), nil)
	if err != nil {
		panic(err)
	}
	defer c.Close(ctx)
	report := func() ([]byte, error) {
		lease, err := c.Lease(ctx, "report")
		if err != nil {
			return nil, err
		}
		defer lease.Release()
		if err := lease.Wait(ctx); err != nil { // returns at once if the lease is held
			return nil, err
		}
		fence, err := c.Fence(ctx, "report")
		if err != nil {
			return nil, err
		}
		if b, err := c.Get(ctx, "report"); !errors.Is(err, cache.ErrMiss) {
			return b, err // another process has made it
		}
		fmt.Println("writing the report")
		b := []byte("all is well")
		_, err = c.Fill(ctx, "report", b, fence)
		return b, err
	}
	for range 2 {
		b, err := report()
		fmt.Printf("%s %v\n", b, err)
	}
	// Output:
	// writing the report
	// all is well <nil>
	// all is well <nil>
}

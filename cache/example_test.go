package cache_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"time"

	"github.com/stratacache/strata/backends/locmem"
	"github.com/stratacache/strata/cache"
)

type Article struct {
	ID    int
	Title string
}

func Example() {
	ctx := context.Background()
	c, err := cache.New(locmem.New(nil), nil)
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close(ctx)

	articles := cache.For[Article](c.WithPrefix("article"))
	load := func(context.Context) (Article, error) {
		fmt.Println("loading")
		return Article{ID: 42, Title: "On caches"}, nil
	}
	for range 2 {
		a, err := articles.GetOrSet(ctx, "42", load, cache.TTL(time.Hour), cache.Tags("author:7"))
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(a.Title)
	}
	// Somebody renames author 7: all that shows the name is gone.
	if err := c.Invalidate(ctx, "author:7"); err != nil {
		log.Fatal(err)
	}
	_, err = articles.Get(ctx, "42")
	fmt.Println(err)
	// Output:
	// loading
	// On caches
	// On caches
	// strata: no such entry
}

func ExampleNew() {
	c, err := cache.New(locmem.New(nil), &cache.Options{TTL: time.Minute, Prefix: "shop"})
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close(context.Background())
	fmt.Println(c.Ping(context.Background()))
	// Output: <nil>
}

func ExampleConfig() {
	ctx := context.Background()
	caches, err := cache.Config{ // or cache.ConfigFromEnv()
		"default":  {URL: "locmem://"},
		"sessions": {URL: "locmem://?timeout=None"},
	}.Open(ctx)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer caches.Close(ctx)

	sessions, err := caches.Get("sessions")
	fmt.Println(sessions.DefaultTTL() == cache.Forever, err)
	_, err = caches.Get("pages")
	fmt.Println(err)
	// Output:
	// true <nil>
	// strata: no cache of that name: "pages" (there are default, sessions)
}

func ExampleFromEnv() {
	ctx := context.Background()
	os.Setenv("CACHE_URL", "locmem://?timeout=600")
	defer os.Unsetenv("CACHE_URL")
	c, err := cache.FromEnv(ctx, "dummy://", nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer c.Close(ctx)
	fmt.Println(c.DefaultTTL())
	// Output: 10m0s
}

func ExampleOpen() {
	c, err := cache.Open(context.Background(), "locmem://?max_entries=1000", nil)
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close(context.Background())

	_, err = cache.Open(context.Background(), "memdb://user:secret@host/", nil)
	fmt.Println(err)
	// Output: cache.Open: unknown scheme "memdb": known are locmem, locmemcache (each needs its backend imported)
}

func ExampleFor() {
	ctx := context.Background()
	c, _ := cache.New(locmem.New(nil), nil)
	defer c.Close(ctx)

	visits := cache.For[int64](c)
	_ = visits.Set(ctx, "visits", 41)
	n, _ := c.Incr(ctx, "visits", 1)
	fmt.Println(n)
	// Output: 42
}

func ExampleImmutable() {
	ctx := context.Background()
	c, _ := cache.New(locmem.New(nil), nil)
	defer c.Close(ctx)

	// Nobody changes a menu, so all readers may share one.
	menus := cache.For[map[string][]string](c, cache.Immutable())
	_ = menus.Set(ctx, "main", map[string][]string{"File": {"Open", "Save"}})
	menu, _ := menus.Get(ctx, "main")
	fmt.Println(menu["File"])
	// Output: [Open Save]
}

func ExampleCache_notFound() {
	ctx := context.Background()
	c, _ := cache.New(locmem.New(nil), &cache.Options{NegativeTTL: time.Minute})
	defer c.Close(ctx)

	load := func(context.Context) ([]byte, error) {
		fmt.Println("asking the database")
		return nil, fmt.Errorf("user 7: %w", cache.ErrNotFound)
	}
	for range 2 {
		_, err := c.GetOrSet(ctx, "user:7", load)
		fmt.Println(errors.Is(err, cache.ErrNotFound))
	}
	// Output:
	// asking the database
	// true
	// true
}

func ExampleInitial() {
	ctx := context.Background()
	c, _ := cache.New(locmem.New(nil), nil)
	defer c.Close(ctx)

	// A rate limit: the counter appears with its lifetime in the same step.
	for range 3 {
		n, _ := c.Incr(ctx, "logins:10.0.0.1", 1, cache.Initial(0), cache.TTL(time.Minute))
		fmt.Println(n)
	}
	// Output:
	// 1
	// 2
	// 3
}

func ExampleFenced() {
	ctx := context.Background()
	c, _ := cache.New(locmem.New(nil), nil)
	defer c.Close(ctx)
	prices := cache.For[int](c)

	// Write-through: the fence comes first, then the transaction, then the Set.
	f, err := prices.Fence(ctx, "price:1")
	if err != nil {
		log.Fatal(err)
	}
	price := 100 // the row, as the transaction wrote it
	if err := prices.Set(ctx, "price:1", price, cache.Fenced(f), cache.Tags("prices")); err != nil {
		log.Fatal(err)
	}
	fmt.Println(prices.Get(ctx, "price:1"))
	// Output: 100 <nil>
}

func ExampleClient_Stats() {
	ctx := context.Background()
	c, _ := cache.New(locmem.New(nil), nil)
	defer c.Close(ctx)

	_, _ = c.Get(ctx, "k")
	_ = c.Set(ctx, "k", []byte("v"))
	_, _ = c.Get(ctx, "k")
	s := c.Stats()
	fmt.Println(s.Misses, s.Hits, s.Writes)
	// Output: 1 1 1
}

func ExampleHooks() {
	ctx := context.Background()
	c, _ := cache.New(locmem.New(nil), &cache.Options{Hooks: cache.Hooks{
		Read: func(_ context.Context, r cache.ReadInfo) { fmt.Println("read", r.Key, r.Outcome) },
		Load: func(_ context.Context, l cache.LoadInfo) { fmt.Println("load", l.Key, "stored", l.Stored) },
	}})
	defer c.Close(ctx)

	load := func(context.Context) ([]byte, error) { return []byte("v"), nil }
	_, _ = c.GetOrSet(ctx, "k", load)
	_, _ = c.GetOrSet(ctx, "k", load)
	// Unordered output:
	// read k miss
	// load k stored true
	// read k hit
}

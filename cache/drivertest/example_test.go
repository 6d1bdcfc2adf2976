package drivertest_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/stratacache/strata/cache"
	"github.com/stratacache/strata/cache/drivertest"
)

// What a program does when its cache is down: have a store fail on purpose.
func ExampleFaulty() {
	ctx := context.Background()
	faulty := drivertest.NewFaulty(newSmallest(), nil)
	c, err := cache.New(faulty, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer c.Close(ctx)

	load := func(context.Context) ([]byte, error) { return []byte("loaded"), nil }

	faulty.Plan(drivertest.On(drivertest.Fault{Err: drivertest.ErrFault}, "Get", "Put"))
	_, err = c.Get(ctx, "k")
	fmt.Println("down:", errors.Is(err, cache.ErrUnavailable))
	b, err := c.GetOrSet(ctx, "k", load)
	fmt.Println("down, with a loader:", string(b), err)

	faulty.Plan(nil)
	_, err = c.Get(ctx, "k")
	fmt.Println("up again, nothing was stored:", errors.Is(err, cache.ErrMiss))

	// Output:
	// down: true
	// down, with a loader: loaded <nil>
	// up again, nothing was stored: true
}

// A reply that is lost: the write has happened, and is an error.
func ExampleFault_lost() {
	ctx := context.Background()
	faulty := drivertest.NewFaulty(newSmallest(), drivertest.On(drivertest.Fault{Lost: true}, "Put"))
	c, err := cache.New(faulty, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer c.Close(ctx)

	fmt.Println(c.Set(ctx, "k", []byte("v")) != nil)
	b, err := c.Get(ctx, "k")
	fmt.Println(string(b), err)

	// Output:
	// true
	// v <nil>
}

// Random faults, the same in each run with this seed.
func ExampleSeeded() {
	ctx := context.Background()
	faulty := drivertest.NewFaulty(newSmallest(), drivertest.Seeded(7, map[string]drivertest.Odds{
		"":           {Error: 0.2},
		"Invalidate": {}, // never fails
	}))
	failed := 0
	for range 1000 {
		if faulty.Ping(ctx) != nil {
			failed++
		}
	}
	fmt.Println("about a fifth failed:", 150 < failed && failed < 250)
	fmt.Println("calls:", faulty.Calls())

	// Output:
	// about a fifth failed: true
	// calls: 1000
}

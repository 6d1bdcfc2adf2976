package breaker_test

import (
	"context"
	"errors"
	"fmt"
	"log"

	"github.com/stratacache/strata/backends/breaker"
	"github.com/stratacache/strata/backends/locmem"
	"github.com/stratacache/strata/cache"
	"github.com/stratacache/strata/cache/drivertest"
)

func ExampleNew() {
	server := drivertest.NewFaulty(locmem.New(nil), nil) // stands for a server
	store, err := breaker.New(server, &breaker.Options{
		Failures: 3,
		OnChange: func(c breaker.Change) { fmt.Println("the circuit is", c.To) },
	})
	if err != nil {
		log.Fatal(err)
	}
	c, err := cache.New(store, nil)
	if err != nil {
		log.Fatal(err)
	}
	ctx := context.Background()
	defer c.Close(ctx)

	server.Plan(func(drivertest.Call) drivertest.Fault { return drivertest.Fault{Err: errors.New("connection refused")} })
	for range 4 {
		_, err = c.Get(ctx, "greeting")
		fmt.Println(err)
	}
	// Whoever has a loader does not notice.
	value, err := c.GetOrSet(ctx, "greeting", func(context.Context) ([]byte, error) { return []byte("hello"), nil })
	fmt.Println(string(value), err)
	// Output:
	// strata: get "greeting": connection refused
	// strata: get "greeting": connection refused
	// the circuit is open
	// strata: get "greeting": connection refused
	// strata: get "greeting": breaker: the circuit is open, the store was not asked
	// hello <nil>
}

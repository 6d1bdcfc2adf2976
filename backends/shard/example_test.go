package shard_test

import (
	"context"
	"fmt"
	"log"

	"github.com/stratacache/strata/backends/locmem"
	"github.com/stratacache/strata/backends/shard"
	"github.com/stratacache/strata/cache"
)

func ExampleNew() {
	// In earnest each is a store on a server of its own, behind a breaker.
	store, err := shard.New([]shard.Shard{
		{Name: "berlin", Store: locmem.New(nil)},
		{Name: "lisbon", Store: locmem.New(nil)},
		{Name: "oslo", Store: locmem.New(nil), Weight: 2},
	}, nil)
	if err != nil {
		log.Fatal(err)
	}
	c, err := cache.New(store, nil)
	if err != nil {
		log.Fatal(err)
	}
	ctx := context.Background()
	defer c.Close(ctx)

	for _, name := range []string{"ada", "grace", "edsger"} {
		if _, err := c.GetOrSet(ctx, name, func(context.Context) ([]byte, error) {
			return []byte("hello " + name), nil
		}, cache.Tags("greetings")); err != nil {
			log.Fatal(err)
		}
	}
	found, err := c.GetMany(ctx, "ada", "grace", "edsger")
	fmt.Println(len(found), err)
	err = c.Invalidate(ctx, "greetings") // wherever they are
	fmt.Println(err)
	found, err = c.GetMany(ctx, "ada", "grace", "edsger")
	fmt.Println(len(found), err)
	// Output:
	// 3 <nil>
	// <nil>
	// 0 <nil>
}

package dummy_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/stratacache/strata/backends/dummy"
	"github.com/stratacache/strata/cache"
)

func ExampleNew() {
	ctx := context.Background()
	c, err := cache.New(dummy.New(), nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer c.Close(ctx)

	fmt.Println(c.Set(ctx, "greeting", []byte("hello")))
	_, err = c.Get(ctx, "greeting")
	fmt.Println(errors.Is(err, cache.ErrMiss))

	price := cache.For[float64](c)
	for range 2 {
		v, err := price.GetOrSet(ctx, "book", func(context.Context) (float64, error) {
			fmt.Println("loading")
			return 12.5, nil
		})
		fmt.Println(v, err)
	}
	// Output:
	// <nil>
	// true
	// loading
	// 12.5 <nil>
	// loading
	// 12.5 <nil>
}

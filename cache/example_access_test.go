package cache_test

import (
	"context"
	"fmt"

	"github.com/stratacache/strata/backends/locmem"
	"github.com/stratacache/strata/cache"
)

// A transaction of one's own making tells the cache what it is up to.
func ExampleWithAccess() {
	ctx := context.Background()
	c, err := cache.New(locmem.New(nil), nil)
	if err != nil {
		panic(err)
	}
	defer c.Close(ctx)
	row, access := "old", cache.ReadOnly // the row as the transaction sees it
	get := func(ctx context.Context) string {
		v, err := c.GetOrSet(ctx, "k", func(context.Context) ([]byte, error) { return []byte(row), nil })
		if err != nil {
			panic(err)
		}
		return string(v)
	}
	fmt.Println("others:", get(ctx))

	tx := cache.WithAccess(ctx, func() cache.Access { return access })
	fmt.Println("before it writes:", get(tx))
	row, access = "new", cache.NoAccess
	fmt.Println("its own write:", get(tx))
	fmt.Println("others:", get(ctx))
	fmt.Println(c.Set(tx, "k", []byte(row)))
	// Output:
	// others: old
	// before it writes: old
	// its own write: new
	// others: old
	// strata: set "k": nothing is stored in a transaction: invalidate the key, or set it after the commit
}

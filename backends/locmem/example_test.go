package locmem_test

import (
	"context"
	"fmt"
	"log"

	"github.com/stratacache/strata/backends/locmem"
	"github.com/stratacache/strata/cache"
)

func ExampleNew() {
	ctx := context.Background()
	c, err := cache.New(locmem.New(nil), nil)
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close(ctx)

	if err := c.Set(ctx, "greeting", []byte("hello")); err != nil {
		log.Fatal(err)
	}
	value, err := c.Get(ctx, "greeting")
	fmt.Println(string(value), err)
	// Output: hello <nil>
}

func ExampleStore_Stats() {
	ctx := context.Background()
	s := locmem.New(&locmem.Options{MaxEntries: 2})
	c, err := cache.New(s, nil)
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close(ctx)

	for _, k := range []string{"a", "b", "c"} {
		if err := c.Set(ctx, k, []byte("value")); err != nil {
			log.Fatal(err)
		}
	}
	st := s.Stats()
	fmt.Println(st.Entries, "kept,", st.Evicted, "evicted")
	// Output: 2 kept, 1 evicted
}

package compress_test

import (
	"context"
	"fmt"
	"log"
	"strings"

	"github.com/stratacache/strata/backends/compress"
	"github.com/stratacache/strata/backends/locmem"
	"github.com/stratacache/strata/cache"
)

func ExampleNew() {
	ctx := context.Background()
	memory := locmem.New(nil) // or redisstore, where it pays most
	s, err := compress.New(memory, &compress.Options{Algorithm: compress.Zstd})
	if err != nil {
		log.Fatal(err)
	}
	c, err := cache.New(s, nil)
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close(ctx)

	page := strings.Repeat("<li>an item of a long list</li>\n", 1000)
	if err := c.Set(ctx, "page", []byte(page)); err != nil {
		log.Fatal(err)
	}
	got, err := c.Get(ctx, "page")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(string(got) == page, memory.Stats().Bytes < 1000)
	// Output: true true
}

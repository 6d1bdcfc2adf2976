package ristrettostore_test

import (
	"context"
	"fmt"
	"log"

	"github.com/stratacache/strata/backends/ristrettostore"
	"github.com/stratacache/strata/cache"
)

func ExampleNew() {
	ctx := context.Background()
	s, err := ristrettostore.New(&ristrettostore.Options{MaxBytes: 64 << 20})
	if err != nil {
		log.Fatal(err)
	}
	c, err := cache.New(s, nil)
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close(ctx)

	if err := c.Set(ctx, "greeting", []byte("hello")); err != nil {
		log.Fatal(err)
	}
	value, err := c.Get(ctx, "greeting") // at once, though ristretto is asynchronous
	fmt.Println(string(value), err)
	// Output: hello <nil>
}

func ExampleStore_Settle() {
	ctx := context.Background()
	s, err := ristrettostore.New(&ristrettostore.Options{MaxBytes: 1000})
	if err != nil {
		log.Fatal(err)
	}
	c, err := cache.New(s, nil)
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close(ctx)

	for _, k := range []string{"a", "b", "c"} { // 1000 bytes have room for two
		if err := c.Set(ctx, k, []byte("value")); err != nil {
			log.Fatal(err)
		}
	}
	s.Settle()
	st := s.Stats()
	fmt.Println(st.Rejected+st.Evicted, "thrown out,", st.Waiting, "waiting")
	// Output: 1 thrown out, 0 waiting
}

package redisstore_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"

	"github.com/stratacache/strata/backends/redisstore"
	"github.com/stratacache/strata/cache"
)

func ExampleNew() {
	server := miniredis.NewMiniRedis() // stands for a real one
	if err := server.Start(); err != nil {
		fmt.Println(err)
		return
	}
	defer server.Close()
	rdb := redis.NewClient(&redis.Options{Addr: server.Addr(), ReadTimeout: time.Second})
	defer rdb.Close()

	store, err := redisstore.New(rdb, &redisstore.Options{Namespace: "shop"})
	if err != nil {
		fmt.Println(err)
		return
	}
	c, err := cache.New(store, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx := context.Background()
	defer c.Close(ctx)

	price := cache.For[float64](c)
	load := func(context.Context) (float64, error) {
		fmt.Println("loading")
		return 12.5, nil
	}
	for range 2 {
		v, err := price.GetOrSet(ctx, "book", load)
		fmt.Println(v, err)
	}
	// Output:
	// loading
	// 12.5 <nil>
	// 12.5 <nil>
}

func ExampleOpen() {
	store, err := redisstore.Open("redis://app:secret@127.0.0.1:6379/2?namespace=shop")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer store.Close(context.Background())

	_, err = redisstore.Open("redis://app:sec/ret@127.0.0.1")
	fmt.Println(err)
	// Output:
	// redisstore: the URL cannot be parsed (is a password percent-encoded?)
}

func ExampleNew_cluster() {
	rdb := redis.NewClusterClient(&redis.ClusterOptions{Addrs: []string{"127.0.0.1:7000", "127.0.0.1:7001"}})
	defer rdb.Close()

	_, err := redisstore.New(rdb, &redisstore.Options{Namespace: "shop"})
	fmt.Println(err)

	ring := redis.NewRing(&redis.RingOptions{Addrs: map[string]string{"one": "127.0.0.1:7000"}})
	defer ring.Close()
	_, err = redisstore.New(ring, nil)
	fmt.Println(errors.Is(err, errors.ErrUnsupported))
	// Output:
	// <nil>
	// true
}

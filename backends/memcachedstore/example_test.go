package memcachedstore_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"

	"github.com/bradfitz/gomemcache/memcache"

	"github.com/stratacache/strata/backends/memcachedstore"
	"github.com/stratacache/strata/cache"
	"github.com/stratacache/strata/cache/driver"
)

func ExampleNew() {
	server := newFake(nil) // stands for a real one
	defer server.conns.Wait()

	store, err := memcachedstore.New([]string{"10.0.0.1:11211"}, &memcachedstore.Options{
		Namespace:   "shop",
		DialContext: server.dial,
	})
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
		v, err := price.GetOrSet(ctx, "book", load, cache.Tags("books"))
		fmt.Println(v, err)
	}
	// Output:
	// loading
	// 12.5 <nil>
	// 12.5 <nil>
}

func ExampleNewFromSelector() {
	var servers memcache.ServerList
	if err := servers.SetServers("127.0.0.1:11211", "127.0.0.1:11212"); err != nil {
		fmt.Println(err)
		return
	}
	store, err := memcachedstore.NewFromSelector(&servers, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer store.Close(context.Background())

	_, err = memcachedstore.NewFromSelector(new(memcache.ServerList), nil)
	fmt.Println(err)
	// Output:
	// memcachedstore: the selector has no servers
}

func ExampleOpenURL() {
	u, _ := url.Parse("memcached://cache1,cache2:11212/?namespace=shop")
	store, err := memcachedstore.OpenURL(u)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer store.Close(context.Background())

	u, _ = url.Parse("memcached://cache1/?colour=red")
	_, err = memcachedstore.OpenURL(u)
	fmt.Println(err)
	// Output:
	// memcachedstore: the URL: unknown parameter "colour": known are call_timeout, dial_timeout, max_idle_conns, namespace
}

// A server that is down is an error, and no miss.
func ExampleStore_down() {
	store, err := memcachedstore.New([]string{"cache1"}, &memcachedstore.Options{
		DialContext: func(context.Context, string, string) (net.Conn, error) { return nil, errors.New("no route to host") },
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx := context.Background()
	defer store.Close(ctx)

	_, err = store.Get(ctx, driver.Key{Name: "k"}, 0)
	fmt.Println(err)
	// Output:
	// memcachedstore: server cache1:11211: no route to host
}

//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package filestore_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/stratacache/strata/backends/filestore"
	"github.com/stratacache/strata/cache"
)

func ExampleNew() {
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)

	price := func() {
		store, err := filestore.New(filepath.Join(dir, "cache"), &filestore.Options{Namespace: "shop"})
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
		v, err := cache.For[float64](c).GetOrSet(ctx, "book", func(context.Context) (float64, error) {
			fmt.Println("loading")
			return 12.5, nil
		})
		fmt.Println(v, err)
	}
	price()
	price() // what a program stored, its next run finds
	// Output:
	// loading
	// 12.5 <nil>
	// 12.5 <nil>
}

func ExampleCheckLocation() {
	fmt.Println(filestore.CheckLocation("/srv/www/static/cache", "/srv/www/static", "/srv/www/media"))
	fmt.Println(filestore.CheckLocation("/var/cache/shop", "/srv/www/static", "/srv/www/media"))
	// Output:
	// filestore: the cache directory "/srv/www/static/cache" lies in the public directory "/srv/www/static"
	// <nil>
}

func Example_url() {
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)

	ctx := context.Background()
	c, err := cache.Open(ctx, "file://"+filepath.ToSlash(dir)+"?namespace=shop&max_entries=1000", nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer c.Close(ctx)
	fmt.Println(c.Set(ctx, "greeting", []byte("hello")))
	b, err := c.Get(ctx, "greeting")
	fmt.Printf("%s %v\n", b, err)
	// Output:
	// <nil>
	// hello <nil>
}

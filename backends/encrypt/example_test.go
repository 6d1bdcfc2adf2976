package encrypt_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log"

	"github.com/stratacache/strata/backends/compress"
	"github.com/stratacache/strata/backends/encrypt"
	"github.com/stratacache/strata/backends/locmem"
	"github.com/stratacache/strata/cache"
	"github.com/stratacache/strata/cache/driver"
)

func Example() {
	ctx := context.Background()
	secret := make([]byte, encrypt.KeySize) // from where you keep secrets
	_, _ = rand.Read(secret)
	key, err := encrypt.NewKey(1, secret)
	if err != nil {
		log.Fatal(err)
	}
	s, err := encrypt.New(locmem.New(nil), []encrypt.Key{key}, nil)
	if err != nil {
		log.Fatal(err)
	}
	c, err := cache.New(s, nil)
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close(ctx)

	if err := c.Set(ctx, "session", []byte("user 42")); err != nil {
		log.Fatal(err)
	}
	value, err := c.Get(ctx, "session")
	fmt.Println(string(value), err)
	fmt.Println(key)
	// Output:
	// user 42 <nil>
	// key 1
}

// Keys change without a miss: the new one is first read everywhere, then
// written, and the old one goes when nothing is left that it encrypted.
func ExampleNew_rotation() {
	ctx := context.Background()
	server := locmem.New(nil) // what all processes share
	oldKey, newKey := exampleKey(1), exampleKey(2)
	process := func(keys ...encrypt.Key) *cache.Client {
		s, err := encrypt.New(server, keys, nil)
		if err != nil {
			log.Fatal(err)
		}
		c, err := cache.New(s, nil)
		if err != nil {
			log.Fatal(err)
		}
		return c
	}
	defer server.Close(ctx)

	_ = process(oldKey).Set(ctx, "a", []byte("by the old key"))
	_ = process(newKey, oldKey).Set(ctx, "b", []byte("by the new key")) // after all have both
	for _, step := range [][]encrypt.Key{{oldKey, newKey}, {newKey, oldKey}, {newKey}} {
		c := process(step...)
		a, missed := c.Get(ctx, "a")
		b, _ := c.Get(ctx, "b")
		fmt.Printf("%v: %q %v %q\n", step, a, errors.Is(missed, cache.ErrMiss), b)
	}
	// Output:
	// [key 1 key 2]: "by the old key" false "by the new key"
	// [key 2 key 1]: "by the old key" false "by the new key"
	// [key 2]: "" true "by the new key"
}

// What is compressed and encrypted is compressed first.
func ExampleNew_compress() {
	ctx := context.Background()
	memory := locmem.New(nil)
	encrypted, err := encrypt.New(memory, []encrypt.Key{exampleKey(1)}, nil)
	if err != nil {
		log.Fatal(err)
	}
	s, err := compress.New(encrypted, nil)
	if err != nil {
		log.Fatal(err)
	}
	var store driver.Store = s
	c, err := cache.New(store, nil)
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close(ctx)

	page := bytes.Repeat([]byte("<li>an item of a long list</li>\n"), 1000)
	if err := c.Set(ctx, "page", page); err != nil {
		log.Fatal(err)
	}
	got, err := c.Get(ctx, "page")
	fmt.Println(bytes.Equal(got, page), err, memory.Stats().Bytes < 3000)
	// Output: true <nil> true
}

func exampleKey(id uint32) encrypt.Key {
	key, err := encrypt.NewKey(id, bytes.Repeat([]byte{byte(id)}, encrypt.KeySize))
	if err != nil {
		log.Fatal(err)
	}
	return key
}

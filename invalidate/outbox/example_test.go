package outbox_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log"
	"strings"
	"time"

	"github.com/stratacache/strata/backends/locmem"
	"github.com/stratacache/strata/cache"
	"github.com/stratacache/strata/invalidate"
	"github.com/stratacache/strata/invalidate/outbox"
)

func Example() {
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	db, err := sql.Open("sqlite", ":memory:")
	if err != nil {
		log.Fatal(err)
	}
	defer db.Close()
	db.SetMaxOpenConns(1) // in memory each connection is a database of its own
	c, err := cache.New(locmem.New(nil), nil)
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close(ctx)

	box, err := outbox.New(db, outbox.Options{
		Dialect: outbox.SQLite,
		Caches:  map[string]cache.Cache{"main": c},
		Grace:   10 * time.Millisecond,
		Poll:    10 * time.Millisecond,
	})
	if err != nil {
		log.Fatal(err)
	}
	if err := box.CreateTable(ctx); err != nil {
		log.Fatal(err)
	}
	writes := invalidate.NewDB(db, &invalidate.Options{Journal: box})

	// A writer, which invalidates by itself if it lives.
	if err := c.Set(ctx, "tea", []byte("3")); err != nil {
		log.Fatal(err)
	}
	err = writes.InTx(ctx, nil, func(ctx context.Context, _ *invalidate.Tx) error {
		return invalidate.Drop(ctx, c, invalidate.Names{Keys: []string{"tea"}})
	})
	has, _ := c.Has(ctx, "tea")
	fmt.Println("after the commit:", has, err)

	// A program that has the database and not the cache.
	if err := c.Set(ctx, "salt", []byte("1")); err != nil {
		log.Fatal(err)
	}
	if err := box.Add(ctx, db, "main", invalidate.Names{Keys: []string{"salt"}}, 0); err != nil {
		log.Fatal(err)
	}

	// The relay, in any process that has both.
	done := make(chan error)
	go func() { done <- box.Run(ctx) }()
	for has = true; has; time.Sleep(time.Millisecond) {
		has, _ = c.Has(ctx, "salt")
	}
	stop()
	fmt.Println("delivered:", errors.Is(<-done, context.Canceled))
	// Output:
	// after the commit: false <nil>
	// delivered: true
}

func ExampleSchema() {
	first, _, _ := strings.Cut(outbox.Schema(outbox.SQLite), "\n")
	fmt.Println(first)
	// Output: -- The invalidations of committed transactions that nobody has delivered yet.
}

package invalidate_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log"

	"github.com/stratacache/strata/backends/locmem"
	"github.com/stratacache/strata/cache"
	"github.com/stratacache/strata/invalidate"
)

// shop is a database with prices, and a cache.
func shop() (*sql.DB, *cache.Client) {
	db, err := sql.Open("sqlite", ":memory:")
	if err != nil {
		log.Fatal(err)
	}
	db.SetMaxOpenConns(1) // in memory each connection is a database of its own
	if _, err := db.Exec("CREATE TABLE prices (name TEXT PRIMARY KEY, price INTEGER); INSERT INTO prices VALUES ('tea', 3)"); err != nil {
		log.Fatal(err)
	}
	c, err := cache.New(locmem.New(nil), nil)
	if err != nil {
		log.Fatal(err)
	}
	return db, c
}

// What a transaction changes is dropped from the cache when it commits.
func ExampleDB_InTx() {
	ctx := context.Background()
	db, c := shop()
	defer db.Close()
	defer c.Close(ctx)
	writes := invalidate.NewDB(db, nil)
	defer writes.Close(ctx)

	prices := cache.For[int](c.WithPrefix("price"))
	price := func(ctx context.Context, name string) int {
		p, err := prices.GetOrSet(ctx, name, func(ctx context.Context) (p int, err error) {
			on, err := writes.Conn(ctx)
			if err != nil {
				return 0, err
			}
			return p, on.QueryRowContext(ctx, "SELECT price FROM prices WHERE name = ?", name).Scan(&p)
		}, cache.Tags(invalidate.Tag("price", name)))
		if err != nil {
			log.Fatal(err)
		}
		return p
	}
	raise := func(by int, then error) error {
		return writes.InTx(ctx, nil, func(ctx context.Context, tx *invalidate.Tx) error {
			if _, err := tx.ExecContext(ctx, "UPDATE prices SET price = price + ? WHERE name = 'tea'", by); err != nil {
				return err
			}
			if err := invalidate.Drop(ctx, c, invalidate.Names{Tags: []string{invalidate.Tag("price", "tea")}}); err != nil {
				return err
			}
			invalidate.AfterCommit(ctx, func(ctx context.Context) { fmt.Println("committed:", price(ctx, "tea")) })
			fmt.Println("inside:", price(ctx, "tea"))
			return then
		})
	}
	fmt.Println("at first:", price(ctx, "tea"))
	fmt.Println(raise(10, errors.New("too much")))
	fmt.Println("rolled back:", price(ctx, "tea"))
	fmt.Println(raise(1, nil))
	// Output:
	// at first: 3
	// inside: 13
	// too much
	// rolled back: 3
	// inside: 4
	// committed: 4
	// <nil>
}

// A transaction that another library runs.
func ExampleCollect() {
	ctx := context.Background()
	db, c := shop()
	defer db.Close()
	defer c.Close(ctx)
	if err := c.Set(ctx, "tea", []byte("3")); err != nil {
		log.Fatal(err)
	}

	within, unit := invalidate.Collect(ctx)
	defer unit.Rollback() // after Commit it does nothing
	tx, err := db.BeginTx(within, nil)
	if err != nil {
		log.Fatal(err)
	}
	defer tx.Rollback()
	if _, err := tx.ExecContext(within, "UPDATE prices SET price = 4"); err != nil {
		log.Fatal(err)
	}
	if err := invalidate.Drop(within, c, invalidate.Names{Keys: []string{"tea"}}); err != nil {
		log.Fatal(err)
	}
	has, _ := c.Has(ctx, "tea")
	fmt.Println("before the commit:", has)
	if err := unit.Commit(ctx, tx.Commit()); err != nil {
		log.Fatal(err)
	}
	has, _ = c.Has(ctx, "tea")
	fmt.Println("after it:", has)
	// Output:
	// before the commit: true
	// after it: false
}

// A write of many rows names what it changes.
func ExampleWrite() {
	ctx := context.Background()
	db, c := shop()
	defer db.Close()
	defer c.Close(ctx)
	if err := c.Set(ctx, "tea", []byte("3")); err != nil {
		log.Fatal(err)
	}
	err := invalidate.Write(ctx, c, invalidate.Names{Keys: []string{"tea"}}, func(ctx context.Context) error {
		_, err := db.ExecContext(ctx, "UPDATE prices SET price = price * 2")
		return err
	})
	has, _ := c.Has(ctx, "tea")
	fmt.Println(err, has)
	// Output: <nil> false
}

func ExampleNamespace() {
	ctx := context.Background()
	db, c := shop()
	defer db.Close()
	defer c.Close(ctx)
	lists := invalidate.NewNamespace(c, "lists-of", "ann")
	for _, page := range []string{"1", "2", "3"} {
		if err := lists.Set(ctx, page, []byte("…")); err != nil {
			log.Fatal(err)
		}
	}
	if err := lists.Bump(ctx); err != nil {
		log.Fatal(err)
	}
	left, err := lists.GetMany(ctx, "1", "2", "3")
	fmt.Println(len(left), err)
	// Output: 0 <nil>
}

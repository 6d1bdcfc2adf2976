package sqlstore_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"

	"github.com/stratacache/strata/backends/sqlstore"
	"github.com/stratacache/strata/cache"
	"github.com/stratacache/strata/cache/driver"
)

func ExampleNew() {
	ctx := context.Background()
	db, err := sql.Open("sqlite", ":memory:")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer db.Close()
	db.SetMaxOpenConns(1) // each connection would have a memory of its own

	store, err := sqlstore.New(db, sqlstore.SQLite, &sqlstore.Options{Table: "cache", MaxEntries: 100_000})
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := store.CreateTable(ctx); err != nil {
		fmt.Println(err)
		return
	}
	c, err := cache.New(store, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
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
	store, err := sqlstore.Open("postgres://app:secret@db.example/shop?sslmode=verify-full&table=cache&max_entries=1000000")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer store.Close(context.Background())

	_, err = sqlstore.Open("postgres://app:sec/ret@db.example/shop")
	fmt.Println(err)
	// Output:
	// sqlstore: the URL cannot be parsed (is a password percent-encoded?)
}

// A dry run shows what CreateTable would do.
func ExampleSchema() {
	text, err := sqlstore.Schema(sqlstore.MySQL, &sqlstore.Options{Table: "page cache"})
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "CREATE") {
			fmt.Print(line)
		}
	}
	fmt.Println(err)
	// Output:
	// CREATE TABLE IF NOT EXISTS `page cache_meta` (
	// CREATE TABLE IF NOT EXISTS `page cache_tag` (
	// CREATE TABLE IF NOT EXISTS `page cache` (
	// <nil>
}

func ExampleStore_CreateTable() {
	ctx := context.Background()
	store, err := sqlstore.Open("sqlite://?namespace=shop")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer store.Close(ctx)
	fmt.Println(store.CreateTable(ctx))
	fmt.Println(store.CreateTable(ctx)) // they exist: no error
	// Output:
	// <nil>
	// <nil>
}

// An application whose tables are in the same database can invalidate in the
// very transaction that changes them.
func ExampleStore_InvalidateTx() {
	ctx := context.Background()
	db, err := sql.Open("sqlite", ":memory:")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer db.Close()
	db.SetMaxOpenConns(1)
	store, err := sqlstore.New(db, sqlstore.SQLite, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer store.Close(ctx)
	if err := store.CreateTable(ctx); err != nil {
		fmt.Println(err)
		return
	}

	err = func() error {
		tx, err := db.BeginTx(ctx, nil)
		if err != nil {
			return err
		}
		defer tx.Rollback()
		// … UPDATE book SET price = …
		if _, err := store.InvalidateTx(ctx, tx, driver.Invalidation{Tags: []string{"book:7"}}); err != nil {
			return err
		}
		return tx.Commit()
	}()
	fmt.Println(err)
	// Output:
	// <nil>
}

func ExampleStore_Sweep() {
	ctx := context.Background()
	store, err := sqlstore.Open("sqlite://?create=true&max_entries=1000")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(store.Sweep(ctx)) // in a nightly job, say
	fmt.Println(store.Close(ctx))
	fmt.Println(errors.Is(store.Sweep(ctx), cache.ErrClosed))
	// Output:
	// <nil>
	// <nil>
	// true
}

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

// A trigger catches what is written past the program: by hand, say.
func Example_trigger() {
	ctx := context.Background()
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
	box, err := outbox.New(db, outbox.Options{Dialect: outbox.SQLite, Caches: map[string]cache.Cache{"main": c}})
	if err != nil {
		log.Fatal(err)
	}
	if err := box.CreateTable(ctx); err != nil {
		log.Fatal(err)
	}
	if _, err := db.ExecContext(ctx, `
		CREATE TABLE notes (id INTEGER PRIMARY KEY, owner INTEGER NOT NULL);
		CREATE TRIGGER notes_moved AFTER UPDATE ON notes BEGIN
			INSERT INTO strata_outbox (cache, names)
			VALUES ('main', json_object('tags', json_array('notes:' || OLD.owner, 'notes:' || NEW.owner)));
		END;
		INSERT INTO notes VALUES (7, 1)`); err != nil {
		log.Fatal(err)
	}
	for _, owner := range []string{"1", "2", "3"} {
		list := func(context.Context) ([]byte, error) { return []byte("…"), nil }
		if _, err := c.GetOrSet(ctx, owner, list, cache.Tags(invalidate.Tag("notes", owner))); err != nil {
			log.Fatal(err)
		}
	}
	if _, err := db.ExecContext(ctx, "UPDATE notes SET owner = 2"); err != nil {
		log.Fatal(err)
	}
	n, err := box.Deliver(ctx)
	left, _ := c.GetMany(ctx, "1", "2", "3")
	fmt.Println(n, err, len(left))
	// Output: 1 <nil> 1
}

func ExampleSchema() {
	first, _, _ := strings.Cut(outbox.Schema(outbox.SQLite), "\n")
	fmt.Println(first)
	// Output: -- The invalidations of committed transactions that nobody has delivered yet.
}

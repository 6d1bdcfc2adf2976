package recipes

import (
	"context"
	"database/sql"
	"fmt"
	"log"
	"strings"

	_ "modernc.org/sqlite"

	"github.com/stratacache/strata/backends/locmem"
	"github.com/stratacache/strata/cache"
	"github.com/stratacache/strata/invalidate"
)

// Note is the record of all recipes: an owner has a list of them.
type Note struct {
	ID    int64
	Owner string
}

func affects(n Note) invalidate.Names {
	return invalidate.Names{Tags: []string{invalidate.Tag("notes", n.Owner)}}
}

// open returns a database with one note, which is Ann's.
func open() (*sql.DB, *cache.Client) {
	db, err := sql.Open("sqlite", ":memory:")
	if err != nil {
		log.Fatal(err)
	}
	db.SetMaxOpenConns(1) // in memory each connection is a database of its own
	if _, err := db.Exec("CREATE TABLE notes (id INTEGER PRIMARY KEY, owner TEXT NOT NULL); INSERT INTO notes VALUES (1, 'ann')"); err != nil {
		log.Fatal(err)
	}
	c, err := cache.New(locmem.New(nil), nil)
	if err != nil {
		log.Fatal(err)
	}
	return db, c
}

// show prints how many notes Ann and Bob have, as the cache knows it.
func show(ctx context.Context, db *sql.DB, c cache.Cache) {
	var said []string
	view := cache.For[int](c.WithPrefix("count"))
	for _, owner := range []string{"ann", "bob"} {
		n, err := view.GetOrSet(ctx, owner, func(ctx context.Context) (n int, _ error) {
			return n, db.QueryRowContext(ctx, "SELECT count(*) FROM notes WHERE owner = ?", owner).Scan(&n)
		}, cache.Tags(invalidate.Tag("notes", owner)))
		if err != nil {
			log.Fatal(err)
		}
		said = append(said, fmt.Sprintf("%s has %d.", owner, n))
	}
	fmt.Println(strings.Join(said, " "))
}

package recipes

import (
	"context"
	"errors"
	"fmt"
	"log"

	"github.com/jmoiron/sqlx"

	"github.com/stratacache/strata/invalidate"
)

// InTxx runs do in a transaction of sqlx. What do invalidates is dropped after
// the commit, or with a rollback not at all. A commit that failed without an
// answer may have happened, and invalidates too.
func InTxx(ctx context.Context, db *sqlx.DB, do func(context.Context, *sqlx.Tx) error) error {
	tx, err := db.BeginTxx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	within, unit := invalidate.Collect(ctx)
	if err := do(within, tx); err != nil {
		unit.Rollback()
		return err
	}
	return unit.Commit(ctx, tx.Commit())
}

// With sqlx, the transaction is sqlx's own, with a unit around it.
func Example_sqlx() {
	ctx := context.Background()
	pool, c := open()
	defer pool.Close()
	defer c.Close(ctx)
	db := sqlx.NewDb(pool, "sqlite")
	notes := invalidate.NewHook(c, affects)

	move := func(ctx context.Context, id int64, to string, then error) error {
		return InTxx(ctx, db, func(ctx context.Context, tx *sqlx.Tx) error {
			err := notes.Write(ctx, func(ctx context.Context) (change invalidate.Change[Note], err error) {
				var before Note // … FOR UPDATE, where there is that
				if err := tx.GetContext(ctx, &before, "SELECT id, owner FROM notes WHERE id = ?", id); err != nil {
					return change, err
				}
				after := Note{id, to}
				_, err = tx.NamedExecContext(ctx, "UPDATE notes SET owner = :owner WHERE id = :id", after)
				return invalidate.Updated(before, after), err
			})
			return errors.Join(err, then)
		})
	}
	show(ctx, pool, c)
	fmt.Println(move(ctx, 1, "bob", errors.New("changed my mind")))
	show(ctx, pool, c)
	if err := move(ctx, 1, "bob", nil); err != nil {
		log.Fatal(err)
	}
	show(ctx, pool, c)
	// Output:
	// ann has 1. bob has 0.
	// changed my mind
	// ann has 1. bob has 0.
	// ann has 0. bob has 1.
}

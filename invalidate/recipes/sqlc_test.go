package recipes

import (
	"context"
	"database/sql"
	"fmt"
	"log"

	"github.com/stratacache/strata/invalidate"
)

// What sqlc generates, in short. An *invalidate.Tx is a DBTX, and so is what
// invalidate.DB.Conn returns.

type DBTX interface {
	ExecContext(context.Context, string, ...any) (sql.Result, error)
	PrepareContext(context.Context, string) (*sql.Stmt, error)
	QueryContext(context.Context, string, ...any) (*sql.Rows, error)
	QueryRowContext(context.Context, string, ...any) *sql.Row
}

type Queries struct{ db DBTX }

func New(db DBTX) *Queries { return &Queries{db: db} }

// name: LockNote :one  SELECT id, owner FROM notes WHERE id = ? FOR UPDATE
func (q *Queries) LockNote(ctx context.Context, id int64) (n Note, err error) {
	err = q.db.QueryRowContext(ctx, "SELECT id, owner FROM notes WHERE id = ?", id).Scan(&n.ID, &n.Owner)
	return n, err
}

// name: MoveNote :one  UPDATE notes SET owner = ? WHERE id = ? RETURNING id, owner
func (q *Queries) MoveNote(ctx context.Context, owner string, id int64) (n Note, err error) {
	err = q.db.QueryRowContext(ctx, "UPDATE notes SET owner = ? WHERE id = ? RETURNING id, owner", owner, id).Scan(&n.ID, &n.Owner)
	return n, err
}

// With sqlc, the program runs the transaction, and hands it to the queries.
func Example_sqlc() {
	ctx := context.Background()
	db, c := open()
	defer db.Close()
	defer c.Close(ctx)
	writes := invalidate.NewDB(db, nil)
	notes := invalidate.NewHook(c, affects)

	move := func(ctx context.Context, id int64, to string) error {
		return writes.InTx(ctx, nil, func(ctx context.Context, tx *invalidate.Tx) error {
			return notes.Write(ctx, func(ctx context.Context) (change invalidate.Change[Note], err error) {
				q := New(tx)
				before, err := q.LockNote(ctx, id)
				if err != nil {
					return change, err
				}
				after, err := q.MoveNote(ctx, to, id)
				if err != nil {
					return change, err
				}
				return invalidate.Updated(before, after), nil
			})
		})
	}
	show(ctx, db, c)
	if err := move(ctx, 1, "bob"); err != nil {
		log.Fatal(err)
	}
	show(ctx, db, c)
	fmt.Println(move(ctx, 2, "bob"))
	// Output:
	// ann has 1. bob has 0.
	// ann has 0. bob has 1.
	// sql: no rows in result set
}

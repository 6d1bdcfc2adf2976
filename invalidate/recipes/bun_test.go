package recipes

import (
	"context"
	"database/sql"
	"errors"
	"log"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/sqlitedialect"

	"github.com/stratacache/strata/cache"
	"github.com/stratacache/strata/invalidate"
)

// BunNote is the model. Its hooks drop what depends on a note that was inserted
// or deleted: there the model is the whole state. An update needs the old one
// too: see moveNote.
type BunNote struct {
	bun.BaseModel `bun:"table:notes"`
	ID            int64 `bun:",pk"`
	Owner         string
}

var (
	_ bun.AfterInsertHook = (*BunNote)(nil)
	_ bun.AfterDeleteHook = (*BunNote)(nil)
)

// AfterInsert is called by bun in the transaction.
func (*BunNote) AfterInsert(ctx context.Context, q *bun.InsertQuery) error {
	return dropNote(ctx, q.GetModel())
}

// AfterDelete is called by bun in the transaction. The record comes back with
// RETURNING *.
func (*BunNote) AfterDelete(ctx context.Context, q *bun.DeleteQuery) error {
	return dropNote(ctx, q.GetModel())
}

type cacheKey struct{}

func dropNote(ctx context.Context, model bun.Model) error {
	c, _ := ctx.Value(cacheKey{}).(cache.Cache) // bun's hooks belong to the type, and get all else by the context
	n, ok := model.Value().(*BunNote)
	if !ok || c == nil {
		return invalidate.ErrUnnamed // a write of many: name what it changes
	}
	return invalidate.Drop(ctx, c, affects(Note{n.ID, n.Owner}))
}

// moveNote reads the old state, locked where the database can, and drops both.
func moveNote(ctx context.Context, tx bun.Tx, hook *invalidate.Hook[Note], id int64, to string) error {
	return hook.Write(ctx, func(ctx context.Context) (change invalidate.Change[Note], err error) {
		var n BunNote // … .For("UPDATE"), where there is that
		if err := tx.NewSelect().Model(&n).Where("id = ?", id).Scan(ctx); err != nil {
			return change, err
		}
		before := Note{n.ID, n.Owner}
		n.Owner = to
		_, err = tx.NewUpdate().Model(&n).WherePK().Exec(ctx)
		return invalidate.Updated(before, Note{n.ID, n.Owner}), err
	})
}

// With bun, RunInTx is bun's own, with a unit around it.
func Example_bun() {
	ctx := context.Background()
	pool, c := open()
	defer pool.Close()
	defer c.Close(ctx)
	db := bun.NewDB(pool, sqlitedialect.New())
	hook := invalidate.NewHook(c, affects)

	inTx := func(ctx context.Context, do func(context.Context, bun.Tx) error) error {
		within, unit := invalidate.Collect(context.WithValue(ctx, cacheKey{}, cache.Cache(c)))
		failed := false
		err := db.RunInTx(within, nil, func(ctx context.Context, tx bun.Tx) error {
			err := do(ctx, tx)
			failed = err != nil
			return err
		})
		if failed || errors.Is(err, sql.ErrTxDone) {
			unit.Rollback()
			return err
		}
		return unit.Commit(ctx, err)
	}
	do := func(step func(context.Context, bun.Tx) error) {
		if err := inTx(ctx, step); err != nil {
			log.Fatal(err)
		}
		show(ctx, pool, c)
	}
	show(ctx, pool, c)
	do(func(ctx context.Context, tx bun.Tx) error {
		_, err := tx.NewInsert().Model(&BunNote{ID: 2, Owner: "bob"}).Exec(ctx)
		return err
	})
	do(func(ctx context.Context, tx bun.Tx) error { return moveNote(ctx, tx, hook, 1, "bob") })
	do(func(ctx context.Context, tx bun.Tx) error {
		_, err := tx.NewDelete().Model(&BunNote{ID: 2}).WherePK().Returning("*").Exec(ctx)
		return err
	})
	// Output:
	// ann has 1. bob has 0.
	// ann has 1. bob has 1.
	// ann has 0. bob has 2.
	// ann has 0. bob has 1.
}

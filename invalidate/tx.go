package invalidate

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/stratacache/strata/cache"
)

// Conn is what queries run on: a *sql.DB, a *sql.Tx or a [*Tx]. It is what sqlc
// calls DBTX.
type Conn interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	PrepareContext(ctx context.Context, query string) (*sql.Stmt, error)
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// ErrSharedLoad: a loader that others may share asked for the transaction of the
// request that began it. That takes a context of which cache.WithAccess was told
// that it is not of the transaction.
var ErrSharedLoad = errors.New("invalidate: a load that others may share has no part in a transaction")

// Tx is a transaction that collects what it invalidates: see [DB].
type Tx struct {
	Conn
	db     *DB
	tx     *sql.Tx
	ctx    context.Context // of Begin: its end rolls back
	unit   *Unit
	points int
}

type txKey struct{ db *DB }

// InTx runs do in a transaction, and commits it if do returns nil. Within a
// transaction of the same DB it sets a savepoint instead. The context that do is
// given is that of the transaction: hooks, repositories and [Drop] collect in it.
//
// A commit that failed without an answer may have happened, and invalidates.
func (d *DB) InTx(ctx context.Context, opts *sql.TxOptions, do func(ctx context.Context, tx *Tx) error) (err error) {
	if tx := d.txOf(ctx); tx != nil {
		return tx.Savepoint(ctx, func(ctx context.Context) error { return do(ctx, tx) })
	}
	within, tx, err := d.Begin(ctx, opts)
	if err != nil {
		return err
	}
	returned := false
	defer func() {
		if !returned { // it panicked
			_ = tx.Rollback()
		}
	}()
	err = do(within, tx)
	returned = true
	if err != nil {
		return errors.Join(err, tx.Rollback())
	}
	return tx.Commit(ctx)
}

// Begin begins a transaction, and returns the context to give to all that runs
// in it. Most programs are better served by InTx.
func (d *DB) Begin(ctx context.Context, opts *sql.TxOptions) (context.Context, *Tx, error) {
	tx, err := d.db.BeginTx(ctx, opts)
	if err != nil {
		return ctx, nil, fmt.Errorf("invalidate: begin: %w", err)
	}
	within, unit := Collect(ctx)
	t := &Tx{Conn: tx, db: d, tx: tx, ctx: ctx, unit: unit}
	return context.WithValue(within, txKey{d}, t), t, nil
}

func (d *DB) txOf(ctx context.Context) *Tx {
	t, _ := ctx.Value(txKey{d}).(*Tx)
	if t == nil || !t.unit.active() {
		return nil
	}
	return t
}

// Conn returns the transaction of ctx, or the database if there is none. In a
// load that began within the transaction, and that others may share, it is
// ErrSharedLoad: what is not committed would get out.
func (d *DB) Conn(ctx context.Context) (Conn, error) {
	t := d.txOf(ctx)
	if t == nil {
		return d.db, nil
	}
	if l := cache.Loading(ctx); l != t.unit.load && l.Shared() {
		return nil, ErrSharedLoad
	}
	return t, nil
}

// SQL returns the transaction itself, for libraries that ask for it. It must be
// ended by the methods of t.
func (t *Tx) SQL() *sql.Tx { return t.tx }

// Commit commits, drops what was collected, and calls the functions of
// AfterCommit, in this order. A [*PendingError] says that the commit is done.
func (t *Tx) Commit(ctx context.Context) error {
	if err := t.ctx.Err(); err != nil { // database/sql rolls back, or has
		return errors.Join(fmt.Errorf("invalidate: commit: %w", err), t.Rollback())
	}
	what := t.unit.What()
	receipt, err := t.db.record(ctx, t.tx, what)
	if err != nil {
		return errors.Join(err, t.Rollback())
	}
	err = t.tx.Commit()
	if errors.Is(err, sql.ErrTxDone) && t.ctx.Err() != nil {
		t.unit.Rollback() // it was rolled back
	}
	if err != nil {
		err = fmt.Errorf("invalidate: commit: %w", err)
	}
	return errors.Join(err, t.unit.commit(ctx, err == nil, func(what []Scoped) error {
		return t.db.send(ctx, what, receipt, err == nil)
	}))
}

// Rollback rolls back, and drops nothing from the cache. After Commit it does
// nothing.
func (t *Tx) Rollback() error {
	t.unit.Rollback()
	if err := t.tx.Rollback(); err != nil && !errors.Is(err, sql.ErrTxDone) {
		return fmt.Errorf("invalidate: rollback: %w", err)
	}
	return nil
}

// Savepoint runs do, and takes back what it did, and what it collected, if it
// returns an error.
func (t *Tx) Savepoint(ctx context.Context, do func(context.Context) error) error {
	t.points++
	name := fmt.Sprintf("strata_%d", t.points)
	if _, err := t.tx.ExecContext(ctx, "SAVEPOINT "+name); err != nil {
		return fmt.Errorf("invalidate: savepoint: %w", err)
	}
	mark := t.unit.Mark()
	returned := false
	defer func() {
		if !returned { // it panicked
			_ = t.back(ctx, name, mark)
		}
	}()
	err := do(t.unit.Context(ctx)) // ctx may be that of another DB's transaction within
	returned = true
	if err != nil {
		return errors.Join(err, t.back(ctx, name, mark))
	}
	if _, err := t.tx.ExecContext(ctx, "RELEASE SAVEPOINT "+name); err != nil {
		return errors.Join(fmt.Errorf("invalidate: release: %w", err), t.Rollback())
	}
	return nil
}

// back goes back to a savepoint, or gives up the transaction.
func (t *Tx) back(ctx context.Context, name string, mark Mark) error {
	ctx = context.WithoutCancel(ctx)
	for _, command := range []string{"ROLLBACK TO SAVEPOINT ", "RELEASE SAVEPOINT "} {
		if _, err := t.tx.ExecContext(ctx, command+name); err != nil {
			return errors.Join(fmt.Errorf("invalidate: back to the savepoint: %w", err), t.Rollback())
		}
	}
	t.unit.Revert(mark)
	return nil
}

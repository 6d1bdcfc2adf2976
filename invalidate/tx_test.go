package invalidate_test

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"testing"

	"github.com/stratacache/strata/invalidate"
)

var errNo = errors.New("no")

// INV-011, INV-013, INV-014, INV-035, INV-049, BUG-20.
func TestTransaction(t *testing.T) {
	onDatabases(t, nil, func(t *testing.T, d *database) {
		d.exec(t, d.sql, "INSERT INTO notes VALUES (1, 'ann'), (2, 'ann')")
		d.want(t, 1, "ann", false)
		d.want(t, 2, "ann", false)
		for _, outcome := range []error{errNo, nil} {
			err := d.InTx(t.Context(), nil, func(ctx context.Context, _ *invalidate.Tx) error {
				if got, err := d.owner(ctx, 1); got != "ann" || err != nil {
					t.Errorf("before the write: got %s, %v", got, err)
				}
				d.give(t, ctx, 1, "bob")
				if got, err := d.owner(ctx, 1); got != "bob" || err != nil {
					t.Errorf("inside: got %s, %v, want its own write", got, err)
				}
				if had, err := d.owners.Has(t.Context(), "1"); !had || err != nil {
					t.Errorf("before the commit: got %v, %v, want the old value for others", had, err)
				}
				return outcome
			})
			if !errors.Is(err, outcome) {
				t.Fatal(err)
			}
			if outcome != nil {
				d.want(t, 1, "ann", true)
			}
		}
		d.want(t, 1, "bob", false)
		d.want(t, 2, "ann", true)
	})
}

// INV-036, INV-052: what a savepoint takes back is not invalidated, the rest is, once,
// at the outermost commit.
func TestSavepoints(t *testing.T) {
	onDatabases(t, nil, func(t *testing.T, d *database) {
		var called []string
		d.exec(t, d.sql, "INSERT INTO notes VALUES (1, 'ann'), (2, 'ann'), (3, 'ann')")
		for id := 1; id <= 3; id++ {
			d.want(t, id, "ann", false)
		}
		give := func(id int, then error) func(context.Context, *invalidate.Tx) error {
			return func(ctx context.Context, _ *invalidate.Tx) error {
				d.give(t, ctx, id, "bob")
				invalidate.AfterCommit(ctx, func(context.Context) { called = append(called, strconv.Itoa(id)) })
				return then
			}
		}
		err := d.InTx(t.Context(), nil, func(ctx context.Context, tx *invalidate.Tx) error {
			if err := d.InTx(ctx, nil, give(1, nil)); err != nil {
				t.Error(err)
			}
			if err := d.InTx(ctx, nil, give(2, errNo)); !errors.Is(err, errNo) {
				t.Errorf("got %v, want %v", err, errNo)
			}
			func() {
				defer func() { _ = recover() }()
				_ = tx.Savepoint(ctx, func(ctx context.Context) error { d.give(t, ctx, 3, "bob"); panic("!") })
			}()
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		d.want(t, 1, "bob", false)
		d.want(t, 2, "ann", true)
		d.want(t, 3, "ann", true)
		if !slices.Equal(called, []string{"1"}) {
			t.Errorf("called after the commit: %v, want [1]", called)
		}
	})
}

// INV-015, INV-016: the caches know before the callbacks do, and outside of a
// transaction all happens at once.
func TestAfterCommit(t *testing.T) {
	onDatabases(t, nil, func(t *testing.T, d *database) {
		d.exec(t, d.sql, "INSERT INTO notes VALUES (1, 'ann')")
		d.want(t, 1, "ann", false)
		called := 0
		err := d.InTx(t.Context(), nil, func(ctx context.Context, _ *invalidate.Tx) error {
			invalidate.AfterCommit(ctx, func(context.Context) {
				called++
				d.want(t, 1, "bob", false)
			})
			d.give(t, ctx, 1, "bob")
			return nil
		})
		if err != nil || called != 1 {
			t.Errorf("called %d times, %v", called, err)
		}
		invalidate.AfterCommit(t.Context(), func(context.Context) { called++ })
		d.give(t, t.Context(), 1, "cy")
		d.want(t, 1, "cy", false)
		if called != 2 {
			t.Errorf("called %d times, want 2", called)
		}
	})
}

// Two databases: what is written in each is dropped when that commits. INV-036.
func TestTwoDatabases(t *testing.T) {
	onDatabases(t, nil, func(t *testing.T, d *database) {
		other, c := shop()
		defer other.Close()
		defer c.Close(t.Context())
		inner := invalidate.NewDB(other, nil)
		d.exec(t, d.sql, "INSERT INTO notes VALUES (1, 'ann')")
		d.want(t, 1, "ann", false)
		err := d.InTx(t.Context(), nil, func(ctx context.Context, _ *invalidate.Tx) error {
			return inner.InTx(ctx, nil, func(ctx context.Context, _ *invalidate.Tx) error {
				err := d.InTx(ctx, nil, func(ctx context.Context, _ *invalidate.Tx) error {
					d.give(t, ctx, 1, "bob")
					return nil
				})
				invalidate.AfterCommit(ctx, func(context.Context) { // of the inner one
					if had, err := d.owners.Has(t.Context(), "1"); !had || err != nil {
						t.Errorf("before the outer commit: got %v, %v, want the old value", had, err)
					}
				})
				return err
			})
		})
		if err != nil {
			t.Fatal(err)
		}
		d.want(t, 1, "bob", false)
	})
}

// The end of the request's context rolls back; whatever ends the transaction,
// the context that outlives it works.
func TestTransactionEnds(t *testing.T) {
	onDatabases(t, nil, func(t *testing.T, d *database) {
		d.exec(t, d.sql, "INSERT INTO notes VALUES (1, 'ann')")
		d.want(t, 1, "ann", false)
		ctx, cancel := context.WithCancel(t.Context())
		err := d.InTx(ctx, nil, func(ctx context.Context, _ *invalidate.Tx) error {
			d.give(t, context.WithoutCancel(ctx), 1, "bob")
			cancel()
			return nil
		})
		if err == nil {
			t.Error("committed after its context ended")
		}
		d.want(t, 1, "ann", true)

		var late context.Context
		func() {
			defer func() { _ = recover() }()
			_ = d.InTx(t.Context(), nil, func(ctx context.Context, _ *invalidate.Tx) error {
				late = ctx
				d.give(t, ctx, 1, "bob")
				panic("!")
			})
		}()
		d.want(t, 1, "ann", true)
		d.give(t, late, 1, "cy") // not in the transaction any more
		d.want(t, 1, "cy", false)
	})
}

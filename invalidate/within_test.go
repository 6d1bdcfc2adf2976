package invalidate_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/stratacache/strata/cache"
	"github.com/stratacache/strata/invalidate"
)

// Whatever asks the cache in the context of a transaction sees what that has
// written, and stores nothing; others have the old state until the commit, and
// after a rollback. INV-014, INV-035, INV-050, INV-051, BUG-20.
func TestCacheWithinATransaction(t *testing.T) {
	onDatabases(t, nil, func(t *testing.T, d *database) {
		d.exec(t, d.sql, "INSERT INTO notes VALUES (1, 'ann'), (2, 'ann'), (3, 'ann')")
		d.want(t, 1, "ann", false)
		one := func(ctx context.Context, id int) (string, error) {
			return d.owner(ctx, id)
		}
		many := func(ctx context.Context, id int) (string, error) {
			got, err := d.owners.GetOrSetMany(ctx, []string{"2", fmt.Sprint(id)}, func(ctx context.Context, missing []string) (map[string]string, error) {
				on, err := d.Conn(ctx)
				out := map[string]string{}
				for _, m := range missing {
					var n int
					_, _ = fmt.Sscan(m, &n)
					if err == nil {
						out[m], err = d.ownerIn(ctx, on, n)
					}
				}
				return out, err
			}, cache.Tags(invalidate.Tag("note", id)))
			return got[fmt.Sprint(id)], err
		}
		plain := func(ctx context.Context, id int) (string, error) {
			got, err := d.cache.WithPrefix("owner").Get(ctx, fmt.Sprint(id))
			if err == nil {
				return string(got), nil
			}
			if _, err := d.owners.GetMany(ctx, fmt.Sprint(id)); err != nil {
				return "", err
			}
			if !errors.Is(err, cache.ErrMiss) {
				return "", err
			}
			return one(ctx, id)
		}
		for _, outcome := range []error{errNo, nil} {
			err := d.InTx(t.Context(), nil, func(ctx context.Context, _ *invalidate.Tx) error {
				check := func(owner string) {
					t.Helper()
					for name, read := range map[string]func(context.Context, int) (string, error){"one": one, "many": many, "plain": plain} {
						if got, err := read(ctx, 1); got != owner || err != nil {
							t.Errorf("%s: got %s, %v, want %s", name, got, err, owner)
						}
					}
				}
				check("ann")
				if _, err := one(ctx, 3); err != nil {
					t.Error(err)
				}
				d.give(t, ctx, 1, "bob")
				check("bob")
				if err := d.owners.Set(ctx, "1", "bob"); !errors.Is(err, cache.ErrReadOnly) {
					t.Errorf("Set: got %v, want ErrReadOnly", err)
				}
				// A savepoint that is taken back leaves the transaction past the cache.
				err := d.InTx(ctx, nil, func(ctx context.Context, _ *invalidate.Tx) error {
					d.give(t, ctx, 1, "cy")
					if got, err := one(ctx, 1); got != "cy" || err != nil {
						t.Errorf("in the savepoint: got %s, %v", got, err)
					}
					return errNo
				})
				if !errors.Is(err, errNo) {
					t.Error(err)
				}
				check("bob")
				for id, stored := range map[string]bool{"1": true, "2": false, "3": false} {
					if had, err := d.owners.Has(t.Context(), id); had != stored || err != nil {
						t.Errorf("note %s, before the commit: stored %v, %v", id, had, err)
					}
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
		d.want(t, 1, "bob", true)
	})
}

// A load that others may share must not see what is not committed, even if the
// cache was told that the context is not of the transaction.
func TestSharedLoadInATransaction(t *testing.T) {
	onDatabases(t, nil, func(t *testing.T, d *database) {
		d.exec(t, d.sql, "INSERT INTO notes VALUES (1, 'ann')")
		err := d.InTx(t.Context(), nil, func(ctx context.Context, _ *invalidate.Tx) error {
			d.give(t, ctx, 1, "bob")
			apart := cache.WithAccess(ctx, nil)
			if err := d.cache.Set(apart, "session", []byte("x")); err != nil {
				t.Error(err)
			}
			if _, err := d.cache.Get(apart, "session"); err != nil {
				t.Error(err)
			}
			_, err := d.owner(apart, 1)
			return err
		})
		if !errors.Is(err, invalidate.ErrSharedLoad) {
			t.Errorf("got %v, want ErrSharedLoad", err)
		}
		d.want(t, 1, "ann", false)
	})
}

// A loader that runs a transaction of its own may be shared, and reads in it are
// not the cache's.
func TestTransactionWithinALoad(t *testing.T) {
	onDatabases(t, nil, func(t *testing.T, d *database) {
		d.exec(t, d.sql, "INSERT INTO notes VALUES (1, 'ann')")
		totals := cache.For[int](d.cache.WithPrefix("total"))
		loads := 0
		total := func() int {
			t.Helper()
			n, err := totals.GetOrSet(t.Context(), "bob", func(ctx context.Context) (int, error) {
				loads++
				return loads, d.InTx(ctx, nil, func(ctx context.Context, _ *invalidate.Tx) error {
					d.give(t, ctx, 1, "bob")
					if got, err := d.owner(ctx, 1); got != "bob" || err != nil {
						t.Errorf("got %s, %v", got, err)
					}
					return nil
				})
			})
			if err != nil {
				t.Error(err)
			}
			return n
		}
		for range 2 {
			if n := total(); n != 1 {
				t.Errorf("got %d, want the first load's", n)
			}
		}
		d.want(t, 1, "bob", false)
	})
}

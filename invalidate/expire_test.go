package invalidate_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stratacache/strata/cache"
	"github.com/stratacache/strata/invalidate"
)

// A write may name what it only makes stale: from the commit on that is served to
// those who ask for no more, and what may not be stale is gone.
func TestExpire(t *testing.T) {
	onDatabases(t, nil, func(t *testing.T, d *database) {
		lists := cache.For[string](d.cache.WithPrefix("lists"))
		load := func(context.Context) (string, error) { return "old", nil }
		fill := func() {
			t.Helper()
			for _, key := range []string{"may be stale", "may not"} {
				opts := []cache.Option{cache.Tags("list")}
				if key == "may be stale" {
					opts = append(opts, cache.Stale(time.Hour))
				}
				if _, err := lists.GetOrSet(t.Context(), key, load, opts...); err != nil {
					t.Fatal(err)
				}
			}
		}
		const fresh, stale, gone = "fresh", "stale", "gone"
		want := func(what, mayBeStale, mayNot string) {
			t.Helper()
			for key, want := range map[string]string{"may be stale": mayBeStale, "may not": mayNot} {
				v, isFresh, err := lists.GetStale(t.Context(), key)
				got := map[bool]string{true: fresh, false: stale}[isFresh]
				if errors.Is(err, cache.ErrMiss) {
					v, err, got = "old", nil, gone
				}
				if got != want || v != "old" || err != nil {
					t.Errorf("%s: what %s is %s, %s, %v, want %s", what, key, got, v, err, want)
				}
			}
		}
		soft, hard := invalidate.Names{Expire: []string{"list", "list"}}, invalidate.Names{Tags: []string{"list"}}
		fill()
		for _, outcome := range []error{errNo, nil} {
			err := d.InTx(t.Context(), nil, func(ctx context.Context, tx *invalidate.Tx) error {
				if err := invalidate.Drop(ctx, d.cache, soft); err != nil {
					t.Error(err)
				}
				if got, err := lists.GetOrSet(ctx, "may be stale", func(context.Context) (string, error) { return "own", nil }); got != "own" || err != nil {
					t.Errorf("inside: got %s, %v, want what the transaction reads itself", got, err)
				}
				err := tx.Savepoint(ctx, func(ctx context.Context) error {
					return errors.Join(errNo, invalidate.Drop(ctx, d.cache, hard))
				})
				if !errors.Is(err, errNo) {
					t.Error(err)
				}
				want("before the commit", fresh, fresh)
				return outcome
			})
			if !errors.Is(err, outcome) {
				t.Fatal(err)
			}
			if outcome != nil {
				want("rolled back", fresh, fresh)
			}
		}
		want("committed", stale, gone)

		// Both verbs in one write: what goes goes.
		fill()
		if err := invalidate.Write(t.Context(), d.cache, soft.And(hard), func(context.Context) error { return nil }); err != nil {
			t.Fatal(err)
		}
		want("both verbs", gone, gone)

		fill()
		hook := invalidate.NewHook(d.cache, func(n note) invalidate.Names { return invalidate.Names{Expire: []string{n.Owner}} })
		err := hook.Write(t.Context(), func(context.Context) (invalidate.Change[note], error) {
			return invalidate.Updated(note{1, "list"}, note{1, "other"}), nil
		})
		if err != nil {
			t.Fatal(err)
		}
		want("by a hook", stale, gone)
	})
}

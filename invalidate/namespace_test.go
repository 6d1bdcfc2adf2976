package invalidate_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stratacache/strata/backends/filestore"
	"github.com/stratacache/strata/cache"
	"github.com/stratacache/strata/invalidate"
)

// INV-005, INV-032, INV-033, INV-058: a namespace is dropped in one step, alone.
func TestNamespace(t *testing.T) {
	onDatabases(t, nil, func(t *testing.T, d *database) {
		ctx := t.Context()
		ann, bob := invalidate.NewNamespace(d.cache, "essays", "ann"), invalidate.NewNamespace(d.cache, "essays", "bob")
		for _, ns := range []invalidate.Namespace{ann, bob} {
			for i := range 3 {
				if err := ns.Set(ctx, fmt.Sprint(i), []byte("x")); err != nil {
					t.Fatal(err)
				}
			}
		}
		has := func(ns invalidate.Namespace) bool {
			t.Helper()
			got, err := ns.GetMany(ctx, "0", "1", "2")
			if err != nil || len(got) != 0 && len(got) != 3 {
				t.Errorf("got %d of 3, %v", len(got), err)
			}
			return len(got) == 3
		}
		err := d.InTx(ctx, nil, func(ctx context.Context, _ *invalidate.Tx) error {
			if err := ann.Bump(ctx); err != nil || !has(ann) {
				t.Errorf("before the commit: %v", err)
			}
			return nil
		})
		if err != nil || has(ann) || !has(bob) {
			t.Errorf("after the commit: ann %v, bob %v, %v; want bob's alone", has(ann), has(bob), err)
		}
		if err := bob.Bump(ctx); err != nil || has(bob) {
			t.Errorf("bob's are still there, %v", err)
		}
	})
}

// INV-006, INV-007: what was dropped never comes back, also if the store loses
// the record that says so, in the middle of several bumps.
func TestNamespaceAfterTheLossOfItsVersion(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	store, err := filestore.New(dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	c, err := cache.New(store, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close(t.Context())
	ns := invalidate.NewNamespace(c, "lists", 7)
	for round := range 4 {
		if err := ns.Set(t.Context(), "old", []byte("old")); err != nil {
			t.Fatal(err)
		}
		for range round {
			if err := ns.Bump(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		records, err := filepath.Glob(filepath.Join(dir, "*", "meta.strata"))
		if err != nil || len(records) != 1 {
			t.Fatal(records, err)
		}
		if err := os.Remove(records[0]); err != nil {
			t.Fatal(err)
		}
		for range 4 {
			if has, err := ns.Has(t.Context(), "old"); has || err != nil {
				t.Errorf("round %d: the old entry is back (%v)", round, err)
			}
			if err := ns.Bump(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
	}
}

package invalidate_test

import (
	"context"
	"database/sql"
	"errors"
	"slices"
	"testing"

	"github.com/stratacache/strata/cache"
	"github.com/stratacache/strata/invalidate"
)

// notes is the table as a Repository wants it.
type notes struct{ *database }

func (n notes) one(ctx context.Context, query string, id int) (*note, error) {
	on, err := n.Conn(ctx)
	if err != nil {
		return nil, err
	}
	found := &note{ID: id}
	err = on.QueryRowContext(ctx, n.query(query), id).Scan(&found.Owner)
	if errors.Is(err, sql.ErrNoRows) {
		err = cache.ErrNotFound
	}
	return found, err
}

func (n notes) Get(ctx context.Context, id int) (*note, error) {
	return n.one(ctx, "SELECT owner FROM notes WHERE id = ?", id)
}

func (n notes) Lock(ctx context.Context, id int) (*note, error) {
	return n.one(ctx, "SELECT owner FROM notes WHERE id = ?"+n.locks, id)
}

func (n notes) run(ctx context.Context, query string, args ...any) error {
	on, err := n.Conn(ctx)
	if err == nil {
		_, err = on.ExecContext(ctx, n.query(query), args...)
	}
	return err
}

func (n notes) Create(ctx context.Context, v *note) (*note, error) {
	return v, n.run(ctx, "INSERT INTO notes VALUES (?, ?)", v.ID, v.Owner)
}

func (n notes) Update(ctx context.Context, id int, v *note) (*note, error) {
	return v, n.run(ctx, "UPDATE notes SET id = ?, owner = ? WHERE id = ?", v.ID, v.Owner, id)
}

func (n notes) Delete(ctx context.Context, id int) error {
	return n.run(ctx, "DELETE FROM notes WHERE id = ?", id)
}

// INV-003, INV-004, INV-009, INV-019, INV-020, BUG-22.
func TestRepository(t *testing.T) {
	onDatabases(t, nil, func(t *testing.T, d *database) {
		ctx := t.Context()
		repo, err := invalidate.NewRepository(d.DB, d.cache.WithPrefix("notes"), notes{d}, invalidate.RepositoryOptions[int, *note]{
			ID: func(n *note) int { return n.ID },
			Affects: func(n *note) invalidate.Names {
				return invalidate.Names{Tags: []string{invalidate.Tag("notes", n.Owner)}}
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		lists := cache.For[[]int](d.cache.WithPrefix("lists"))
		list := func(owner string) []int {
			t.Helper()
			ids, err := lists.GetOrSet(ctx, owner, func(ctx context.Context) (ids []int, _ error) {
				rows, err := d.sql.QueryContext(ctx, d.query("SELECT id FROM notes WHERE owner = ? ORDER BY id"), owner)
				if err != nil {
					return nil, err
				}
				defer rows.Close()
				for rows.Next() {
					var id int
					if err := rows.Scan(&id); err != nil {
						return nil, err
					}
					ids = append(ids, id)
				}
				return ids, rows.Err()
			}, cache.Tags(invalidate.Tag("notes", owner)))
			if err != nil {
				t.Error(err)
			}
			return ids
		}
		wantLists := func(step string, a, b []int) {
			t.Helper()
			if got := list("1"); !slices.Equal(got, a) {
				t.Errorf("%s: owner 1 has %v, want %v", step, got, a)
			}
			if got := list("2"); !slices.Equal(got, b) {
				t.Errorf("%s: owner 2 has %v, want %v", step, got, b)
			}
		}
		wantLists("at first", nil, nil)
		if _, err := repo.Get(ctx, 7); !errors.Is(err, cache.ErrNotFound) {
			t.Errorf("got %v, want ErrNotFound", err)
		}
		if _, err := repo.Create(ctx, &note{7, "1"}); err != nil {
			t.Fatal(err)
		}
		if got, err := repo.Get(ctx, 7); err != nil || got.Owner != "1" {
			t.Errorf("after it was not there: got %v, %v", got, err)
		}
		wantLists("create", []int{7}, nil)

		move := func(n *note) (*note, error) { n.Owner = "2"; return n, nil } // in place
		if _, err := repo.Update(ctx, 7, move); err != nil {
			t.Fatal(err)
		}
		if got, err := repo.Get(ctx, 7); err != nil || got.Owner != "2" {
			t.Errorf("moved: got %v, %v", got, err)
		}
		wantLists("move", nil, []int{7})

		err = d.InTx(ctx, nil, func(ctx context.Context, _ *invalidate.Tx) error {
			if _, err := repo.Delete(ctx, 7); err != nil {
				t.Error(err)
			}
			if _, err := repo.Get(ctx, 7); !errors.Is(err, cache.ErrNotFound) {
				t.Errorf("inside: got %v, want ErrNotFound", err)
			}
			return errNo
		})
		if got, err2 := repo.Get(ctx, 7); !errors.Is(err, errNo) || err2 != nil || got.Owner != "2" {
			t.Errorf("rolled back: got %v, %v, %v", got, err, err2)
		}
		wantLists("rolled back", nil, []int{7})
		if old, err := repo.Delete(ctx, 7); err != nil || old.Owner != "2" {
			t.Errorf("got %v, %v", old, err)
		}
		wantLists("delete", nil, nil)
		for what, err := range map[string]error{
			"update": func() error { _, err := repo.Update(ctx, 7, move); return err }(),
			"delete": func() error { _, err := repo.Delete(ctx, 7); return err }(),
		} {
			if !errors.Is(err, cache.ErrNotFound) {
				t.Errorf("%s of nothing: got %v, want ErrNotFound", what, err)
			}
		}

		fill := func(ctx context.Context) error {
			return notes{d}.run(ctx, "INSERT INTO notes VALUES (1, '1'), (2, '2')")
		}
		if err := repo.Bulk(ctx, invalidate.Names{}, fill); !errors.Is(err, invalidate.ErrUnnamed) {
			t.Errorf("got %v, want ErrUnnamed", err)
		}
		if err := repo.Bulk(ctx, invalidate.Names{Tags: []string{invalidate.Tag("notes", 1), invalidate.Tag("notes", 2)}}, fill); err != nil {
			t.Fatal(err)
		}
		wantLists("bulk", []int{1}, []int{2})
	})
}

package gorminvalidate_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"slices"
	"strings"
	"testing"

	"github.com/glebarez/sqlite"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/stratacache/strata/cache"
	"github.com/stratacache/strata/invalidate"
	"github.com/stratacache/strata/invalidate/gorminvalidate"
)

type Note struct {
	ID    int
	Owner string
}

func affects(n Note) invalidate.Names {
	return invalidate.Names{Tags: []string{invalidate.Tag("notes", n.Owner)}}
}

// lists are the notes of each owner, through the cache.
type lists struct {
	t     *testing.T
	db    *gorm.DB
	view  cache.Typed[[]int]
	loads int
}

func (l *lists) of(ctx context.Context, on *gorm.DB, owner string) []int {
	l.t.Helper()
	ids, err := l.view.GetOrSet(ctx, owner, func(ctx context.Context) ([]int, error) {
		l.loads++
		ids := []int{}
		return ids, on.Model(&Note{}).Where("owner = ?", owner).Order("id").Pluck("id", &ids).Error
	}, cache.Tags(invalidate.Tag("notes", owner)))
	if err != nil {
		l.t.Error(err)
	}
	return ids
}

// want checks the lists of a and b, and which of them had to be loaded.
func (l *lists) want(step string, a, b []int, loads int) {
	l.t.Helper()
	l.loads = 0
	gotA, gotB := l.of(l.t.Context(), l.db, "a"), l.of(l.t.Context(), l.db, "b")
	if !slices.Equal(gotA, a) || !slices.Equal(gotB, b) || l.loads != loads {
		l.t.Errorf("%s: got %v and %v after %d loads, want %v and %v after %d", step, gotA, gotB, l.loads, a, b, loads)
	}
}

func TestWrites(t *testing.T) { onDatabases(t, testWrites) } // INV-019, INV-020, INV-026

func testWrites(t *testing.T, db *gorm.DB, l *lists) {
	do := func(what *gorm.DB) {
		t.Helper()
		if what.Error != nil {
			t.Error(what.Error)
		}
	}
	do(db.Create(&Note{1, "a"}))
	l.want("create", []int{1}, nil, 1)
	do(db.Create(&[]Note{{2, "a"}, {3, "c"}}))
	l.want("create many", []int{1, 2}, nil, 1)
	do(db.Save(&Note{1, "b"}))
	l.want("save: a record that moves", []int{2}, []int{1}, 2)
	do(db.Model(&Note{ID: 1}).Update("owner", "a"))
	l.want("update one", []int{1, 2}, nil, 2)
	do(db.Model(&Note{}).Where("id > ?", 1).Updates(Note{Owner: "b"}))
	l.want("update by condition", []int{1}, []int{2, 3}, 2)
	do(db.Model(&Note{}).Where("id = ?", 99).Update("owner", "a"))
	l.want("update nothing", []int{1}, []int{2, 3}, 0)
	do(db.Clauses(clause.OnConflict{UpdateAll: true}).Create(&Note{2, "a"}))
	l.want("upsert", []int{1, 2}, []int{3}, 2)
	do(db.Delete(&Note{}, 3))
	l.want("delete by id", []int{1, 2}, nil, 1)
	do(db.Where("owner = ?", "a").Delete(&Note{}))
	l.want("delete by condition", nil, nil, 1)
	do(db.Save(&Note{4, "b"}))
	l.want("save: a new record", nil, []int{4}, 1)
	do(db.Delete(&Note{ID: 4}))
	l.want("delete one", nil, nil, 1)
}

func TestMustBeNamed(t *testing.T) { onDatabases(t, testMustBeNamed) } // INV-009, BUG-22

func testMustBeNamed(t *testing.T, db *gorm.DB, l *lists) {
	table := tableOf(t, db)
	both := invalidate.Names{Tags: []string{invalidate.Tag("notes", "a"), invalidate.Tag("notes", "b")}}
	global := &gorm.Session{AllowGlobalUpdate: true}
	for what, write := range map[string]func(*gorm.DB) *gorm.DB{
		"raw":      func(db *gorm.DB) *gorm.DB { return db.Exec("INSERT INTO "+table+" VALUES (?, ?)", 7, "a") },
		"map":      func(db *gorm.DB) *gorm.DB { return db.Model(&Note{}).Create(map[string]any{"id": 8, "owner": "a"}) },
		"a table":  func(db *gorm.DB) *gorm.DB { return db.Session(global).Model(&Note{}).Update("owner", "a") },
		"a table ": func(db *gorm.DB) *gorm.DB { return db.Session(global).Delete(&Note{}) },
	} {
		if err := write(db).Error; !errors.Is(err, invalidate.ErrUnnamed) {
			t.Errorf("%s: got %v, want ErrUnnamed", what, err)
		}
		if err := write(gorminvalidate.Naming(db, both)).Error; err != nil {
			t.Errorf("%s, named: %v", what, err)
		}
		l.loads = 0
		if l.of(t.Context(), db, "a"); l.loads != 1 {
			t.Errorf("%s, named: the list is still there", what)
		}
	}
	other := strings.Replace(table, "notes", "others", 1)
	if err := db.Exec("CREATE TABLE " + other + " (id INTEGER)").Error; err != nil {
		t.Error(err)
	}
	if err := db.Exec("INSERT INTO " + other + " VALUES (1)").Error; err != nil {
		t.Error(err)
	}
}

func TestTransactions(t *testing.T) { onDatabases(t, testTransactions) } // INV-013, INV-014, INV-036

func testTransactions(t *testing.T, db *gorm.DB, l *lists) {
	no := errors.New("no")
	for _, outcome := range []error{no, nil} {
		err := db.Transaction(func(tx *gorm.DB) error {
			if err := tx.Create(&Note{1, "a"}).Error; err != nil {
				return err
			}
			if got := l.of(gorminvalidate.Context(tx), tx, "a"); !slices.Equal(got, []int{1}) {
				t.Errorf("inside: got %v, want its own write", got)
			}
			if had, err := l.view.Has(t.Context(), "a"); !had || err != nil {
				t.Errorf("before the commit: got %v, %v, want the list for others", had, err)
			}
			err := tx.Transaction(func(tx *gorm.DB) error {
				return errors.Join(no, tx.Create(&Note{2, "b"}).Error)
			})
			if !errors.Is(err, no) {
				t.Error(err)
			}
			return outcome
		})
		if !errors.Is(err, outcome) {
			t.Error(err)
		}
		if outcome != nil {
			l.want("rolled back", nil, nil, 0)
		}
	}
	l.want("committed", []int{1}, nil, 1) // the savepoint's was not invalidated
}

func Example() {
	ctx := context.Background()
	db, c, err := open(sqlite.Open(":memory:"), "")
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close(ctx)
	if pool, err := db.DB(); err == nil {
		defer pool.Close()
	}
	for _, owner := range []string{"a", "b", "c"} {
		view := c.WithPrefix("lists")
		if _, err := view.GetOrSet(ctx, owner, func(context.Context) ([]byte, error) { return []byte("…"), nil },
			cache.Tags(invalidate.Tag("notes", owner))); err != nil {
			log.Fatal(err)
		}
	}
	db.Create(&Note{ID: 1, Owner: "a"})
	db.Model(&Note{ID: 1}).Update("owner", "b") // drops the lists of both
	left, err := c.WithPrefix("lists").GetMany(ctx, "a", "b", "c")
	fmt.Println(len(left), err)
	// Output: 1 <nil>
}

package invalidate_test

import (
	"context"
	"database/sql"
	"fmt"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	_ "github.com/go-sql-driver/mysql"
	_ "github.com/jackc/pgx/v5/stdlib"
	"go.uber.org/goleak"
	_ "modernc.org/sqlite"

	"github.com/stratacache/strata/backends/locmem"
	"github.com/stratacache/strata/cache"
	"github.com/stratacache/strata/internal/servertest"
	"github.com/stratacache/strata/invalidate"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(servertest.Main(m)) }

// database is a table of notes, with a cache of it.
type database struct {
	*invalidate.DB
	sql    *sql.DB
	table  string
	number string // how the driver writes its first parameter: ? or $
	locks  string // FOR UPDATE, where there is that
	cache  *cache.Client
	owners cache.Typed[string] // of notes
}

var tables atomic.Int64

// onDatabases runs test on each kind of database.
func onDatabases(t *testing.T, opts *invalidate.Options, test func(t *testing.T, d *database)) {
	t.Helper()
	t.Parallel()
	for _, kind := range []struct {
		name, driver, number, locks string
		dsn                         func(t *testing.T) string
	}{
		{"sqlite", "sqlite", "?", "", func(t *testing.T) string {
			return "file:" + filepath.Join(t.TempDir(), "x.db") +
				"?_txlock=immediate&_pragma=journal_mode(WAL)&_pragma=synchronous(OFF)&_pragma=busy_timeout(10000)"
		}},
		{"postgres", "pgx", "$", " FOR UPDATE", func(t *testing.T) string { return servertest.SharedPostgres(t) }},
		{"mariadb", "mysql", "?", " FOR UPDATE", func(t *testing.T) string { return servertest.SharedMariaDB(t) }},
	} {
		t.Run(kind.name, func(t *testing.T) {
			t.Parallel()
			db, err := sql.Open(kind.driver, kind.dsn(t))
			if err != nil {
				t.Fatal(err)
			}
			d := &database{DB: invalidate.NewDB(db, opts), sql: db, number: kind.number, locks: kind.locks}
			d.table = fmt.Sprintf("notes%d", tables.Add(1))
			if d.cache, err = cache.New(locmem.New(nil), nil); err != nil {
				t.Fatal(err)
			}
			d.owners = cache.For[string](d.cache.WithPrefix("owner"))
			t.Cleanup(func() {
				for _, end := range []func() error{
					func() error { return d.DB.Close(context.Background()) }, db.Close,
					func() error { return d.cache.Close(context.Background()) },
				} {
					if err := end(); err != nil {
						t.Error(err)
					}
				}
			})
			d.exec(t, db, "CREATE TABLE notes (id INTEGER PRIMARY KEY, owner VARCHAR(20) NOT NULL)")
			test(t, d)
		})
	}
}

// query fills in the table, and numbers the parameters.
func (d *database) query(text string) string {
	text = strings.ReplaceAll(text, "notes", d.table)
	for i := 1; d.number == "$" && strings.Contains(text, "?"); i++ {
		text = strings.Replace(text, "?", fmt.Sprintf("$%d", i), 1)
	}
	return text
}

func (d *database) exec(t testing.TB, on invalidate.Conn, text string, args ...any) {
	t.Helper()
	if _, err := on.ExecContext(t.Context(), d.query(text), args...); err != nil {
		t.Errorf("%s: %v", text, err)
	}
}

// owner reads a note through the cache.
func (d *database) owner(ctx context.Context, id int) (string, error) {
	return d.owners.GetOrSet(ctx, fmt.Sprint(id), func(ctx context.Context) (string, error) {
		on, err := d.Conn(ctx)
		if err != nil {
			return "", err
		}
		return d.ownerIn(ctx, on, id)
	}, cache.Tags(invalidate.Tag("note", id)))
}

func (d *database) ownerIn(ctx context.Context, on invalidate.Conn, id int) (owner string, err error) {
	err = on.QueryRowContext(ctx, d.query("SELECT owner FROM notes WHERE id = ?"), id).Scan(&owner)
	return owner, err
}

// give changes the owner of a note in the transaction of ctx.
func (d *database) give(t testing.TB, ctx context.Context, id int, owner string) {
	t.Helper()
	on, err := d.Conn(ctx)
	if err != nil {
		t.Error(err)
		return
	}
	d.exec(t, on, "UPDATE notes SET owner = ? WHERE id = ?", owner, id)
	if err := invalidate.Drop(ctx, d.cache, invalidate.Names{Tags: []string{invalidate.Tag("note", id)}}); err != nil {
		t.Error(err)
	}
}

// want reads notes from outside of all transactions, and checks whether they
// came from the cache.
func (d *database) want(t testing.TB, id int, owner string, cached bool) {
	t.Helper()
	had, err := d.owners.Has(t.Context(), fmt.Sprint(id))
	got, err2 := d.owner(t.Context(), id)
	if got != owner || had != cached || err != nil || err2 != nil {
		t.Errorf("note %d: got %s, cached: %v, want %s, cached: %v (%v, %v)", id, got, had, owner, cached, err, err2)
	}
}

package outbox_test

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	_ "github.com/go-sql-driver/mysql"
	_ "github.com/jackc/pgx/v5/stdlib"
	"go.uber.org/goleak"
	_ "modernc.org/sqlite"

	"github.com/stratacache/strata/cache"
	"github.com/stratacache/strata/internal/servertest"
	"github.com/stratacache/strata/invalidate"
	"github.com/stratacache/strata/invalidate/outbox"
)

func TestMain(m *testing.M) {
	if os.Getenv("OUTBOX_ROLE") != "" {
		victim() // a process of kill_test.go
		os.Exit(3)
	}
	goleak.VerifyTestMain(servertest.Main(m))
}

// kind is a kind of database.
type kind struct {
	dialect outbox.Dialect
	driver  string
	source  func(t testing.TB) string
}

var kinds = []kind{
	{outbox.SQLite, "sqlite", func(t testing.TB) string {
		return "file:" + filepath.Join(t.TempDir(), "x.db") +
			"?_txlock=immediate&_pragma=journal_mode(WAL)&_pragma=synchronous(OFF)&_pragma=busy_timeout(10000)"
	}},
	{outbox.PostgreSQL, "pgx", func(t testing.TB) string { return servertest.SharedPostgres(t) }},
	{outbox.MySQL, "mysql", func(t testing.TB) string { return servertest.SharedMariaDB(t) }},
}

func kindOf(driver string) kind {
	for _, k := range kinds {
		if k.driver == driver {
			return k
		}
	}
	panic(driver)
}

// database is one with a table of notes of its own, and an outbox.
type database struct {
	kind
	*sql.DB
	source string
	suffix string
}

var suffixes atomic.Int64

func onDatabases(t *testing.T, test func(t *testing.T, d *database)) {
	t.Helper()
	t.Parallel()
	for _, k := range kinds {
		t.Run(k.dialect.String(), func(t *testing.T) {
			t.Parallel()
			d := &database{kind: k, source: k.source(t), suffix: fmt.Sprint(suffixes.Add(1))}
			var err error
			if d.DB, err = sql.Open(k.driver, d.source); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = d.DB.Close() })
			if _, err := d.ExecContext(t.Context(), d.query("CREATE TABLE notes (id INTEGER PRIMARY KEY, state INTEGER NOT NULL)")); err != nil {
				t.Fatal(err)
			}
			test(t, d)
		})
	}
}

func (d *database) query(text string) string {
	text = strings.ReplaceAll(text, "notes", "box_notes"+d.suffix)
	for i := 1; d.dialect == outbox.PostgreSQL && strings.Contains(text, "?"); i++ {
		text = strings.Replace(text, "?", fmt.Sprintf("$%d", i), 1)
	}
	return text
}

// table is the name of the outbox's.
func (d *database) table() string { return "outbox" + d.suffix }

func (d *database) options(caches map[string]cache.Cache) outbox.Options {
	return outbox.Options{Dialect: d.dialect, Table: d.table(), Caches: caches}
}

// open returns an outbox with its table.
func (d *database) open(t testing.TB, opts outbox.Options) *outbox.Outbox {
	t.Helper()
	o, err := outbox.New(d.DB, opts)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 { // it may be there
		if err := o.CreateTable(context.WithoutCancel(t.Context())); err != nil {
			t.Fatal(err)
		}
	}
	return o
}

// rows is how many rows are in the outbox.
func (d *database) rows(t testing.TB) (n int) {
	t.Helper()
	if err := d.QueryRowContext(t.Context(), "SELECT COUNT(*) FROM "+d.table()).Scan(&n); err != nil {
		t.Error(err)
	}
	return n
}

// write stores a state in a transaction which drops tag and key.
func write(ctx context.Context, d *database, writes *invalidate.DB, id, state int, drop ...invalidate.Scoped) error {
	return writes.InTx(ctx, nil, func(ctx context.Context, tx *invalidate.Tx) error {
		if _, err := tx.ExecContext(ctx, d.query("UPDATE notes SET state = ? WHERE id = ?"), state, id); err != nil {
			return err
		}
		for _, s := range drop {
			if err := invalidate.Drop(ctx, s.Cache, s.Names); err != nil {
				return err
			}
		}
		return nil
	})
}

func openSQL(t testing.TB, driver, source string) (*sql.DB, error) {
	db, err := sql.Open(driver, source)
	if err == nil {
		t.Cleanup(func() { _ = db.Close() })
	}
	return db, err
}

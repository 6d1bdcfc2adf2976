package sqlstore_test

import (
	"context"
	"database/sql"
	"fmt"
	"io"
	"log"
	"path/filepath"
	"regexp"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
	_ "github.com/jackc/pgx/v5/stdlib"
	"go.uber.org/goleak"
	_ "modernc.org/sqlite"

	"github.com/stratacache/strata/backends/sqlstore"
	"github.com/stratacache/strata/internal/servertest"
)

func TestMain(m *testing.M) {
	_ = mysql.SetLogger(log.New(io.Discard, "", 0)) // of connections that were cut, of which there are many here
	goleak.VerifyTestMain(servertest.Main(m))
}

// database is what a test runs on.
type database struct {
	dialect sqlstore.Dialect
	driver  string
	// source names the database for a test: one that all share, or a file.
	source func(t testing.TB) string
}

var databases = []database{
	{sqlstore.SQLite, "sqlite", func(t testing.TB) string { return sqliteFile(filepath.Join(t.TempDir(), "cache.db")) }},
	{sqlstore.PostgreSQL, "pgx", func(t testing.TB) string { return servertest.SharedPostgres(t) }},
	{sqlstore.MySQL, "mysql", func(t testing.TB) string { return servertest.SharedMariaDB(t) }},
}

func sqliteFile(path string) string {
	return "file:" + path + "?_pragma=journal_mode(WAL)&_pragma=synchronous(NORMAL)&_pragma=busy_timeout(50)"
}

// onAll runs test on each database.
func onAll(t *testing.T, test func(t *testing.T, d database)) {
	t.Helper()
	t.Parallel()
	for _, d := range databases {
		t.Run(d.dialect.String(), func(t *testing.T) {
			t.Parallel()
			test(t, d)
		})
	}
}

// handle opens a database, which is closed with t.
func (d database) handle(t testing.TB, source string) *sql.DB {
	t.Helper()
	db, err := sql.Open(d.driver, source)
	if err != nil {
		t.Fatal(err)
	}
	if d.dialect == sqlstore.SQLite {
		db.SetMaxOpenConns(1)
	} else {
		db.SetMaxOpenConns(12)
		db.SetMaxIdleConns(12)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

var namespaces atomic.Int64

// open returns a store over a new namespace of d, which is closed with t.
func (d database) open(t testing.TB, opts ...sqlstore.Options) *sqlstore.Store {
	t.Helper()
	var o sqlstore.Options
	if len(opts) > 0 {
		o = opts[0]
	}
	if o.Namespace == "" {
		o.Namespace = fmt.Sprintf("test-%d", namespaces.Add(1))
	}
	return over(t, d.handle(t, d.source(t)), d.dialect, &o)
}

// over is a store over tables that are made if they are not there.
func over(t testing.TB, db *sql.DB, dialect sqlstore.Dialect, opts *sqlstore.Options) *sqlstore.Store {
	t.Helper()
	s, err := sqlstore.New(db, dialect, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closeStore(t, s) })
	if err := s.CreateTable(context.Background()); err != nil {
		t.Fatal(err)
	}
	return s
}

func closeStore(t testing.TB, s *sqlstore.Store) {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	if err := s.Close(ctx); err != nil {
		t.Errorf("Close: %v", err)
	}
}

// hostOf is the address in the name of a shared database.
func hostOf(source string) string {
	return regexp.MustCompile(`127\.0\.0\.1:\d+`).FindString(source)
}

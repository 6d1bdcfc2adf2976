package sqlstore_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stratacache/strata/backends/sqlstore"
	"github.com/stratacache/strata/cache/driver"
	"github.com/stratacache/strata/cache/drivertest"
)

func TestConformance(t *testing.T) {
	onAll(t, func(t *testing.T, d database) { drivertest.Run(t, d.harness(d.handles(t))) })
}

// TestConformanceOpened is of SQLite files that the store has opened itself, and so
// has a connection to that it shares with nobody.
func TestConformanceOpened(t *testing.T) {
	t.Parallel()
	d := databases[0]
	h := d.harness(nil)
	h.Name = ""        // to the table it is the same store
	var paths sync.Map // of stores
	open := func(t testing.TB, path, namespace string) driver.Store {
		s := opened(t, path, "&sweep_every=20&namespace="+namespace)
		paths.Store(driver.Store(s), path)
		// The suite's own statements are no cache's: they wait until it is their turn.
		s.Beside(d.handle(t, "file:"+path+"?_pragma=busy_timeout(20000)"))
		if err := s.CreateTable(context.Background()); err != nil {
			t.Fatal(err)
		}
		return s
	}
	h.Open = func(t testing.TB) driver.Store {
		return open(t, filepath.Join(t.TempDir(), "cache.db"), fmt.Sprintf("suite-%d", namespaces.Add(1)))
	}
	h.Again = func(t testing.TB, s driver.Store) driver.Store {
		path, _ := paths.Load(driver.Store(s))
		return open(t, path.(string), s.(*sqlstore.Store).Namespace())
	}
	drivertest.Run(t, h)
}

// opened is a store over a file, whose tables it makes.
func opened(t testing.TB, path, params string) *sqlstore.Store {
	t.Helper()
	s, err := sqlstore.Open("sqlite://" + path + "?create=true" + params)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// handles returns the handle of one process, and that of another over the same
// database: of a server the same two for all stores. SQLite's files have one
// connection each, so that there are some more of them.
func (d database) handles(t testing.TB) func(testing.TB, driver.Store) (one, two *sql.DB) {
	files := 1
	if d.dialect == sqlstore.SQLite {
		files = 8
	}
	second := make(map[*sql.DB]*sql.DB)
	var first []*sql.DB
	for range files {
		source := d.source(t)
		one, two := d.handle(t, source), d.handle(t, source)
		over(t, one, d.dialect, nil) // makes the tables
		first, second[one] = append(first, one), two
	}
	var next atomic.Int64
	return func(_ testing.TB, s driver.Store) (*sql.DB, *sql.DB) {
		if s != nil {
			return nil, second[s.(*sqlstore.Store).DB()]
		}
		return first[int(next.Add(1))%files], nil
	}
}

// harness runs the suite on a database, each store in a namespace of its own.
// Handles are what open and again return for a store over a source.
func (d database) harness(handles func(t testing.TB, s driver.Store) (one, two *sql.DB)) drivertest.Harness {
	open := func(t testing.TB, db *sql.DB, namespace string) driver.Store {
		s, err := sqlstore.New(db, d.dialect, &sqlstore.Options{Namespace: namespace, SweepEvery: 20})
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	return drivertest.Harness{
		Name: "sqlstore, " + d.dialect.String(),
		Open: func(t testing.TB) driver.Store {
			one, _ := handles(t, nil)
			return open(t, one, fmt.Sprintf("suite-%d", namespaces.Add(1)))
		},
		Again: func(t testing.TB, s driver.Store) driver.Store {
			_, two := handles(t, s)
			return open(t, two, s.(*sqlstore.Store).Namespace())
		},
		LoseMeta: func(t testing.TB, s driver.Store) {
			st := s.(*sqlstore.Store)
			exec(t, st, "DELETE FROM "+st.Table("meta")+" WHERE namespace = "+st.Mark(1), st.Namespace())
		},
		Dead: d.dead,
		Raw: func(t testing.TB, s driver.Store, key driver.Key) []byte {
			st := s.(*sqlstore.Store)
			var body []byte
			err := st.DB().QueryRowContext(context.Background(), "SELECT body FROM "+st.Table("entry")+
				" WHERE namespace = "+st.Mark(1)+" AND name = "+st.Mark(2), st.Namespace(), sqlstore.NameOf(key)).Scan(&body)
			if err != nil && !errors.Is(err, sql.ErrNoRows) {
				t.Fatal(err)
			}
			return body
		},
		Plant: plant,
		Newer: func(raw []byte) []byte {
			const version = 2
			raw[version]++
			return raw
		},
	}
}

// dead is a store whose database does not answer.
func (d database) dead(t testing.TB) driver.Store {
	source := map[sqlstore.Dialect]string{
		sqlstore.PostgreSQL: "postgres://postgres@127.0.0.1:1/postgres?sslmode=disable",
		sqlstore.MySQL:      "root@tcp(127.0.0.1:1)/test",
		sqlstore.SQLite:     "file:/nowhere/at/all.db",
	}[d.dialect]
	s, err := sqlstore.New(d.handle(t, source), d.dialect, nil)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// plant writes a body as another program could: over that of an entry, or in a
// row of its own.
func plant(t testing.TB, s driver.Store, key driver.Key, raw []byte) {
	st := s.(*sqlstore.Store)
	if raw == nil {
		raw = []byte{}
	}
	where := " WHERE namespace = " + st.Mark(2) + " AND name = " + st.Mark(3)
	if exec(t, st, "UPDATE "+st.Table("entry")+" SET body = "+st.Mark(1)+where, raw, st.Namespace(), sqlstore.NameOf(key)) > 0 {
		return
	}
	if _, err := st.Get(context.Background(), key, 0); err != nil { // so that there is a meta record
		t.Fatal(err)
	}
	forever := map[sqlstore.Dialect]string{
		sqlstore.PostgreSQL: "'infinity'", sqlstore.MySQL: "'9999-12-31'", sqlstore.SQLite: "9223372036854775807",
	}[st.Dialect()]
	exec(t, st, "INSERT INTO "+st.Table("entry")+" (namespace, name, body, token, epoch, stamp, kind, fresh, ends, size, expires)"+
		" SELECT namespace, "+st.Mark(1)+", "+st.Mark(2)+", 77, epoch, clock, 0, 0, 0, 0, "+forever+
		" FROM "+st.Table("meta")+" WHERE namespace = "+st.Mark(3), sqlstore.NameOf(key), raw, st.Namespace())
}

// exec returns how many rows it changed.
func exec(t testing.TB, s *sqlstore.Store, statement string, args ...any) int64 {
	t.Helper()
	result, err := s.DB().ExecContext(context.Background(), statement, args...)
	if err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
	n, err := result.RowsAffected()
	if err != nil {
		t.Fatal(err)
	}
	return n
}

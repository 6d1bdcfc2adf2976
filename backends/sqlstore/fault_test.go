package sqlstore_test

import (
	"context"
	"database/sql"
	"testing"

	"github.com/stratacache/strata/backends/sqlstore"
	"github.com/stratacache/strata/cache/driver"
	"github.com/stratacache/strata/internal/faulttest"
	"github.com/stratacache/strata/internal/servertest"
)

func TestFaults(t *testing.T) {
	t.Parallel()
	for _, d := range databases {
		var start func(t testing.TB, args ...string) *servertest.Server
		var source func(addr string) string
		var writeLog func(ctx context.Context, addr string) error
		switch d.dialect {
		case sqlstore.PostgreSQL:
			start, source = servertest.Postgres, servertest.PostgresURL
			writeLog = func(ctx context.Context, addr string) error {
				db, err := sql.Open("pgx", source(addr))
				if err != nil {
					return err
				}
				defer db.Close()
				_, err = db.ExecContext(ctx, "SELECT pg_logical_emit_message(false, '', repeat('x', 1 << 20))")
				return err
			}
		case sqlstore.MySQL:
			start, source = servertest.MariaDB, servertest.MariaDBName
		default:
			continue // no server
		}
		t.Run(d.dialect.String(), func(t *testing.T) {
			t.Parallel()
			faulttest.Run(t, faulttest.Harness{
				Disk:     true,
				WriteLog: writeLog,
				Start: func(t testing.TB) *servertest.Server {
					s := start(t)
					over(t, d.handle(t, source(s.Addr)), d.dialect, nil) // makes the tables
					return s
				},
				Open: func(t testing.TB, addr string) driver.Store {
					s, err := sqlstore.New(d.handle(t, source(addr)), d.dialect, nil)
					if err != nil {
						t.Fatal(err)
					}
					t.Cleanup(func() { closeStore(t, s) })
					return s
				},
			})
		})
	}
}

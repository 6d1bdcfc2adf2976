package servertest_test

import (
	"database/sql"
	"testing"

	_ "github.com/go-sql-driver/mysql"
	_ "github.com/jackc/pgx/v5/stdlib"

	"github.com/stratacache/strata/internal/servertest"
)

func TestPostgresRemembersWhatItAcknowledged(t *testing.T) {
	t.Parallel()
	s := servertest.Postgres(t)
	remembers(t, s, "pgx", servertest.PostgresURL(s.Addr))
}

func TestMariaDBRemembersWhatItAcknowledged(t *testing.T) {
	t.Parallel()
	s := servertest.MariaDB(t)
	remembers(t, s, "mysql", servertest.MariaDBName(s.Addr))
}

// remembers kills and restarts s, also while it is frozen.
func remembers(t *testing.T, s *servertest.Server, driver, name string) {
	exec := func(statement string) {
		t.Helper()
		db, err := sql.Open(driver, name)
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		if _, err := db.ExecContext(t.Context(), statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
	idle, err := sql.Open(driver, name)
	if err != nil {
		t.Fatal(err)
	}
	defer idle.Close()
	exec("CREATE TABLE numbers (n INT NOT NULL)")
	for range 3 {
		if err := idle.PingContext(t.Context()); err != nil { // a session that stays open
			t.Logf("Ping: %v", err)
		}
		exec("INSERT INTO numbers VALUES (1)")
		s.Freeze()
		s.Restart()
	}
	var n int
	db, err := sql.Open(driver, name)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := db.QueryRowContext(t.Context(), "SELECT count(*) FROM numbers").Scan(&n); err != nil || n != 3 {
		t.Fatalf("got %d rows, %v, want 3", n, err)
	}
}

func TestSharedDatabasesAreOne(t *testing.T) {
	t.Parallel()
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		if a, b := servertest.SharedPostgres(t), servertest.SharedPostgres(t); a != b {
			t.Errorf("got %s and %s", a, b)
		}
	})
	t.Run("mariadb", func(t *testing.T) {
		t.Parallel()
		if a, b := servertest.SharedMariaDB(t), servertest.SharedMariaDB(t); a != b {
			t.Errorf("got %s and %s", a, b)
		}
	})
}

package sqlstore_test

import (
	"syscall"
	"testing"

	"github.com/stratacache/strata/backends/sqlstore"
	"github.com/stratacache/strata/cache/driver"
	"github.com/stratacache/strata/internal/nodetest"
	"github.com/stratacache/strata/internal/servertest"
)

// Also while the server's processes are killed: one, at which it ends all the
// others, or all together.
func TestFourProcessesFollowTheLog(t *testing.T) {
	nodetest.Run(t, func() (string, []func()) {
		server := servertest.Postgres(t)
		url := servertest.PostgresURL(server.Addr)
		store := over(t, postgres.handle(t, url), sqlstore.PostgreSQL, nil) // makes the tables
		killOne := func() {
			var pid int
			if err := store.DB().QueryRow("SELECT pid FROM pg_stat_activity WHERE query LIKE 'LISTEN%' LIMIT 1").Scan(&pid); err != nil {
				t.Fatal(err)
			}
			if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
				t.Fatal(err)
			}
		}
		return url, []func(){killOne, server.Restart}
	}, func(url string) driver.Store {
		return over(t, postgres.handle(t, url), sqlstore.PostgreSQL, nil)
	})
}

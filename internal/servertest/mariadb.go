package servertest

import (
	"fmt"
	"net"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"
)

// MariaDB starts a MariaDB for t, which is stopped when t ends. args are further
// arguments of mariadbd, such as "--max-connections=20"; they win over the
// defaults.
//
// It never waits for the disk: see [Postgres].
func MariaDB(t testing.TB, args ...string) *Server {
	t.Helper()
	return launch(t, mariadb(), args...)
}

// SharedMariaDB returns the data source name, as go-sql-driver/mysql reads it,
// of a database that all tests of this binary use at once, each with tables or
// namespaces of its own.
func SharedMariaDB(t testing.TB) string {
	t.Helper()
	return MariaDBName(share(t, "mariadb", mariadb()).Addr)
}

// MariaDBName is the data source name of the database of the server at addr, or
// of that behind a proxy at addr.
func MariaDBName(addr string) string { return "root@tcp(" + addr + ")/test" }

// mariadbInstall makes a server's folder.
const mariadbInstall = "mariadb-install-db"

func mariadb() kind {
	return kind{
		program: "mariadbd",
		prepare: func(dir string, as *syscall.Credential) error {
			args := []string{
				"--no-defaults", "--datadir=" + filepath.Join(dir, "data"), "--auth-root-authentication-method=normal",
				"--skip-name-resolve", "--innodb-flush-log-at-trx-commit=0",
			}
			if as != nil {
				u, err := user.LookupId(strconv.Itoa(int(as.Uid)))
				if err != nil {
					return err
				}
				args = append(args, "--user="+u.Username)
			}
			return runAs(dir, as, mariadbInstall, args...)
		},
		args: func(port, dir string) []string {
			return []string{
				"--no-defaults", "--datadir=" + filepath.Join(dir, "data"), "--tmpdir=" + dir,
				"--bind-address=127.0.0.1", "--port=" + port, "--socket=" + filepath.Join(dir, "socket"),
				"--pid-file=" + filepath.Join(dir, "pid"), "--skip-name-resolve", "--max-connections=200",
				"--max-connect-errors=1000000", "--innodb-buffer-pool-size=64M", "--innodb-log-file-size=64M",
				"--innodb-flush-log-at-trx-commit=2", // written at each commit, synced once a second
			}
		},
		ready: mariadbReady,
		user:  "mysql", // it does not run as root
	}
}

// mariadbReady waits for the greeting.
func mariadbReady(addr string) error {
	c, err := net.DialTimeout("tcp", addr, time.Second)
	if err != nil {
		return err
	}
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(time.Second)); err != nil {
		return err
	}
	const version10 = 10
	var greeting [5]byte // three bytes of length, a number, the version
	if _, err := c.Read(greeting[:]); err != nil {
		return err
	}
	if greeting[4] != version10 {
		return fmt.Errorf("it greets with %x", greeting)
	}
	return nil
}

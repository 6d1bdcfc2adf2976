package servertest

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// Postgres starts a PostgreSQL for t, which is stopped when t ends. args are
// further arguments of postgres, such as "-c", "max_connections=20"; they win
// over the defaults.
//
// It never waits for the disk. What is killed is the process, and what that has
// written the kernel still has: to survive a Kill no more is needed.
func Postgres(t testing.TB, args ...string) *Server {
	t.Helper()
	return launch(t, postgres(), args...)
}

// SharedPostgres returns the URL of a database that all tests of this binary
// use at once, each with tables or namespaces of its own.
func SharedPostgres(t testing.TB) string {
	t.Helper()
	return PostgresURL(share(t, "postgres", postgres()).Addr)
}

// PostgresURL is the URL of the database of the server at addr, or of that
// behind a proxy at addr.
func PostgresURL(addr string) string {
	return "postgres://postgres@" + addr + "/postgres?sslmode=disable"
}

func postgres() kind {
	return kind{
		program: "postgres",
		prepare: func(dir string, as *syscall.Credential) error {
			return runAs(dir, as, "initdb", "--pgdata="+filepath.Join(dir, "data"), "--username=postgres",
				"--auth=trust", "--encoding=UTF8", "--no-locale", "--no-sync")
		},
		args: func(port, dir string) []string {
			args := []string{"-D", filepath.Join(dir, "data"), "-p", port, "-k", dir}
			for _, setting := range []string{
				"listen_addresses=127.0.0.1", "fsync=off", "max_connections=200", "shared_buffers=64MB",
				"max_wal_size=256MB", "jit=off",
			} {
				args = append(args, "-c", setting)
			}
			return args
		},
		ready: postgresReady,
		user:  "postgres", // it does not run as root
	}
}

// postgresReady begins a session, which the server allows when it is ready.
func postgresReady(addr string) error {
	c, err := net.DialTimeout("tcp", addr, time.Second)
	if err != nil {
		return err
	}
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(time.Second)); err != nil {
		return err
	}
	const version3 = 3 << 16
	startup := binary.BigEndian.AppendUint32(nil, version3)
	startup = append(startup, "user\x00postgres\x00database\x00postgres\x00\x00"...)
	if _, err := c.Write(append(binary.BigEndian.AppendUint32(nil, uint32(4+len(startup))), startup...)); err != nil {
		return err
	}
	var kind [1]byte
	if _, err := c.Read(kind[:]); err != nil {
		return err
	}
	if kind[0] != 'R' {
		return fmt.Errorf("it answers %q", kind)
	}
	if _, err := c.Write([]byte("X\x00\x00\x00\x04")); err != nil { // the end
		return errors.New("the session did not end")
	}
	return nil
}

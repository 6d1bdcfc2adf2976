package servertest

import (
	"errors"
	"strings"
	"testing"
)

// Memcached starts a memcached for t, which is stopped when t ends. args are
// further arguments of memcached, such as "-m", "64"; they win over the
// defaults.
func Memcached(t testing.TB, args ...string) *Server {
	t.Helper()
	return launch(t, memcached(), args...)
}

// SharedMemcached returns the addresses of two memcacheds that all tests of
// this binary use at once. They neither stop nor flush them, and keep to
// namespaces of their own.
func SharedMemcached(t testing.TB) [2]string {
	t.Helper()
	return [2]string{share(t, "memcached-1", memcached()).Addr, share(t, "memcached-2", memcached()).Addr}
}

func memcached() kind {
	return kind{
		program: "memcached",
		args: func(port, _ string) []string {
			return []string{"-p", port, "-U", "0", "-l", "127.0.0.1", "-m", "256", "-c", "4096"}
		},
		ready: func(addr string) error {
			line, err := askLine(addr, "version\r\n")
			if err == nil && !strings.HasPrefix(line, "VERSION") {
				err = errors.New(line)
			}
			return err
		},
		user: "nobody", // it does not run as root
	}
}

package servertest

import (
	"os"
	"sync"
	"testing"
)

// shared is the one server of this test binary. It is a variable of the
// package because the tests of a binary have nothing else in common.
var shared struct {
	mu    sync.Mutex
	redis *RedisServer
}

// SharedRedis returns the address of a server that all tests of this binary
// use at once. They neither stop nor flush it, and keep to namespaces of their
// own.
func SharedRedis(t testing.TB) string {
	t.Helper()
	path := lookPath(t, "redis-server")
	shared.mu.Lock()
	defer shared.mu.Unlock()
	if shared.redis == nil {
		dir, err := os.MkdirTemp("", "strata-redis-")
		if err != nil {
			t.Fatal(err)
		}
		s, err := startRedis(path, dir, nil)
		if err != nil {
			_ = os.RemoveAll(dir)
			t.Fatal(err)
		}
		shared.redis = s
	}
	return shared.redis.Addr
}

// Runner is what TestMain is given.
type Runner interface{ Run() int }

// Main wraps m so that the shared servers end with the last test, before
// anybody looks for goroutines that were left behind.
func Main(m Runner) Runner { return runner{m} }

type runner struct{ Runner }

func (r runner) Run() int {
	defer stopShared()
	return r.Runner.Run()
}

func stopShared() {
	shared.mu.Lock()
	defer shared.mu.Unlock()
	if s := shared.redis; s != nil {
		s.stop()
		_ = os.RemoveAll(s.Dir)
		shared.redis = nil
	}
}

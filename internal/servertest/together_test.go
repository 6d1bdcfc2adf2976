package servertest_test

import (
	"sync"
	"testing"
	"time"

	"github.com/stratacache/strata/internal/servertest"
)

// All that the tests of this module ever start, at the same time. How long it
// took is logged.
func TestAllServersTogether(t *testing.T) {
	began := time.Now()
	var wg sync.WaitGroup
	for name, start := range map[string]func(){
		"redis":              func() { servertest.SharedRedis(t) },
		"redis cluster of 6": func() { servertest.SharedRedisCluster(t) },
		"redis sentinels":    func() { servertest.RedisSentinel(t) },
		"memcached, two":     func() { servertest.SharedMemcached(t) },
		"PostgreSQL":         func() { servertest.SharedPostgres(t) },
		"MariaDB":            func() { servertest.SharedMariaDB(t) },
	} {
		wg.Go(func() {
			start()
			t.Logf("%s: after %v", name, time.Since(began).Round(10*time.Millisecond))
		})
	}
	wg.Wait()
	t.Logf("all together: %v", time.Since(began).Round(10*time.Millisecond))
}

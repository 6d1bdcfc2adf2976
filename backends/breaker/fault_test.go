package breaker_test

import (
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/stratacache/strata/backends/breaker"
	"github.com/stratacache/strata/backends/redisstore"
	"github.com/stratacache/strata/cache/driver"
	"github.com/stratacache/strata/internal/faulttest"
	"github.com/stratacache/strata/internal/servertest"
)

// A breaker loses no invalidation, whatever happens to the server.
func TestFaults(t *testing.T) {
	t.Parallel()
	faulttest.Run(t, faulttest.Harness{
		Start: func(t testing.TB) *servertest.Server {
			return servertest.Redis(t, "--appendonly", "yes", "--appendfsync", "no")
		},
		Open: func(t testing.TB, addr string) driver.Store {
			rdb := redis.NewClient(&redis.Options{
				Addr: addr, DialTimeout: time.Second, ReadTimeout: time.Second, MaxRetries: -1, DialerRetries: 1,
			})
			t.Cleanup(func() { _ = rdb.Close() })
			inner, err := redisstore.New(rdb, nil)
			if err != nil {
				t.Fatal(err)
			}
			return over(t, inner, &breaker.Options{Failures: 3, OpenFor: time.Millisecond, Timeout: time.Second})
		},
	})
}

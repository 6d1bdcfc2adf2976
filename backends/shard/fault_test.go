package shard_test

import (
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/stratacache/strata/backends/redisstore"
	"github.com/stratacache/strata/backends/shard"
	"github.com/stratacache/strata/cache/driver"
	"github.com/stratacache/strata/internal/faulttest"
	"github.com/stratacache/strata/internal/servertest"
)

// What happens to a server happens to all shards on it.
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
			var shards []shard.Shard
			for _, n := range []string{"a", "b", "c"} {
				s, err := redisstore.New(rdb, &redisstore.Options{Namespace: n})
				if err != nil {
					t.Fatal(err)
				}
				shards = append(shards, shard.Shard{Name: n, Store: s})
			}
			return over(t, shards...)
		},
	})
}

package redisstore_test

import (
	"bytes"
	"context"
	"errors"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/stratacache/strata/backends/redisstore"
	"github.com/stratacache/strata/cache/driver"
	"github.com/stratacache/strata/cache/drivertest"
	"github.com/stratacache/strata/internal/servertest"
)

func TestConformance(t *testing.T) {
	t.Parallel()
	t.Run("miniredis", func(t *testing.T) {
		m := mini(t)
		h := harness(m.addr)
		h.Advance = func(_ testing.TB, d time.Duration) { m.pass(d) }
		h.Serial = true // one clock for all
		drivertest.Run(t, h)
	})
	t.Run("redis", func(t *testing.T) {
		drivertest.Run(t, harness(servertest.SharedRedis(t)))
	})
	t.Run("cluster", func(t *testing.T) {
		drivertest.Run(t, clusterHarness(servertest.SharedRedisCluster(t)))
	})
	t.Run("sentinels", func(t *testing.T) {
		servers := servertest.RedisSentinel(t)
		failover := func(t testing.TB) *redis.Client {
			rdb := redis.NewFailoverClient(&redis.FailoverOptions{MasterName: servers.Name, SentinelAddrs: servers.Addrs, ReadTimeout: 10 * time.Second})
			t.Cleanup(func() { _ = rdb.Close() })
			return rdb
		}
		h := harness("")
		h.Name = "redisstore, sentinels"
		h.Open = func(t testing.TB) driver.Store { return over(t, failover(t), newNamespace()) }
		h.Again = func(t testing.TB, s driver.Store) driver.Store {
			return over(t, failover(t), s.(*redisstore.Store).Namespace())
		}
		drivertest.Run(t, h)
	})
	t.Run("redis, over a socket, all entries as large ones", func(t *testing.T) {
		path := socket(t)
		servertest.Redis(t, "--unixsocket", path)
		h := harness(path)
		asLarge := func(s driver.Store) driver.Store {
			s.(*redisstore.Store).ReadAllAsLarge()
			return s
		}
		h.Name = "redisstore, over a socket"
		open, again := h.Open, h.Again
		h.Open = func(t testing.TB) driver.Store { return asLarge(open(t)) }
		h.Again = func(t testing.TB, s driver.Store) driver.Store { return asLarge(again(t, s)) }
		drivertest.Run(t, h)
	})
}

// harness runs the suite on the server at addr, each store in a namespace of
// its own.
func harness(addr string) drivertest.Harness {
	return drivertest.Harness{
		Name: "redisstore",
		Open: func(t testing.TB) driver.Store { return open(t, addr) },
		Again: func(t testing.TB, s driver.Store) driver.Store {
			return over(t, client(t, addr), s.(*redisstore.Store).Namespace())
		},
		LoseMeta: loseMeta,
		Dead: func(t testing.TB) driver.Store {
			return open(t, "127.0.0.1:1", func(o *redis.Options) { o.MaxRetries, o.DialerRetries = -1, 1 })
		},
		Raw: rawBytes, Plant: plantBytes, Newer: newer,
	}
}

const stampLimit = "the stamp of an explicit Set is a clock from before it was advanced"

// clusterHarness is harness for a cluster.
func clusterHarness(addrs []string) drivertest.Harness {
	return drivertest.Harness{
		Name: "redisstore, cluster",
		Open: func(t testing.TB) driver.Store { return openCluster(t, addrs) },
		Again: func(t testing.TB, s driver.Store) driver.Store {
			return over(t, clusterClient(t, addrs), s.(*redisstore.Store).Namespace())
		},
		LoseMeta: loseMeta,
		Dead: func(t testing.TB) driver.Store {
			return openCluster(t, []string{"127.0.0.1:1"}, func(o *redis.ClusterOptions) { o.MaxRedirects, o.DialerRetries = -1, 1 })
		},
		Raw: rawBytes, Plant: plantBytes, Newer: newer,
		Limits: map[string]string{
			"all that an entry holds comes back": stampLimit,
			"LL-078":                             stampLimit,
		},
	}
}

func loseMeta(t testing.TB, s driver.Store) {
	raw(t, s.(*redisstore.Store), "del", s.(*redisstore.Store).MetaKey())
}

func rawBytes(t testing.TB, s driver.Store, key driver.Key) []byte {
	rs := s.(*redisstore.Store)
	b, err := rs.Client().Get(context.Background(), rs.Prefix()+key.String()).Bytes()
	if err != nil && !errors.Is(err, redis.Nil) {
		t.Fatal(err)
	}
	return b
}

func plantBytes(t testing.TB, s driver.Store, key driver.Key, b []byte) {
	rs := s.(*redisstore.Store)
	if err := rs.Client().Set(context.Background(), rs.Prefix()+key.String(), b, 0).Err(); err != nil {
		t.Fatal(err)
	}
}

// newer makes an envelope one of the next version.
func newer(b []byte) []byte {
	b = bytes.Clone(b)
	b[2]++
	return b
}

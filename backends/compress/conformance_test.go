package compress_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/stratacache/strata/backends/compress"
	"github.com/stratacache/strata/backends/locmem"
	"github.com/stratacache/strata/backends/redisstore"
	"github.com/stratacache/strata/cache/driver"
	"github.com/stratacache/strata/cache/drivertest"
	"github.com/stratacache/strata/internal/servertest"
)

// The suite's payloads are small: all but the first compress them whether it
// saves anything or not.
func TestConformance(t *testing.T) {
	t.Parallel()
	for name, algorithm := range map[string]compress.Algorithm{"defaults": compress.S2, "Zstd": compress.Zstd} {
		t.Run("locmem/"+name, func(t *testing.T) {
			t.Parallel()
			column := ""
			if name == "defaults" {
				column = "compress"
			}
			drivertest.Run(t, drivertest.Harness{
				Name: column,
				Open: func(t testing.TB) driver.Store {
					s := wrap(t, locmem.New(nil), &compress.Options{Algorithm: algorithm})
					if name != "defaults" {
						s.CodeAll()
					}
					return s
				},
				LoseMeta: func(_ testing.TB, s driver.Store) { s.(*compress.Store).Inner().(*locmem.Store).NewEpoch() },
				Bubble:   true,
			})
		})
	}
	t.Run("redis/S2", func(t *testing.T) {
		t.Parallel()
		drivertest.Run(t, overRedis(servertest.SharedRedis(t)))
	})
}

var namespaces atomic.Int64

// onRedis is a wrapped store on a server, and the way around it.
type onRedis struct {
	*compress.Store
	rdb       *redis.Client
	namespace string
}

// overRedis is the harness of wrapped stores on the server at addr.
func overRedis(addr string) drivertest.Harness {
	open := func(t testing.TB, namespace string) driver.Store {
		t.Helper()
		rdb := redis.NewClient(&redis.Options{Addr: addr, ReadTimeout: 10 * time.Second, DialTimeout: 10 * time.Second, PoolTimeout: 10 * time.Second})
		t.Cleanup(func() { _ = rdb.Close() })
		inner, err := redisstore.New(rdb, &redisstore.Options{Namespace: namespace})
		if err != nil {
			t.Fatal(err)
		}
		s := wrap(t, inner, nil)
		s.CodeAll()
		return &onRedis{Store: s, rdb: rdb, namespace: namespace}
	}
	must := func(t testing.TB, err error) {
		t.Helper()
		if err != nil && !errors.Is(err, redis.Nil) {
			t.Fatal(err)
		}
	}
	name := func(s driver.Store, key driver.Key) (*redis.Client, string) {
		r := s.(*onRedis)
		return r.rdb, r.namespace + ":" + key.String()
	}
	return drivertest.Harness{
		Open: func(t testing.TB) driver.Store { return open(t, fmt.Sprint("compress-", namespaces.Add(1))) },
		Again: func(t testing.TB, s driver.Store) driver.Store {
			return open(t, s.(*onRedis).namespace)
		},
		LoseMeta: func(t testing.TB, s driver.Store) {
			r := s.(*onRedis)
			must(t, r.rdb.Del(context.Background(), r.namespace+"!meta").Err())
		},
		Raw: func(t testing.TB, s driver.Store, key driver.Key) []byte {
			rdb, name := name(s, key)
			b, err := rdb.Get(context.Background(), name).Bytes()
			must(t, err)
			return b
		},
		Plant: func(t testing.TB, s driver.Store, key driver.Key, b []byte) {
			rdb, name := name(s, key)
			must(t, rdb.Set(context.Background(), name, b, 0).Err())
		},
		Newer: func(raw []byte) []byte {
			raw[2]++ // the version of the envelope
			return raw
		},
	}
}

package encrypt_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/stratacache/strata/backends/compress"
	"github.com/stratacache/strata/backends/encrypt"
	"github.com/stratacache/strata/backends/locmem"
	"github.com/stratacache/strata/backends/redisstore"
	"github.com/stratacache/strata/cache/driver"
	"github.com/stratacache/strata/cache/drivertest"
	"github.com/stratacache/strata/internal/servertest"
)

const askTheStore = "Touch and the count of a delete ask the store alone, to which an entry that cannot be decrypted is one like any other"

func TestConformance(t *testing.T) {
	t.Parallel()
	t.Run("locmem", func(t *testing.T) {
		t.Parallel()
		drivertest.Run(t, drivertest.Harness{
			Name:     "encrypt",
			Open:     func(t testing.TB) driver.Store { return wrap(t, locmem.New(nil), nil) },
			LoseMeta: func(_ testing.TB, s driver.Store) { s.(*encrypt.Store).Inner().(*locmem.Store).NewEpoch() },
			Bubble:   true,
			Raw: func(t testing.TB, s driver.Store, k driver.Key) []byte {
				e := get(t, s.(*encrypt.Store).Inner(), k, 0).Entry
				if e == nil {
					return nil
				}
				return e.Payload
			},
			Plant: func(t testing.TB, s driver.Store, k driver.Key, raw []byte) {
				put(t, s.(*encrypt.Store).Inner(), k, kind(entry(string(raw)), driver.Coded), driver.Set, 0)
			},
			Newer: func(raw []byte) []byte {
				raw[1]++ // the version
				return raw
			},
			Limits: map[string]string{
				"foreign bytes under a key are a miss that says so, and are replaced":  askTheStore,
				"an entry of a later format is a miss that says so, and is left alone": askTheStore,
			},
		})
	})
	t.Run("compress over encrypt over locmem", func(t *testing.T) {
		t.Parallel()
		under := sync.Map{} // of each store, the one in memory
		drivertest.Run(t, drivertest.Harness{
			Open: func(t testing.TB) driver.Store {
				inner := locmem.New(nil)
				s := compressed(t, wrap(t, inner, nil))
				under.Store(s, inner)
				return s
			},
			LoseMeta: func(_ testing.TB, s driver.Store) {
				inner, _ := under.Load(s)
				inner.(*locmem.Store).NewEpoch()
			},
			Bubble: true,
			Limits: map[string]string{
				"of 16 concurrent moves one moves the entry": "moving an entry decrypts it and encrypts it again, in several steps",
			},
		})
	})
	t.Run("redis", func(t *testing.T) {
		t.Parallel()
		drivertest.Run(t, overRedis(servertest.SharedRedis(t)))
	})
}

func compressed(t testing.TB, s driver.Store) driver.Store {
	t.Helper()
	c, err := compress.New(s, &compress.Options{Threshold: 1})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

var namespaces atomic.Int64

// onRedis is a wrapped store on a server, and the way around it.
type onRedis struct {
	*encrypt.Store
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
		return &onRedis{Store: wrap(t, inner, nil), rdb: rdb, namespace: namespace}
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
		Open: func(t testing.TB) driver.Store { return open(t, fmt.Sprint("encrypt-", namespaces.Add(1))) },
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

package faulttest

import (
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/stratacache/strata/backends/redisstore"
	"github.com/stratacache/strata/cache/driver"
)

// redisAt is a store that keeps all rules, for tests that take one out.
func redisAt(t testing.TB, addr string) driver.Store {
	rdb := redis.NewClient(&redis.Options{
		Addr: addr, DialTimeout: time.Second, ReadTimeout: time.Second, MaxRetries: -1, DialerRetries: 1,
	})
	t.Cleanup(func() { _ = rdb.Close() })
	s, err := redisstore.New(rdb, nil)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

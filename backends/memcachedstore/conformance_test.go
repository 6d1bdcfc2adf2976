package memcachedstore_test

import (
	"testing"

	"github.com/stratacache/strata/backends/memcachedstore"
	"github.com/stratacache/strata/cache/driver"
	"github.com/stratacache/strata/cache/drivertest"
	"github.com/stratacache/strata/internal/servertest"
)

func TestConformance(t *testing.T) {
	t.Parallel()
	// The suite stores more than the mebibyte that is memcached's default limit.
	one, two := servertest.Memcached(t, "-I", "2m"), servertest.Memcached(t, "-I", "2m")
	t.Run("one server", func(t *testing.T) { drivertest.Run(t, harness("memcachedstore", one.Addr)) })
	t.Run("two servers", func(t *testing.T) { drivertest.Run(t, harness("", one.Addr, two.Addr)) })
	t.Run("two servers, together", func(t *testing.T) {
		h := harness("", one.Addr, two.Addr)
		open := h.Open
		h.Open = func(t testing.TB) driver.Store { return open(t).(*memcachedstore.Store).Narrow() }
		drivertest.Run(t, h)
	})
}

// harness runs the suite on servers, each store in a namespace of its own.
func harness(name string, servers ...string) drivertest.Harness {
	fail := func(t testing.TB, err error) {
		if err != nil {
			t.Fatal(err)
		}
	}
	return drivertest.Harness{
		Name:    name,
		Largest: 2 << 20,
		Open:    func(t testing.TB) driver.Store { return open(t, servers...) },
		Again: func(t testing.TB, s driver.Store) driver.Store {
			return over(t, s.(*memcachedstore.Store).Namespace(), servers...)
		},
		LoseMeta: func(t testing.TB, s driver.Store) {
			ms := s.(*memcachedstore.Store)
			fail(t, ms.Lose(t.Context(), ms.ClockName()))
		},
		Dead: func(t testing.TB) driver.Store { return open(t, "127.0.0.1:1") },
		Raw: func(t testing.TB, s driver.Store, key driver.Key) []byte {
			ms := s.(*memcachedstore.Store)
			b, err := ms.Raw(t.Context(), ms.Name(key))
			fail(t, err)
			return b
		},
		Plant: func(t testing.TB, s driver.Store, key driver.Key, b []byte) {
			ms := s.(*memcachedstore.Store)
			fail(t, ms.Plant(t.Context(), ms.Name(key), b))
		},
		Newer: func(raw []byte) []byte { raw[2]++; return raw },
	}
}

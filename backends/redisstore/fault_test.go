package redisstore_test

import (
	"testing"

	"github.com/stratacache/strata/backends/redisstore"
	"github.com/stratacache/strata/cache/driver"
	"github.com/stratacache/strata/internal/faulttest"
	"github.com/stratacache/strata/internal/servertest"
)

func TestFaults(t *testing.T) {
	t.Parallel()
	faulttest.Run(t, faulttest.Harness{
		Start: func(t testing.TB) *servertest.Server { return servertest.Redis(t) },
		Open: func(t testing.TB, addr string) driver.Store {
			s, err := redisstore.Open("redis://" + addr)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { closeStore(t, s) })
			return s
		},
	})
}

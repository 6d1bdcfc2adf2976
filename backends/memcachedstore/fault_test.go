package memcachedstore_test

import (
	"context"
	"net"
	"testing"
	"time"

	"github.com/stratacache/strata/backends/memcachedstore"
	"github.com/stratacache/strata/cache/driver"
	"github.com/stratacache/strata/internal/faulttest"
	"github.com/stratacache/strata/internal/servertest"
)

func TestFaults(t *testing.T) {
	t.Parallel()
	faulttest.Run(t, faulttest.Harness{
		Start: func(t testing.TB) *servertest.Server { return servertest.Memcached(t) },
		Open: func(t testing.TB, addr string) driver.Store {
			// The name of the server is a part of the keys: a proxy is called as it is.
			return with(t, &memcachedstore.Options{
				Timeout: 2 * time.Second,
				DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
					return new(net.Dialer).DialContext(ctx, network, addr)
				},
			}, "memcached")
		},
	})
}

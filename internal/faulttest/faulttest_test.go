package faulttest

import (
	"context"
	"testing"

	"github.com/redis/go-redis/v9/logging"
	"go.uber.org/goleak"

	"github.com/stratacache/strata/cache/driver"
	"github.com/stratacache/strata/internal/servertest"
)

func TestMain(m *testing.M) {
	logging.Disable()
	goleak.VerifyTestMain(servertest.Main(m))
}

// unfenced stores what a load brought whatever happened meanwhile.
type unfenced struct{ driver.Store }

func (s unfenced) Put(ctx context.Context, key driver.Key, e *driver.Entry, mode driver.Mode, token driver.Token) (driver.Result, error) {
	if mode == driver.Fill {
		mode = driver.Set
	}
	return s.Store.Put(ctx, key, e, mode, token)
}

// The test can fail: without fences, old versions are seen.
func TestKilledFindsAStoreWithoutFences(t *testing.T) {
	t.Parallel()
	server := servertest.Redis(t)
	if d := kill(t, server, unfenced{redisAt(t, server.Addr)}); len(d.wrong) == 0 {
		t.Error("nothing wrong was found in a store that has no fences")
	}
}

// So can the one with the slow line.
func TestReorderedFindsAStoreWithoutFences(t *testing.T) {
	t.Parallel()
	server := servertest.Redis(t)
	proxy := servertest.Proxy(t, server.Addr)
	if d := reorder(t, proxy, 400, unfenced{redisAt(t, proxy.Addr)}); len(d.wrong) == 0 {
		t.Error("nothing wrong was found in a store that has no fences")
	}
}

package faulttest

import (
	"context"
	"testing"
	"time"

	"github.com/stratacache/strata/cache/driver"
	"github.com/stratacache/strata/internal/servertest"
)

// testReordered: between any two messages of a call, those of others may pass.
// It is for stores whose steps take more than one.
func testReordered(t *testing.T, h Harness) {
	server := h.Start(t)
	proxy := servertest.Proxy(t, server.Addr)
	reorder(t, proxy, 400, h.Open(t, proxy.Addr), h.Open(t, proxy.Addr)).judge(t)
}

// reorder has stores at work over a proxy that delays, until so many
// invalidations are done.
func reorder(t testing.TB, proxy *servertest.ProxyServer, acks int64, stores ...driver.Store) *database {
	t.Helper()
	d := new(database)
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	for _, s := range stores { // before the delays: a store may ask much at first
		if _, err := s.Get(ctx, keyOf("first"), 0); err != nil {
			t.Fatal(err)
		}
	}
	proxy.Delay(2 * time.Millisecond)
	work := d.load(ctx, stores...)
	until(t, "work over a slow line", func() bool { return d.acks.Load() > acks && d.fills.Load() > acks/4 })
	stop()
	work.Wait()
	return d
}

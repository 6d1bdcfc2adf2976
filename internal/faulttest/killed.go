package faulttest

import (
	"context"
	"testing"
	"time"

	"github.com/stratacache/strata/cache/driver"
	"github.com/stratacache/strata/internal/servertest"
)

// kills is how often the server dies.
const kills = 4

// testKilled: whatever a server that was killed remembers when it comes back, no
// reading shows what was invalidated before it began. Calls fail while it is
// down, and are served again without anybody's help.
func testKilled(t *testing.T, h Harness) {
	server := h.Start(t)
	kill(t, server, h.Open(t, server.Addr), h.Open(t, server.Addr)).judge(t)
}

// kill kills and restarts the server while stores are at work.
func kill(t testing.TB, server *servertest.Server, stores ...driver.Store) *database {
	t.Helper()
	d := new(database)
	ctx, stop := context.WithCancel(context.Background())
	work := d.load(ctx, stores...)
	defer work.Wait()
	defer stop()

	// busy waits until all kinds of work are done again.
	busy := func(what string) time.Duration {
		reads, fills, acks := d.reads.Load(), d.fills.Load(), d.acks.Load()
		return until(t, what, func() bool {
			return d.reads.Load() > reads+300 && d.fills.Load() > fills+50 && d.acks.Load() > acks+30
		})
	}
	busy("work at first")
	for range kills {
		server.Kill()
		outages := d.outages.Load()
		until(t, "an error while the server is down", func() bool { return d.outages.Load() > outages+5 })
		server.Restart()
		served := d.reads.Load() + d.acks.Load()
		again := until(t, "service after the restart", func() bool { return d.reads.Load()+d.acks.Load() > served })
		t.Logf("served again %v after the restart", again.Round(time.Millisecond))
		busy("work after the restart")
	}
	return d
}

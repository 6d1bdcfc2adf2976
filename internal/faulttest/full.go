package faulttest

import (
	"context"
	"crypto/rand"
	"fmt"
	"testing"
	"time"

	"github.com/stratacache/strata/cache/driver"
)

const (
	// room is what a server has on its disk beyond what it took at first, and block the
	// size of the values that use it up, its log included.
	room  = 24 << 20
	block = 256 << 10
)

// testFull: while a server has no room on its disk, and after it has ended for want of
// it, no reading shows what was invalidated before it began, and with room again
// it serves.
func testFull(t *testing.T, h Harness) {
	server := h.Start(t)
	server.OwnDisk(room)
	stores := []driver.Store{h.Open(t, server.Addr), h.Open(t, server.Addr)}
	d := new(database)
	ctx, stop := context.WithCancel(context.Background())
	work := d.load(ctx, stores...)
	defer work.Wait()
	defer stop()

	served := func(what string) {
		reads, acks := d.reads.Load(), d.acks.Load()
		until(t, what, func() bool {
			if server.Ended() { // as PostgreSQL does if it has no room for its log
				server.Restart()
			}
			return d.reads.Load() > reads+100 && d.acks.Load() > acks+10
		})
	}
	served("work at first")
	server.FillDisk()
	var refused error
	until(t, "an error for want of room", func() bool {
		refused = large(ctx, stores[0])
		return refused != nil
	})
	t.Logf("the disk is full: %v", refused)
	if h.WriteLog != nil {
		until(t, "an error for want of room for the log", func() bool {
			refused = h.WriteLog(ctx, server.Addr)
			return refused != nil
		})
		t.Logf("so is the log: %v", refused)
		outages := d.outages.Load()
		until(t, "errors meanwhile", func() bool { return d.outages.Load() > outages+20 })
	}
	server.FreeDisk()
	served("work with room again")
	until(t, "a large value", func() bool { return large(ctx, stores[1]) == nil })
	d.judge(t)
}

// large sets a value that nothing makes smaller.
func large(ctx context.Context, s driver.Store) error {
	payload := make([]byte, block)
	_, _ = rand.Read(payload)
	call, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	k := keyOf(fmt.Sprintf("large-%x", payload[:8]))
	_, err := s.Put(call, k, &driver.Entry{Payload: payload, Life: long()}, driver.Set, 0)
	return err
}

package sqlstore

import (
	"context"
	"sync/atomic"
)

// turn is a lock that is waited for as long as a context lasts. Like sync.Mutex,
// and unlike a channel, it is not handed to who waits: who runs may have it again,
// so that short uses of it do not take a change of goroutines each.
type turn struct {
	held  atomic.Bool
	woken atomic.Bool // somebody who waits has been told, and has not tried yet
	free  chan struct{}
}

func newTurn() *turn { return &turn{free: make(chan struct{}, 1)} }

func (t *turn) take(ctx context.Context) error {
	for !t.held.CompareAndSwap(false, true) {
		select {
		case <-t.free:
			t.woken.Store(false)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

func (t *turn) give() {
	t.held.Store(false)
	if t.woken.CompareAndSwap(false, true) {
		t.free <- struct{}{} // there is room: what was there has been taken
	}
}

package cache

import (
	"context"
	"time"

	"github.com/stratacache/strata/cache/driver"
)

// follow reads the store's log for the near tiers, from the first time one is
// asked until the client closes.
func (e *engine) follow(log driver.LogReader) {
	defer e.followers.Done()
	// Each reading verifies the near tiers from when it was asked for. Two that
	// take as long as they may still follow each other within the bound.
	wait := e.opts.Staleness / 4
	var after driver.Stamp
	for e.stopped.Err() == nil {
		sent := time.Now()
		r, err := readLog(e.stopped, log, after, wait)
		switch {
		case err != nil:
			pause(e.stopped, wait)
		case e.node.apply(sent, &r):
			if !r.Complete && after != (driver.Stamp{}) {
				e.event(e.stopped, EventInfo{Event: LogGap})
			}
			after = r.Clock
		default: // begin anew, once a request is later than what made it doubtful
			after = driver.Stamp{}
			pause(e.stopped, time.Millisecond)
		}
	}
}

func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

// readLog has a deadline of its own: a connection that hangs verifies nothing.
func readLog(ctx context.Context, log driver.LogReader, after driver.Stamp, wait time.Duration) (driver.LogReading, error) {
	ctx, cancel := context.WithTimeout(ctx, 2*wait)
	defer cancel()
	return log.ReadLog(ctx, after, wait)
}

// followed starts to follow the log, if the store has one.
func (e *engine) followed() {
	if e.node.logged {
		e.startFollowing.Do(func() {
			e.flights.mu.Lock()
			defer e.flights.mu.Unlock()
			if e.closed.Load() {
				return
			}
			e.followers.Add(1)
			go e.follow(e.log)
		})
	}
}

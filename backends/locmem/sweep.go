package locmem

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/stratacache/strata/cache/driver"
)

const (
	// sweepPause is the shortest time between two sweeps, and how late one may be:
	// enough to gather what ends together, little enough for nobody to notice.
	sweepPause = time.Second
	// sweepBatch is how much is dropped at once under a shard's lock.
	sweepBatch = 256
)

// A sweeper runs a function soon after things end. Between runs it is a timer
// and no goroutine, and without anything that ends not even that.
type sweeper struct {
	run func() (next int64) // drops what has ended, says when the next thing ends

	// at is when the timer fires, Forever if it is not set.
	at atomic.Int64

	mu      sync.Mutex
	timer   *time.Timer
	done    chan struct{} // closed when the run that is under way or set has ended
	running bool
	early   int64 // the earliest end that came up during a run
	closed  bool
}

func newSweeper(run func() int64) *sweeper {
	s := &sweeper{run: run}
	s.at.Store(driver.Forever)
	return s
}

// ends tells that something ends at end.
func (s *sweeper) ends(end, now int64) {
	if end == driver.Forever || end >= s.at.Load()-int64(sweepPause) {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.set(end, now)
}

// set arms the timer for end, or an earlier one stays. The caller holds mu.
func (s *sweeper) set(end, now int64) {
	switch {
	case s.closed || end == driver.Forever:
		return
	case s.running:
		s.early = min(s.early, end)
		return
	}
	at := max(end, now+int64(sweepPause))
	if at >= s.at.Load() {
		return
	}
	wait := time.Duration(at - now)
	switch {
	case s.at.Load() == driver.Forever:
		s.done = make(chan struct{})
		s.timer = time.AfterFunc(wait, s.fire)
	case s.timer.Stop():
		s.timer.Reset(wait)
	default:
		return // it fires just now, and will look again
	}
	s.at.Store(at)
}

func (s *sweeper) fire() {
	s.mu.Lock()
	done := s.done
	defer close(done)
	if s.closed {
		s.mu.Unlock()
		return
	}
	s.running, s.early = true, driver.Forever
	s.at.Store(driver.Forever) // so that everything that comes up now is told
	s.mu.Unlock()

	next := s.run()

	s.mu.Lock()
	defer s.mu.Unlock()
	s.running = false
	s.set(min(next, s.early), time.Now().UnixNano())
}

// close stops the timer, and waits for a run under way until ctx ends.
func (s *sweeper) close(ctx context.Context) error {
	s.mu.Lock()
	first := !s.closed
	s.closed = true
	pending := s.running || s.at.Load() != driver.Forever
	if first && pending && !s.running && s.timer.Stop() {
		close(s.done)
	}
	done := s.done
	s.mu.Unlock()
	if !pending {
		return nil
	}
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

package sqlstore

import (
	"context"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/stratacache/strata/cache/driver"
)

const (
	// sweepBatch is how many rows one statement removes.
	sweepBatch = 500
	// sweepTime is how long one sweep may take.
	sweepTime = time.Minute
	// maxTags bounds the stamps of a namespace; above it, it begins anew, empty.
	maxTags = 1_000_000
	// measureShare is how much of the namespace must have been written anew before
	// it is measured again, which reads all of it: an eighth.
	measureShare = 8
	// sweeping is what a sweep says that it does.
	sweeping = "sweep"
)

// sweeper removes in the background what is over, and what is too much. It is
// woken by writes; between them there is no goroutine.
type sweeper struct {
	ctx     context.Context
	cancel  context.CancelFunc
	wg      sync.WaitGroup
	writes  atomic.Int64
	next    atomic.Int64 // at how many writes
	running atomic.Bool

	mu    sync.Mutex
	ended bool // by Close: nothing begins any more

	invalid  atomic.Bool  // there may be entries of no epoch, or older than a Clear
	rows     atomic.Int64 // of the larger table, when it was last measured
	measured atomic.Int64 // at how many writes; 0: never
}

// after is about so many writes later, not the same for all processes.
func (w *sweeper) after(every int) int64 {
	return w.writes.Load() + int64(every)/2 + rand.Int64N(int64(every)+1)
}

// end ends a sweep, and returns a channel that is closed when it has ended.
func (w *sweeper) end() <-chan struct{} {
	w.mu.Lock()
	w.ended = true
	w.mu.Unlock()
	w.cancel()
	done := make(chan struct{})
	go func() {
		w.wg.Wait()
		close(done)
	}()
	return done
}

// begin starts what Close ends, by ctx, and waits for; after Close nothing.
func (w *sweeper) begin(f func()) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.ended {
		w.wg.Go(f)
	}
	return !w.ended
}

// wrote counts writes, and begins a sweep when there were enough of them.
func (s *Store) wrote(n int) {
	w := &s.sweeper
	if w.writes.Add(int64(n)) < w.next.Load() || n == 0 || w.running.Swap(true) {
		return
	}
	w.next.Store(w.after(s.opts.SweepEvery))
	w.begin(func() {
		defer w.running.Store(false)
		ctx, cancel := context.WithTimeout(w.ctx, sweepTime)
		defer cancel()
		_ = s.sweep(ctx, false) // whoever writes next meets the same outage
	})
}

// Sweep removes what has ended or is invalid, and then, if the namespace is
// larger than it may be, what ends soonest. The store does so by itself after
// enough writes; Sweep is for a schedule of one's own.
func (s *Store) Sweep(ctx context.Context) error { return s.sweep(ctx, true) }

func (s *Store) sweep(ctx context.Context, all bool) error {
	if err := s.remove(ctx, "expired", nil); err != nil {
		return err
	}
	if s.KeepsLog() {
		if err := s.remove(ctx, "oldlog", nil); err != nil {
			return err
		}
	}
	w := &s.sweeper
	if w.invalid.Swap(false) || all {
		for _, what := range []string{"invalid", "oldtags"} {
			if err := s.remove(ctx, what, nil); err != nil {
				w.invalid.Store(true)
				return err
			}
		}
	}
	since := w.writes.Load() - w.measured.Load()
	if !all && w.measured.Load() != 0 && since < w.rows.Load()/measureShare {
		return nil
	}
	w.measured.Store(max(w.writes.Load(), 1))
	if err := s.boundTags(ctx); err != nil {
		return err
	}
	return s.shrink(ctx)
}

// boundTags clears the namespace if there are too many tags.
func (s *Store) boundTags(ctx context.Context) error {
	var tags int64
	err := s.run(ctx, sweeping, func(c session) error {
		_, err := c.one(ctx, "tags", new(params), &tags)
		return err
	})
	s.sweeper.rows.Store(tags) // until the entries are counted
	if err == nil && tags > s.maxTags {
		_, err = s.Invalidate(ctx, driver.Invalidation{Tags: []string{driver.TagAll}})
	}
	return err
}

// shrink measures the namespace, and removes what is too much.
func (s *Store) shrink(ctx context.Context) error {
	if s.opts.MaxEntries == 0 && s.opts.MaxBytes == 0 {
		return nil
	}
	var rows, bytes int64
	err := s.run(ctx, sweeping, func(c session) error {
		_, err := c.one(ctx, "measure", new(params), &rows, &bytes)
		return err
	})
	if err != nil {
		return err
	}
	s.sweeper.rows.Store(max(rows, s.sweeper.rows.Load()))
	var over int64
	if limit := int64(s.opts.MaxEntries); limit > 0 {
		over = rows - limit
	}
	if limit := s.opts.MaxBytes; limit > 0 && bytes > limit {
		over = max(over, (bytes-limit)*rows/bytes+1)
	}
	if over <= 0 {
		return nil
	}
	return s.remove(ctx, "oldest", &over)
}

// remove runs a statement of removal, in batches, until there is no more, or at
// most rows are gone.
func (s *Store) remove(ctx context.Context, name string, most *int64) error {
	for {
		p := &params{limit: sweepBatch}
		if most != nil {
			p.limit = int(min(*most, sweepBatch))
		}
		var n int64
		err := s.run(ctx, sweeping, func(c session) error {
			result, err := c.exec(ctx, name, p)
			if err == nil {
				n, err = result.RowsAffected()
			}
			return err
		})
		if err != nil {
			return err
		}
		if most != nil {
			*most -= n
		}
		if n < int64(p.limit) || most != nil && *most <= 0 {
			return nil
		}
	}
}

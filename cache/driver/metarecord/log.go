package metarecord

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/stratacache/strata/cache/driver"
)

const (
	// logSize is how many changes a log reaches back.
	logSize = 8192
	// maxKeys bounds what is told of one change.
	maxKeys = 1000
	// logRest is the least time between a reading that found something, and the
	// next one: what happens in a storm is read together.
	logRest = time.Millisecond
)

// changes are the log of a Record. There is one only while somebody reads it: it
// ends when nobody has for as long as it reaches back.
type changes struct {
	mu    sync.Mutex
	slots []slot        // number n is in slot n modulo logSize
	first uint64        // all that came after it are noted
	read  uint64        // up to where somebody has read
	found time.Time     // when something was
	woken chan struct{} // closed by the next change; nil: nobody waits
	ended bool
}

// slot is a change, which most of the time is of one key.
type slot struct {
	n      uint64
	key    driver.Key
	others *driver.Change // in place of key
	lost   bool           // it was too much to tell
}

// note adds a change to the log, if there is one. Who has advanced the clock does
// so at once, so that a reader need never wait for it for long.
func (r *Record) note(n uint64, keys []driver.Key, tags []string) {
	l := r.log.Load()
	if l == nil {
		return // a log that begins now begins after n
	}
	s := slot{n: n}
	switch {
	case len(keys) == 1 && len(tags) == 0:
		s.key = keys[0]
	case len(keys)+len(tags) > maxKeys:
		s.lost = true
	default:
		s.others = &driver.Change{N: n, Tags: slices.Clone(tags)}
		for _, k := range keys {
			s.others.Keys = append(s.others.Keys, k.String())
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ended {
		return // and the next one begins after n
	}
	if at := &l.slots[n%logSize]; at.n < n {
		*at = s
	}
	if n > l.read+logSize {
		r.end(l)
	}
	l.wake()
}

func (l *changes) wake() {
	if l.woken != nil {
		close(l.woken)
		l.woken = nil
	}
}

// end ends a log that is locked.
func (r *Record) end(l *changes) {
	r.log.CompareAndSwap(l, nil)
	l.ended, l.slots = true, nil
}

// begin returns the log, which exists from then on.
func (r *Record) begin() *changes {
	for {
		if l := r.log.Load(); l != nil {
			return l
		}
		l := &changes{slots: make([]slot, logSize)}
		l.mu.Lock()
		began := r.log.CompareAndSwap(nil, l)
		if began {
			// Whoever did not see the log had advanced before it was there.
			l.first = r.n.Load()
			l.read = l.first
		}
		l.mu.Unlock()
		if began {
			return l
		}
	}
}

// since returns what was noted from after to clock. It is not complete if some of
// it is lost, and pending while somebody who has advanced has not noted it yet.
// woken is closed when there is more.
func (l *changes) since(after, clock uint64) (found []slot, complete, pending bool, woken <-chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ended || after < l.first || after > clock || clock-after > logSize {
		return nil, false, false, nil
	}
	for n := after + 1; n <= clock && !pending; n++ {
		s := l.slots[n%logSize]
		if s.lost || s.n > n {
			return nil, false, false, nil
		}
		pending = s.n < n
		found = append(found, s)
	}
	if l.woken == nil {
		l.woken = make(chan struct{})
	}
	if !pending && len(found) > 0 {
		l.read, l.found = max(l.read, clock), time.Now()
	}
	return found, true, pending, l.woken
}

// rest is how long the next reading had better wait.
func (l *changes) rest() time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	return logRest - time.Since(l.found)
}

// Retire tells who reads the log that the Record is not current any more.
func (r *Record) Retire() {
	if l := r.log.Load(); l != nil {
		l.mu.Lock()
		defer l.mu.Unlock()
		if !l.ended {
			r.end(l)
		}
		l.wake()
	}
}

// ReadLog is the driver.LogReader of a store: current returns the Record that
// guards its entries now. The first reading begins the log.
func ReadLog(ctx context.Context, current func() *Record, after driver.Stamp, wait time.Duration) (driver.LogReading, error) {
	over := time.NewTimer(max(wait, 0))
	defer over.Stop()
	if d := current().begin().rest(); wait > 0 && d > 0 {
		pause(ctx, min(d, wait/2))
	}
	for ended := wait <= 0; ; {
		r := current()
		l := r.begin()
		clock := r.Stamp()
		if after.Epoch != clock.Epoch {
			return driver.LogReading{Clock: clock}, ctx.Err()
		}
		found, complete, pending, woken := l.since(after.N, clock.N)
		switch {
		case !complete:
			return driver.LogReading{Clock: clock}, ctx.Err()
		case current() != r:
			continue // nobody may wake us any more
		case !pending && (len(found) > 0 || ended):
			return driver.LogReading{Clock: clock, Changes: told(found), Complete: true}, ctx.Err()
		}
		select {
		case <-woken:
		case <-over.C:
			ended = true
		case <-ctx.Done():
			return driver.LogReading{}, ctx.Err()
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

// told are the changes of slots.
func told(found []slot) []driver.Change {
	out := make([]driver.Change, len(found))
	for i, s := range found {
		if s.others != nil {
			out[i] = *s.others
		} else {
			out[i] = driver.Change{N: s.n, Keys: []string{s.key.String()}}
		}
	}
	return out
}

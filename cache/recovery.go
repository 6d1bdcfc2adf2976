package cache

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/stratacache/strata/cache/driver"
)

// recovery remembers which keys and tags the store has not acknowledged the
// invalidation of, each once. What they concern counts as invalidated here,
// whatever the store says, until it has taken them.
type recovery struct {
	most int          // 0: nothing is remembered
	owed atomic.Int64 // len(names), for those who only ask whether there are any

	mu    sync.RWMutex
	names map[debt]uint64 // and when each was last asked for, as a number
	count int             // of names, without twins
	order []debt          // the longest owed first; some may have been paid
	seq   uint64
	on    bool // somebody pays

	closed bool
	stop   context.CancelFunc
	done   sync.WaitGroup
	// answers says that the store has answered somebody.
	answers chan struct{}
}

// debt is a key, or a tag.
type debt struct {
	key   driver.Key
	tag   string
	isTag bool
}

// counts is what d counts for: the twin of a tag goes with the tag.
func (d debt) counts() int {
	if d.isTag && strings.HasPrefix(d.tag, driver.Twin("")) {
		return 0
	}
	return 1
}

// all is the Clear that an overflow comes to.
var all = debt{tag: driver.TagAll, isTag: true}

const (
	maxReplay   = 500 // names in one step
	firstReplay = 50 * time.Millisecond
	lastReplay  = 5 * time.Second
	replayTime  = 5 * time.Second // for one step, if the store has no shorter one
)

// undelivered reports whether err leaves open that an invalidation has happened.
func undelivered(err error) bool {
	return err != nil && !errors.Is(err, errors.ErrUnsupported) && (!answered(err) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded))
}

// mark is a position: what is owed up to it is paid by a step that begins now.
func (r *recovery) mark() uint64 {
	if r.owed.Load() == 0 {
		return 0
	}
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.seq
}

// add remembers names, and reports how many are new, and how many were given up
// for one Clear.
func (r *recovery) add(keys []driver.Key, tags []string) (added, dropped int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.names == nil {
		r.names = make(map[debt]uint64)
	}
	r.seq++
	owe := func(d debt) {
		if _, ok := r.names[all]; ok {
			d = all
		}
		if _, known := r.names[d]; !known {
			r.order = append(r.order, d)
			r.count += d.counts()
			added += d.counts()
		}
		r.names[d] = r.seq
	}
	for _, t := range tags {
		owe(debt{tag: t, isTag: true})
	}
	for _, k := range keys {
		owe(debt{key: k})
	}
	if r.count > r.most {
		dropped, added = r.count, 0
		clear(r.names)
		r.names[all], r.order, r.count = r.seq, []debt{all}, 1
	}
	r.owed.Store(int64(len(r.names)))
	return added, dropped
}

// pay forgets names that the store has taken in a step that began at mark, and
// reports how many were owed.
func (r *recovery) pay(mark uint64, keys []driver.Key, tags []string) int {
	if r.owed.Load() == 0 {
		return 0
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	paid := 0
	forget := func(d debt) {
		if at, ok := r.names[d]; ok && at <= mark {
			delete(r.names, d)
			r.count -= d.counts()
			paid += d.counts()
		}
	}
	for _, t := range tags {
		if t == driver.TagAll {
			for d := range r.names {
				forget(d)
			}
		}
		forget(debt{tag: t, isTag: true})
	}
	for _, k := range keys {
		forget(debt{key: k})
	}
	if len(r.names) == 0 {
		r.order = nil
	}
	r.owed.Store(int64(len(r.names)))
	return paid
}

// next takes the first n names that are owed out of the order. Without any,
// nobody pays any more.
func (r *recovery) next(n int) (what driver.Invalidation, mark uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for len(r.order) > 0 && len(what.Keys)+len(what.Tags) < n {
		d := r.order[0]
		r.order = r.order[1:]
		if _, ok := r.names[d]; !ok {
			continue
		}
		if d.isTag {
			what.Tags = append(what.Tags, d.tag)
		} else {
			what.Keys = append(what.Keys, d.key)
		}
	}
	r.on = len(what.Keys)+len(what.Tags) > 0
	return what, r.seq
}

// putBack puts what is still owed behind the others, so that a name that the
// store never takes holds up none of them.
func (r *recovery) putBack(what driver.Invalidation) {
	r.mu.Lock()
	defer r.mu.Unlock()
	back := func(d debt) {
		if _, ok := r.names[d]; ok {
			r.order = append(r.order, d)
		}
	}
	for _, t := range what.Tags {
		back(debt{tag: t, isTag: true})
	}
	for _, k := range what.Keys {
		back(debt{key: k})
	}
}

// holds reports whether an invalidation is owed that concerns the key, or an
// entry with these tags.
func (r *recovery) holds(key driver.Key, tags []string) bool {
	if r.owed.Load() == 0 {
		return false
	}
	r.mu.RLock()
	defer r.mu.RUnlock()
	owes := func(d debt) bool { _, ok := r.names[d]; return ok }
	if owes(all) || owes(debt{key: key}) {
		return true
	}
	for _, t := range tags {
		if owes(debt{tag: t, isTag: true}) {
			return true
		}
	}
	return false
}

// concerning is what is owed that may concern the key: it, and every tag.
func (r *recovery) concerning(key driver.Key) (what driver.Invalidation) {
	if r.owed.Load() == 0 {
		return what
	}
	r.mu.RLock()
	defer r.mu.RUnlock()
	for d := range r.names {
		switch {
		case d.isTag:
			what.Tags = append(what.Tags, d.tag)
		case d.key == key:
			what.Keys = append(what.Keys, d.key)
		}
	}
	return what
}

// left says what is owed.
func (r *recovery) left() (keys, tags int) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	for d := range r.names {
		if d.isTag {
			tags += d.counts()
		} else {
			keys++
		}
	}
	return keys, tags
}

// owe remembers what the store has not acknowledged, and has it sent again.
func (e *engine) owe(ctx context.Context, keys []driver.Key, tags []string) {
	r := &e.recovery
	if r.most == 0 {
		return
	}
	added, dropped := r.add(keys, tags)
	r.mu.Lock()
	if !r.on && !r.closed {
		r.on = true
		own, stop := context.WithCancel(e.stopped)
		r.stop = stop
		r.done.Go(func() {
			defer stop()
			e.recover(own)
		})
	}
	r.mu.Unlock()
	if added > 0 {
		e.event(ctx, EventInfo{Event: Queued, Names: added})
	}
	if dropped > 0 {
		e.event(ctx, EventInfo{Event: Overflowed, Names: dropped})
	}
}

// paid takes in that the store has taken an invalidation, or has had what stood
// under a key replaced, in a step that began at mark.
func (e *engine) paid(ctx context.Context, mark uint64, keys []driver.Key, tags []string) {
	if n := e.recovery.pay(mark, keys, tags); n > 0 {
		e.event(ctx, EventInfo{Event: Replayed, Names: n})
	}
}

// settle sends what is owed and may concern a key, before a step whose outcome
// depends on what stands there.
func (e *engine) settle(ctx context.Context, key driver.Key) error {
	what := e.recovery.concerning(key)
	if len(what.Keys)+len(what.Tags) == 0 {
		return nil
	}
	_, err := e.invalidate(ctx, what.Keys, what.Tags)
	return err
}

// recover sends what is owed until nothing is, or ctx ends. The first try is
// soon, because most outages are short.
func (e *engine) recover(ctx context.Context) {
	size, wait := maxReplay, firstReplay
	for e.rest(ctx, wait) {
		for {
			sent, err := e.replay(ctx, size)
			if !sent {
				return
			}
			if err != nil {
				size, wait = max(size/2, 1), min(2*wait, lastReplay)
				break
			}
			size, wait = min(2*size, maxReplay), firstReplay
		}
	}
}

// rest waits, less long if the store has answered somebody. It reports whether ctx goes on.
func (e *engine) rest(ctx context.Context, wait time.Duration) bool {
	pause(ctx, e.around(firstReplay))
	t := time.NewTimer(wait - firstReplay + 1)
	defer t.Stop()
	select {
	case <-t.C:
	case <-e.recovery.answers:
	case <-ctx.Done():
	}
	return ctx.Err() == nil
}

// owes reports whether an invalidation is owed that concerns the key, or the entry
// that the store has answered with. Since it answers, what is owed is sent soon.
func (e *engine) owes(key driver.Key, entry *driver.Entry) bool {
	if e.recovery.owed.Load() == 0 {
		return false
	}
	select {
	case e.recovery.answers <- struct{}{}:
	default:
	}
	var tags []string
	if entry != nil {
		tags = entry.Tags
	}
	return e.recovery.holds(key, tags)
}

// replay sends the first names that are owed, and reports whether there were any.
func (e *engine) replay(ctx context.Context, size int) (bool, error) {
	what, mark := e.recovery.next(size)
	if len(what.Keys)+len(what.Tags) == 0 {
		return false, nil
	}
	ctx, cancel := context.WithTimeout(ctx, replayTime)
	defer cancel()
	sent := time.Now()
	r, err := e.store.Invalidate(ctx, what)
	if err != nil {
		e.recovery.putBack(what)
		return true, err
	}
	e.wrote(sent, r.Clock, nil, what.Tags, what.Keys...)
	e.paid(ctx, mark, what.Keys, what.Tags)
	e.recovery.putBack(what) // what was asked for again meanwhile
	return true, nil
}

// drain ends the trying in the background, and tries until nothing is owed or
// ctx ends: once, if it cannot.
func (e *engine) drain(ctx context.Context) error {
	r := &e.recovery
	r.mu.Lock()
	r.closed = true
	if r.stop != nil {
		r.stop()
	}
	r.mu.Unlock()
	r.done.Wait()
	size, wait := maxReplay, firstReplay
	var outage error
	for {
		sent, err := e.replay(ctx, size)
		switch {
		case !sent:
			return nil
		case err == nil:
			size, wait = min(2*size, maxReplay), firstReplay
			continue
		case outage == nil || ctx.Err() == nil:
			outage = err
		}
		if ctx.Done() == nil || ctx.Err() != nil || errors.Is(err, ErrClosed) {
			keys, tags := r.left()
			return fmt.Errorf("%w: %d keys and %d tags: %w", ErrUndelivered, keys, tags, outage)
		}
		size, wait = max(size/2, 1), min(2*wait, lastReplay)
		pause(ctx, wait)
	}
}

package cache

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/stratacache/strata/cache/driver"
)

// ErrNotModified is what a loader returns when the value that [Previous] gave it
// still holds: the entry gets a new lifetime, and its value is not written anew.
// Without a previous value it is an error like any other.
var ErrNotModified = errors.New("strata: not modified")

// Load lets a loader change how its result is stored, by what it learns on the
// way. Its methods win over the options of the call, but NoStore. It is safe for concurrent
// use until the loader returns.
type Load struct {
	mu       sync.Mutex
	ttl      time.Duration
	hasTTL   bool
	most     time.Duration
	hasMost  bool
	tags     []string
	previous any
	alone    bool // for one caller
}

// Loading returns the load that ctx was given to, or nil in any other context.
// All methods of a nil *Load do nothing.
func Loading(ctx context.Context) *Load {
	if m := markOf(ctx); m != nil {
		return m.load
	}
	return nil
}

// Shared reports whether others than the caller may be given the result: not in
// a context of [WithAccess].
func (l *Load) Shared() bool { return l != nil && !l.alone }

// SetTTL gives the result this lifetime. With one of 0 or less, such as [Never],
// it is not stored.
func (l *Load) SetTTL(d time.Duration) {
	if l == nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ttl, l.hasTTL = d, true
}

// LimitTTL lets the result live no longer than d, whatever TTL it is given: it
// ends with what it was made from. The least of several counts.
func (l *Load) LimitTTL(d time.Duration) {
	if l == nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.hasMost || d < l.most {
		l.most, l.hasMost = d, true
	}
}

// notFresh: something stale was read for the result. It is not stored, or it would
// be old for as long as it lives.
func (l *Load) notFresh() { l.LimitTTL(Never) }

// TTL returns the lifetime that the result of a call with this TTL has by now.
func (l *Load) TTL(ttl time.Duration) time.Duration {
	if l == nil {
		return ttl
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.hasTTL {
		ttl = l.ttl
	}
	if l.hasMost {
		ttl = min(ttl, l.most)
	}
	return ttl
}

// Tags returns the tags that were added by now.
func (l *Load) Tags() []string {
	if l == nil {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.tags)
}

// AddTags gives the result more tags than the call named. They need not be known
// before: what is invalidated while the loader runs counts for them too.
func (l *Load) AddTags(tags ...string) error {
	for _, t := range tags {
		if err := checkTag(t); err != nil {
			return err
		}
	}
	if l == nil {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.tags = append(l.tags, tags...)
	return nil
}

// Previous returns the value that the load of ctx is to replace, if it is still
// there: past its TTL (see [Options].Stale), refreshed early or by [Refresh]. V is
// the type of the view, []byte for a [Cache].
func Previous[V any](ctx context.Context) (V, bool) {
	var zero V
	l := Loading(ctx)
	if l == nil {
		return zero, false
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	v, ok := l.previous.(V)
	return v, ok
}

// keep attaches the decoded previous value.
func (l *Load) keep(v any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.previous = v
}

// apply writes what the loader said into c.
func (l *Load) apply(c *call) {
	if !c.noStore {
		c.ttl, c.negativeTTL = l.TTL(c.ttl), min(c.negativeTTL, l.TTL(c.negativeTTL))
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.tags) > 0 {
		c.tags = append(append(make([]string, 0, len(c.tags)+len(l.tags)), c.tags...), l.tags...)
	}
}

// renew gives the previous entry of f a new lifetime. One whose tags have expired
// is stored again, as of the beginning of the load that found it right.
func (e *engine) renew(f *flight, c *call) (bool, error) {
	if c.ttl <= 0 {
		return false, nil
	}
	until := e.life(time.Now(), c.ttl, c.stale)
	r, err := e.store.Touch(f.ctx, f.key.Key, until)
	if err != nil || r.Done || f.fence.Token == 0 {
		return r.Done, err
	}
	again := f.previous.Clone()
	again.Stamp, again.Life = f.fence.Stamp, until
	r, err = e.store.Put(f.ctx, f.key.Key, again, driver.Fill, f.fence.Token)
	return r.Done, err
}

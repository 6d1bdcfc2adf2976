package invalidate

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/stratacache/strata/cache"
)

// Names are what depends on a record, or on something else that was written.
type Names struct {
	Keys []string `json:"keys,omitempty"`
	Tags []string `json:"tags,omitempty"`
	// Expire are tags of what may be old for a moment: entries that were stored with
	// a stale time may be served while they are loaded anew, all others are dropped.
	// See cache.Cache.Expire. What Tags name too is dropped.
	Expire []string `json:"expire,omitempty"`
	// All is everything under the prefix of the cache.
	All bool `json:"all,omitempty"`
}

// Empty reports whether there is nothing to invalidate.
func (n Names) Empty() bool { return len(n.Keys)+len(n.Tags)+len(n.Expire) == 0 && !n.All }

// And returns the names of both.
func (n Names) And(m Names) Names {
	return Names{
		Keys:   slices.Concat(n.Keys, m.Keys),
		Tags:   slices.Concat(n.Tags, m.Tags),
		Expire: slices.Concat(n.Expire, m.Expire),
		All:    n.All || m.All,
	}
}

func (n Names) distinct() Names {
	n.Keys, n.Tags, n.Expire = distinct(n.Keys), distinct(n.Tags), distinct(n.Expire)
	n.Expire = slices.DeleteFunc(n.Expire, func(tag string) bool { return slices.Contains(n.Tags, tag) })
	return n
}

func distinct(names []string) []string {
	names = slices.Clone(names)
	slices.Sort(names)
	return slices.Compact(names)
}

// Invalidate drops what n names from c, once, whatever transaction ctx is of: it
// is for those who deliver what was committed before. The order is keys, tags,
// those that expire, prefix. Each may be repeated. A name that the cache refuses names nothing, and
// does not keep the others in; it is an error all the same.
func (n Names) Invalidate(ctx context.Context, c cache.Cache) error {
	err := each(n.Keys, func(keys ...string) error {
		_, err := c.DeleteMany(ctx, keys...)
		return err
	})
	err = errors.Join(err, each(n.Tags, func(tags ...string) error { return c.Invalidate(ctx, tags...) }))
	err = errors.Join(err, each(n.Expire, func(tags ...string) error { return c.Expire(ctx, tags...) }))
	if n.All {
		err = errors.Join(err, c.Clear(ctx))
	}
	return err
}

// each does what it is told with all names at once, or, if one is refused, with
// one after another.
func each(names []string, do func(...string) error) error {
	err := do(names...)
	if !errors.Is(err, cache.ErrKey) {
		return err
	}
	var errs []error
	for _, n := range names {
		errs = append(errs, do(n))
	}
	return errors.Join(errs...)
}

// Scoped are names with the cache that has their keys.
type Scoped struct {
	Cache cache.Cache
	Names Names
}

// PendingError is a write that stands while a cache does not know of it.
type PendingError struct {
	What []Scoped
	Err  error
	// Recorded: a [Journal] has it, and it will be done.
	Recorded bool
}

func (e *PendingError) Error() string {
	keys, tags := 0, 0
	for _, s := range e.What {
		keys, tags = keys+len(s.Names.Keys), tags+len(s.Names.Tags)+len(s.Names.Expire)
	}
	return fmt.Sprintf("invalidate: the write is done, but %d keys and %d tags were not invalidated: %v", keys, tags, e.Err)
}

// Unwrap returns Err.
func (e *PendingError) Unwrap() error { return e.Err }

// Retry invalidates what is pending, once.
func (e *PendingError) Retry(ctx context.Context) error {
	_, err := sendOnce(ctx, e.What)
	return err
}

const (
	patience = 5 * time.Second        // for an invalidation that does not go through
	pause    = 100 * time.Millisecond // between its attempts
)

// send invalidates what, within a time that the end of ctx does not cut off: the
// request that wrote may be gone. It tries again unless somebody else will.
func send(ctx context.Context, what []Scoped, recorded bool) error {
	if len(what) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
	defer cancel()
	for {
		left, err := sendOnce(ctx, what)
		if err == nil {
			return nil
		}
		what = left
		if recorded || errors.Is(err, cache.ErrKey) || errors.Is(err, cache.ErrClosed) {
			return &PendingError{What: what, Err: err, Recorded: recorded}
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return &PendingError{What: what, Err: err}
		}
	}
}

func sendOnce(ctx context.Context, what []Scoped) (left []Scoped, _ error) {
	var errs []error
	for _, s := range what {
		if err := s.Names.Invalidate(ctx, s.Cache); err != nil {
			left, errs = append(left, s), append(errs, err)
		}
	}
	return left, errors.Join(errs...)
}

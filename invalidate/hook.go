package invalidate

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/stratacache/strata/cache"
)

// Names are the keys and tags that depend on a record.
type Names struct {
	Keys []string
	Tags []string
}

// Change is what a write did to a record: Old is nil for one that was created,
// New for one that was deleted.
type Change[T any] struct {
	Old, New *T
}

// Created is the change that made v.
func Created[T any](v T) Change[T] { return Change[T]{New: &v} }

// Updated is the change from before to after.
func Updated[T any](before, after T) Change[T] { return Change[T]{Old: &before, New: &after} }

// Deleted is the change that removed v.
func Deleted[T any](v T) Change[T] { return Change[T]{Old: &v} }

// Hook invalidates what the writes of one kind of record change. It is safe for
// concurrent use.
type Hook[T any] struct {
	cache   cache.Cache
	affects func(T) Names
}

// NewHook returns a hook for records of type T. affects says what depends on a
// record in a given state; keys are those of c.
func NewHook[T any](c cache.Cache, affects func(T) Names) *Hook[T] {
	return &Hook[T]{cache: c, affects: affects}
}

const (
	patience = 5 * time.Second        // for an invalidation that does not go through
	pause    = 100 * time.Millisecond // between its attempts
)

// Write runs write, which returns after its commit, and then invalidates what
// the change affects, in the old state and in the new one. Only then does Write
// return, so that a reader who begins later sees the change.
//
// An error of write is returned. If write names a change all the same, that is
// invalidated too: a commit whose answer was lost may have happened.
//
// The invalidation is not cut off by the end of ctx, and is tried again for up
// to 5 seconds. If it fails, the write stands and the error is a
// [*PendingError].
func (h *Hook[T]) Write(ctx context.Context, write func(context.Context) (Change[T], error)) error {
	change, err := write(ctx)
	return errors.Join(err, h.invalidate(ctx, h.names(change)))
}

func (h *Hook[T]) names(c Change[T]) Names {
	var n Names
	for _, state := range []*T{c.Old, c.New} {
		if state != nil {
			a := h.affects(*state)
			n.Keys, n.Tags = append(n.Keys, a.Keys...), append(n.Tags, a.Tags...)
		}
	}
	n.Keys, n.Tags = distinct(n.Keys), distinct(n.Tags)
	return n
}

func distinct(names []string) []string {
	slices.Sort(names)
	return slices.Compact(names)
}

func (h *Hook[T]) invalidate(ctx context.Context, n Names) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
	defer cancel()
	for {
		err := n.invalidate(ctx, h.cache)
		if err == nil {
			return nil
		}
		if errors.Is(err, cache.ErrKey) || errors.Is(err, cache.ErrClosed) {
			return &PendingError{Names: n, Err: err}
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return &PendingError{Names: n, Err: err}
		}
	}
}

// invalidate deletes the keys before the tags. Each step may be repeated. A key
// that the cache refuses holds nothing, and must not keep the others in.
func (n Names) invalidate(ctx context.Context, c cache.Cache) error {
	_, err := c.DeleteMany(ctx, n.Keys...)
	if errors.Is(err, cache.ErrKey) {
		errs := []error{err}
		for _, k := range n.Keys {
			if _, err := c.Delete(ctx, k); !errors.Is(err, cache.ErrKey) {
				errs = append(errs, err)
			}
		}
		err = errors.Join(errs...)
	}
	return errors.Join(err, c.Invalidate(ctx, n.Tags...))
}

// PendingError is a write that stands while the caches do not know of it.
type PendingError struct {
	Names Names
	Err   error
}

func (e *PendingError) Error() string {
	return fmt.Sprintf("invalidate: the write is done, but %d keys and %d tags were not invalidated: %v",
		len(e.Names.Keys), len(e.Names.Tags), e.Err)
}

// Unwrap returns Err.
func (e *PendingError) Unwrap() error { return e.Err }

// Retry invalidates what is pending.
func (e *PendingError) Retry(ctx context.Context, c cache.Cache) error {
	return e.Names.invalidate(ctx, c)
}

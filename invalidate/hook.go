package invalidate

import (
	"context"
	"errors"

	"github.com/stratacache/strata/cache"
)

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

// Write runs write and then drops what the change affects, in the old state and
// in the new one. Outside of a transaction write returns after its commit; in
// one, what the change affects is dropped when that commits. When Write has
// returned, or the transaction has committed, every reader who begins sees the
// change.
//
// An error of write is returned. If write names a change all the same, that is
// dropped too: a commit whose answer was lost may have happened.
//
// The old state must be that which the write replaced: read it in the same
// transaction and lock it (SELECT … FOR UPDATE), or have the write return it.
// Another writer may otherwise move the record in between. If T holds pointers,
// the two states must not share what affects looks at.
//
// For errors of the cache see [Drop].
func (h *Hook[T]) Write(ctx context.Context, write func(context.Context) (Change[T], error)) error {
	change, err := write(ctx)
	return errors.Join(err, Drop(ctx, h.cache, h.Names(change)))
}

// Names are what a change affects.
func (h *Hook[T]) Names(c Change[T]) Names {
	var n Names
	for _, state := range []*T{c.Old, c.New} {
		if state != nil {
			n = n.And(h.affects(*state))
		}
	}
	return n.distinct()
}

package driver

import (
	"context"
	"time"
)

// ManyGetter is a store that reads many keys in one round trip.
type ManyGetter interface {
	// GetMany is Get for each key, in the order of keys, which are distinct. It
	// reads the clock with or before the first of them. The error is for all.
	GetMany(ctx context.Context, keys []Key, hold time.Duration) ([]KeyReading, error)
}

// KeyReading is one key's part of a GetMany.
type KeyReading struct {
	Reading
	Err error // this key could not be read
}

// Item is one entry on its way into a store.
type Item struct {
	Key   Key
	Entry *Entry
	Mode  Mode
	Token Token
}

// ItemResult is what became of an Item.
type ItemResult struct {
	Result
	Err error
}

// ManyPutter is a store that stores many entries in one round trip.
type ManyPutter interface {
	// PutMany is Put for each item, in the order of items. The steps are
	// independent.
	PutMany(ctx context.Context, items []Item) []ItemResult
}

// Mover is a store that renames an entry in one atomic step.
type Mover interface {
	// Move puts the live entry of from under to and removes from; what stood
	// under to is replaced. The entry keeps its stamp, tags and life: moving does
	// not make it newer. Without a live entry Result.Done is false.
	Move(ctx context.Context, from, to Key) (Result, error)
}

// Peeker is a store that returns what stands under a key without judging it, for
// less than a Get: to clients that know from its log what was invalidated.
type Peeker interface {
	// Peek returns the entry under key, if it has not ended: of whatever epoch, and
	// whatever was invalidated since it was stored. It returns nil if there is none
	// that it can read, and where Get costs no more. It writes nothing.
	Peek(ctx context.Context, key Key) (*Entry, error)
}

// EntryKeeper is a store in this process that returns the very *Entry it was
// given, so that what [Entry.Keep] attached is still there. Only such a store
// can be a near tier.
type EntryKeeper interface {
	KeepsEntries() bool
}

// ClockCounter is a store that may keep more than one clock: several stores,
// each with a record of its own, that look like one. Stamps of different keys
// then need not compare, so that no near tier can be put in front of it.
type ClockCounter interface {
	// Clocks is how many there are.
	Clocks() int
}

// As finds the first store in the chain of Unwrap methods that has the property
// T, such as [EntryKeeper]. A wrapper that changes what is stored must not
// implement Unwrap.
//
// Operations are not looked for behind a wrapper, which they would go around: a
// wrapper implements [ManyGetter], [ManyPutter] and [Mover] with the functions
// of this package.
func As[T any](s Store) (T, bool) {
	for s != nil {
		if t, ok := s.(T); ok {
			return t, true
		}
		u, ok := s.(interface{ Unwrap() Store })
		if !ok {
			break
		}
		s = u.Unwrap()
	}
	var zero T
	return zero, false
}

// GetMany reads keys through the store's own GetMany, or one by one.
func GetMany(ctx context.Context, s Store, keys []Key, hold time.Duration) ([]KeyReading, error) {
	if m, ok := s.(ManyGetter); ok {
		return m.GetMany(ctx, keys, hold)
	}
	out := make([]KeyReading, len(keys))
	for i, k := range keys {
		out[i].Reading, out[i].Err = s.Get(ctx, k, hold)
	}
	return out, nil
}

// PutMany stores items through the store's own PutMany, or one by one.
func PutMany(ctx context.Context, s Store, items []Item) []ItemResult {
	if m, ok := s.(ManyPutter); ok {
		return m.PutMany(ctx, items)
	}
	out := make([]ItemResult, len(items))
	for i, it := range items {
		out[i].Result, out[i].Err = s.Put(ctx, it.Key, it.Entry, it.Mode, it.Token)
	}
	return out
}

// moveHold is how long the fence of a Move in several steps stands.
const moveHold = 10 * time.Second

// Move renames an entry through the store's own Move, or by reading, storing
// under a fence and removing: a reader in between sees both names, and what is
// stored under to meanwhile makes it fail with Done false.
func Move(ctx context.Context, s Store, from, to Key) (Result, error) {
	if m, ok := s.(Mover); ok {
		return m.Move(ctx, from, to)
	}
	r, err := s.Get(ctx, from, 0)
	if err != nil || !r.Live() {
		return Result{}, err
	}
	target, err := s.Get(ctx, to, moveHold)
	if err != nil {
		return Result{}, err
	}
	put, err := s.Put(ctx, to, r.Entry.Clone(), SetFenced, target.Fence.Token)
	if err != nil || !put.Done {
		return put, err
	}
	inv, err := s.Invalidate(ctx, Invalidation{Keys: []Key{from}})
	if err != nil {
		return Result{Clock: put.Clock}, err
	}
	return Result{Done: true, Clock: inv.Clock}, nil
}

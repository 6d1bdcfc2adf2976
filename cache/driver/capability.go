package driver

import "context"

// ManyGetter is a store that reads many keys in one round trip.
type ManyGetter interface {
	// GetMany is Get with hold = 0 for each key, in the order of keys.
	GetMany(ctx context.Context, keys []Key) ([]Reading, error)
}

// Item is one entry on its way into a store.
type Item struct {
	Key   Key
	Entry *Entry
}

// ManyPutter is a store that sets many keys in one round trip.
type ManyPutter interface {
	// PutMany is Put with mode Set for each item. The steps are independent:
	// errs is nil if all went well, and otherwise holds an error or nil for each
	// item. clock is the highest that any of them returned.
	PutMany(ctx context.Context, items []Item) (clock Stamp, errs []error)
}

// Mover is a store that renames an entry in one atomic step.
type Mover interface {
	// Move puts the live entry of from under to, with its life, and removes from;
	// what stood under to is replaced. The clock advances. Without a live entry
	// Result.Done is false.
	Move(ctx context.Context, from, to Key) (Result, error)
}

// EntryKeeper is a store in this process that returns the very *Entry it was
// given, so that what [Entry.Keep] attached is still there. Only such a store
// can be a near tier.
type EntryKeeper interface {
	KeepsEntries() bool
}

// As finds the first store in the chain of Unwrap methods that has the
// capability T.
//
// A wrapper that only observes or guards calls implements Unwrap. One that
// changes what is stored (compression, encryption) must not: a capability
// found behind it would go around it. It implements those that it keeps.
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
func GetMany(ctx context.Context, s Store, keys []Key) ([]Reading, error) {
	if m, ok := As[ManyGetter](s); ok {
		return m.GetMany(ctx, keys)
	}
	out := make([]Reading, len(keys))
	for i, k := range keys {
		r, err := s.Get(ctx, k, 0)
		if err != nil {
			return nil, err
		}
		out[i] = r
	}
	return out, nil
}

// PutMany sets items through the store's own PutMany, or one by one.
func PutMany(ctx context.Context, s Store, items []Item) (clock Stamp, errs []error) {
	if m, ok := As[ManyPutter](s); ok {
		return m.PutMany(ctx, items)
	}
	for i, it := range items {
		r, err := s.Put(ctx, it.Key, it.Entry, Set, 0)
		if err != nil {
			if errs == nil {
				errs = make([]error, len(items))
			}
			errs[i] = err
			continue
		}
		clock = r.Clock
	}
	return clock, errs
}

// Move renames an entry through the store's own Move, or by reading, setting
// and removing: then a reader in between sees both, and a write to from that
// arrives in between is lost with it.
func Move(ctx context.Context, s Store, from, to Key) (Result, error) {
	if m, ok := As[Mover](s); ok {
		return m.Move(ctx, from, to)
	}
	r, err := s.Get(ctx, from, 0)
	if err != nil || r.Entry == nil || r.Entry.Kind == Negative {
		return Result{}, err
	}
	if _, err := s.Put(ctx, to, r.Entry.Clone(), Set, 0); err != nil {
		return Result{}, err
	}
	inv, err := s.Invalidate(ctx, []Key{from}, nil)
	return Result{Done: err == nil, Clock: inv.Clock}, err
}

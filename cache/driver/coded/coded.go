// Package coded is what wrappers of a store share that change what is stored:
// those that compress it, or encrypt it.
package coded

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/stratacache/strata/cache/driver"
)

// Codec changes entries on their way into a store, and back. It is safe for
// concurrent use. It changes no entry that it is given, but returns another,
// whose kind is [driver.Coded], or the very same if there is nothing to change.
type Codec interface {
	Encode(key driver.Key, e *driver.Entry) *driver.Entry
	// Decode fails with driver.ErrNewer for what a later version made, which is
	// left alone. With any other error the entry counts as absent, and is replaced.
	Decode(key driver.Key, e *driver.Entry) (*driver.Entry, error)
}

// Store is a [driver.Store] that keeps in another what a Codec makes. Make one
// with [New].
//
// It has no Unwrap: what the store under it holds is not what it holds. It is no
// [driver.Mover]: whether a coded entry may be moved is for the codec to know.
type Store struct {
	store driver.Store
	codec Codec
}

var (
	_ driver.Store        = (*Store)(nil)
	_ driver.ManyGetter   = (*Store)(nil)
	_ driver.ManyPutter   = (*Store)(nil)
	_ driver.ClockCounter = (*Store)(nil)
)

// New wraps store, which is closed with the wrapper.
func New(store driver.Store, codec Codec) *Store { return &Store{store: store, codec: codec} }

// out decodes what was read. What cannot be decoded is a miss, whose fence is the
// entry's own token.
func (s *Store) out(key driver.Key, r *driver.Reading) {
	if r.Entry == nil {
		return
	}
	e, err := s.codec.Decode(key, r.Entry)
	if err == nil {
		r.Entry = e
		return
	}
	r.Entry, r.Expired, r.Odd = nil, false, err
	if errors.Is(err, driver.ErrNewer) {
		r.Fence.Token = 0
	}
}

// Get implements driver.Store.
func (s *Store) Get(ctx context.Context, key driver.Key, hold time.Duration) (driver.Reading, error) {
	r, err := s.store.Get(ctx, key, hold)
	if err != nil {
		return r, err
	}
	if s.out(key, &r); hold > 0 && replaceable(&r) {
		err = s.plant(ctx, key, &r, hold)
	}
	return r, err
}

// replaceable reports whether r is of an entry that counts as absent.
func replaceable(r *driver.Reading) bool {
	return r.Odd != nil && r.Fence.Token != 0 && !r.Planted
}

// plant replaces the entry of r, which cannot be decoded, by a placeholder, as the
// store does with what it finds corrupt itself.
func (s *Store) plant(ctx context.Context, key driver.Key, r *driver.Reading, hold time.Duration) error {
	// An entry that has ended takes away exactly the one that was read.
	_, err := s.store.Put(ctx, key, &driver.Entry{Stamp: r.Fence.Stamp}, driver.Fill, r.Fence.Token)
	if err != nil {
		return err
	}
	odd := r.Odd
	if *r, err = s.store.Get(ctx, key, hold); err != nil {
		return err
	}
	if s.out(key, r); r.Entry == nil && r.Odd == nil {
		r.Odd = odd
	}
	return nil
}

// GetMany implements driver.ManyGetter, by what the store can do.
func (s *Store) GetMany(ctx context.Context, keys []driver.Key, hold time.Duration) ([]driver.KeyReading, error) {
	rs, err := driver.GetMany(ctx, s.store, keys, hold)
	if err != nil {
		return nil, err
	}
	for i := range rs {
		r := &rs[i]
		if r.Err != nil {
			continue
		}
		if s.out(keys[i], &r.Reading); hold > 0 && replaceable(&r.Reading) {
			r.Err = s.plant(ctx, keys[i], &r.Reading, hold)
		}
	}
	return rs, nil
}

// Put implements driver.Store. An Add that the store refuses takes another trip,
// to see whether what stands there can be decoded.
func (s *Store) Put(ctx context.Context, key driver.Key, e *driver.Entry, mode driver.Mode, token driver.Token) (driver.Result, error) {
	r, err := s.store.Put(ctx, key, s.codec.Encode(key, e), mode, token)
	if mode == driver.Add && err == nil && !r.Done {
		return s.addOver(ctx, key, e, r)
	}
	return r, err
}

// PutMany implements driver.ManyPutter, by what the store can do.
func (s *Store) PutMany(ctx context.Context, items []driver.Item) []driver.ItemResult {
	encoded := slices.Clone(items)
	for i, it := range items {
		encoded[i].Entry = s.codec.Encode(it.Key, it.Entry)
	}
	rs := driver.PutMany(ctx, s.store, encoded)
	for i, it := range items {
		if r := &rs[i]; it.Mode == driver.Add && r.Err == nil && !r.Done {
			r.Result, r.Err = s.addOver(ctx, it.Key, it.Entry, r.Result)
		}
	}
	return rs
}

// addOver adds e in place of an entry that cannot be decoded, which counts as
// absent. If there is none, refused stays the answer.
func (s *Store) addOver(ctx context.Context, key driver.Key, e *driver.Entry, refused driver.Result) (driver.Result, error) {
	at, err := s.Get(ctx, key, 0)
	if err != nil || !replaceable(&at) {
		return refused, err
	}
	again := s.codec.Encode(key, e)
	if again == e {
		again = e.Clone() // the store has had e
	}
	again.Stamp = at.Fence.Stamp
	r, err := s.store.Put(ctx, key, again, driver.Fill, at.Fence.Token)
	if err != nil || !r.Done {
		return r, err
	}
	inv, err := s.store.Invalidate(ctx, driver.Invalidation{}) // an Add advances
	return driver.Result{Done: true, Clock: inv.Clock}, err
}

package encrypt

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/stratacache/strata/cache/driver"
)

// Options configure a [Store]. The zero value, and nil, work.
type Options struct {
	// Context is bound to every entry, beside its key: an entry of one context is
	// not read in another. Stores that share keys and a server, such as those of
	// two applications, have one each. Default "".
	Context string
	// AcceptPlain reads entries that nobody has encrypted, for as long as a store
	// that is in use holds some. Whoever can write to the server can then plant
	// values. Default false: they are refused.
	AcceptPlain bool
}

// A Store is a driver.Store that encrypts what goes into another. Make one with
// [New].
//
// It has no Unwrap, and is no Mover: an entry is bound to its key, so moving it
// means encrypting it again.
type Store struct {
	store  driver.Store
	sealer sealer
}

var (
	_ driver.Store        = (*Store)(nil)
	_ driver.ManyGetter   = (*Store)(nil)
	_ driver.ManyPutter   = (*Store)(nil)
	_ driver.ClockCounter = (*Store)(nil)
)

// New wraps store; opts may be nil. The first of keys encrypts, all of them
// decrypt. The store is closed with the wrapper.
func New(store driver.Store, keys []Key, opts *Options) (*Store, error) {
	if store == nil {
		return nil, errors.New("encrypt: the store is nil")
	}
	r, err := newRing(keys)
	if err != nil {
		return nil, err
	}
	s := &Store{store: store, sealer: sealer{ring: r}}
	if opts != nil {
		s.sealer.context, s.sealer.acceptPlain = opts.Context, opts.AcceptPlain
	}
	return s, nil
}

// out decrypts what was read. What cannot be decrypted is a miss, whose fence is
// the entry's own token.
func (s *Store) out(r *driver.Reading, key driver.Key) {
	if r.Entry == nil {
		return
	}
	var err error
	if r.Entry, err = s.sealer.open(key, r.Entry); err == nil {
		return
	}
	r.Expired = false
	if r.Odd = err; errors.Is(err, driver.ErrNewer) {
		r.Fence.Token = 0 // it is left alone
	}
}

// Get implements driver.Store.
func (s *Store) Get(ctx context.Context, key driver.Key, hold time.Duration) (driver.Reading, error) {
	r, err := s.store.Get(ctx, key, hold)
	if err != nil {
		return r, err
	}
	if s.out(&r, key); hold > 0 && replaceable(&r) {
		err = s.plant(ctx, key, &r, hold)
	}
	return r, err
}

// replaceable reports whether r is of an entry that counts as absent.
func replaceable(r *driver.Reading) bool {
	return r.Odd != nil && r.Fence.Token != 0 && !r.Planted
}

// plant replaces the entry of r, which cannot be decrypted, by a placeholder, as
// the store does with what it finds corrupt itself.
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
	if s.out(r, key); r.Entry == nil && r.Odd == nil {
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
		if s.out(&r.Reading, keys[i]); hold > 0 && replaceable(&r.Reading) {
			r.Err = s.plant(ctx, keys[i], &r.Reading, hold)
		}
	}
	return rs, nil
}

// Put implements driver.Store. An Add that the store refuses takes another trip,
// to see whether what stands there can be read.
func (s *Store) Put(ctx context.Context, key driver.Key, e *driver.Entry, mode driver.Mode, token driver.Token) (driver.Result, error) {
	r, err := s.store.Put(ctx, key, s.sealer.seal(key, e), mode, token)
	if mode == driver.Add && err == nil && !r.Done {
		return s.addOver(ctx, key, e, r)
	}
	return r, err
}

// PutMany implements driver.ManyPutter, by what the store can do.
func (s *Store) PutMany(ctx context.Context, items []driver.Item) []driver.ItemResult {
	sealed := slices.Clone(items)
	for i, it := range items {
		sealed[i].Entry = s.sealer.seal(it.Key, it.Entry)
	}
	rs := driver.PutMany(ctx, s.store, sealed)
	for i, it := range items {
		if r := &rs[i]; it.Mode == driver.Add && r.Err == nil && !r.Done {
			r.Result, r.Err = s.addOver(ctx, it.Key, it.Entry, r.Result)
		}
	}
	return rs
}

// addOver adds e in place of an entry that cannot be read, which counts as
// absent. If there is none, refused stays the answer.
func (s *Store) addOver(ctx context.Context, key driver.Key, e *driver.Entry, refused driver.Result) (driver.Result, error) {
	at, err := s.Get(ctx, key, 0)
	if err != nil || !replaceable(&at) {
		return refused, err
	}
	sealed := s.sealer.seal(key, e)
	if sealed == e {
		sealed = e.Clone() // the store has had e
	}
	sealed.Stamp = at.Fence.Stamp
	r, err := s.store.Put(ctx, key, sealed, driver.Fill, at.Fence.Token)
	if err != nil || !r.Done {
		return r, err
	}
	inv, err := s.store.Invalidate(ctx, driver.Invalidation{}) // an Add advances
	return driver.Result{Done: true, Clock: inv.Clock}, err
}

// Touch implements driver.Store.
func (s *Store) Touch(ctx context.Context, key driver.Key, life driver.Life) (driver.Result, error) {
	return s.store.Touch(ctx, key, life)
}

// Incr implements driver.Store. The store counts, in plain digits.
func (s *Store) Incr(ctx context.Context, key driver.Key, delta int64, initial *driver.Entry) (driver.Sum, error) {
	return s.store.Incr(ctx, key, delta, initial)
}

// Invalidate implements driver.Store.
func (s *Store) Invalidate(ctx context.Context, what driver.Invalidation) (driver.Invalidated, error) {
	return s.store.Invalidate(ctx, what)
}

// Clocks implements driver.ClockCounter: there are as many as the store has.
func (s *Store) Clocks() int {
	if c, ok := driver.As[driver.ClockCounter](s.store); ok {
		return c.Clocks()
	}
	return 1
}

// Ping implements driver.Store.
func (s *Store) Ping(ctx context.Context) error { return s.store.Ping(ctx) }

// Close closes the store.
func (s *Store) Close(ctx context.Context) error { return s.store.Close(ctx) }

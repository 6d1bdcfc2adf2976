package compress

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/stratacache/strata/cache/driver"
)

// A Store is a driver.Store that compresses what goes into another. Make one
// with [New].
//
// It has no Unwrap: what the store under it holds is not what it holds.
type Store struct {
	store     driver.Store
	coder     *coder
	threshold int64
	always    bool // for tests: whether it saves anything or not
}

var (
	_ driver.Store        = (*Store)(nil)
	_ driver.ManyGetter   = (*Store)(nil)
	_ driver.ManyPutter   = (*Store)(nil)
	_ driver.ClockCounter = (*Store)(nil)
	_ driver.Mover        = (*Store)(nil)
)

// New wraps store; opts may be nil. The store is closed with the wrapper.
func New(store driver.Store, opts *Options) (*Store, error) {
	if store == nil {
		return nil, errors.New("compress: the store is nil")
	}
	o, err := opts.withDefaults()
	if err != nil {
		return nil, err
	}
	return &Store{store: store, coder: newCoder(o), threshold: o.Threshold}, nil
}

// in is what is stored of e, which may be shared and is not changed.
func (s *Store) in(e *driver.Entry) *driver.Entry {
	if e.Kind != driver.Bytes || int64(len(e.Payload)) < s.threshold {
		return e
	}
	// Inflating costs each reader something: it has to be worth it.
	most := len(e.Payload) - len(e.Payload)/8
	if s.always {
		most = 2*len(e.Payload) + 100
	}
	p := s.coder.compress(e.Payload, most)
	if p == nil {
		return e
	}
	c := e.Clone()
	c.Kind, c.Payload = driver.Coded, p
	return c
}

// out inflates what was read. What cannot be inflated is a miss, whose fence is
// the entry's own token.
func (s *Store) out(r *driver.Reading) {
	e := r.Entry
	if e == nil || e.Kind != driver.Coded || len(e.Payload) == 0 || driver.Coding(e.Payload[0]) != driver.Compressed {
		return
	}
	p, err := s.coder.inflate(e.Payload)
	if err != nil {
		r.Entry, r.Expired, r.Odd = nil, false, err
		if err == driver.ErrNewer {
			r.Fence.Token = 0 // it is left alone
		}
		return
	}
	c := e.Clone()
	c.Kind, c.Payload = driver.Bytes, p
	r.Entry = c
}

// Get implements driver.Store.
func (s *Store) Get(ctx context.Context, key driver.Key, hold time.Duration) (driver.Reading, error) {
	r, err := s.store.Get(ctx, key, hold)
	if err != nil {
		return r, err
	}
	if s.out(&r); hold > 0 && replaceable(&r) {
		err = s.plant(ctx, key, &r, hold)
	}
	return r, err
}

// replaceable reports whether r is of an entry that counts as absent.
func replaceable(r *driver.Reading) bool {
	return r.Odd != nil && r.Fence.Token != 0 && !r.Planted
}

// plant replaces the entry of r, which cannot be inflated, by a placeholder, as
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
	if s.out(r); r.Entry == nil && r.Odd == nil {
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
		if s.out(&r.Reading); hold > 0 && replaceable(&r.Reading) {
			r.Err = s.plant(ctx, keys[i], &r.Reading, hold)
		}
	}
	return rs, nil
}

// Put implements driver.Store.
func (s *Store) Put(ctx context.Context, key driver.Key, e *driver.Entry, mode driver.Mode, token driver.Token) (driver.Result, error) {
	return s.store.Put(ctx, key, s.in(e), mode, token)
}

// PutMany implements driver.ManyPutter, by what the store can do.
func (s *Store) PutMany(ctx context.Context, items []driver.Item) []driver.ItemResult {
	items = slices.Clone(items)
	for i := range items {
		items[i].Entry = s.in(items[i].Entry)
	}
	return driver.PutMany(ctx, s.store, items)
}

// Move implements driver.Mover, by what the store can do.
func (s *Store) Move(ctx context.Context, from, to driver.Key) (driver.Result, error) {
	return driver.Move(ctx, s.store, from, to)
}

// Touch implements driver.Store.
func (s *Store) Touch(ctx context.Context, key driver.Key, life driver.Life) (driver.Result, error) {
	return s.store.Touch(ctx, key, life)
}

// Incr implements driver.Store. The store counts.
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

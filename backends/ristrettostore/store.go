package ristrettostore

import (
	"context"
	"fmt"
	"hash/maphash"
	"math/bits"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/stratacache/strata/cache/driver"
	"github.com/stratacache/strata/cache/driver/metarecord"
)

// A Store is a driver.Store over a ristretto cache of its own. Make one with
// [New].
type Store struct {
	opts      Options
	container *container
	stripes   []stripe
	seeds     [2]maphash.Seed // of scopes and names
	meta      atomic.Pointer[metarecord.Record]
	closed    atomic.Bool
	closing   sync.Once
}

var (
	_ driver.Store       = (*Store)(nil)
	_ driver.ManyGetter  = (*Store)(nil)
	_ driver.Mover       = (*Store)(nil)
	_ driver.LogReader   = (*Store)(nil)
	_ driver.EntryKeeper = (*Store)(nil)
)

// New returns an empty store; opts may be nil.
func New(opts *Options) (*Store, error) {
	o, err := opts.withDefaults()
	if err != nil {
		return nil, err
	}
	// Four locks for each processor keep two of them from meeting most of the time.
	n := 1 << bits.Len(uint(4*runtime.GOMAXPROCS(0)-1))
	c, err := newContainer(o, min(n, 256))
	if err != nil {
		return nil, fmt.Errorf("ristrettostore: %w", err)
	}
	s := &Store{opts: o, container: c, stripes: c.stripes, seeds: [2]maphash.Seed{maphash.MakeSeed(), maphash.MakeSeed()}}
	s.meta.Store(metarecord.New(maxTags))
	return s, nil
}

// of is the hash of key, and its stripe.
func (s *Store) of(key driver.Key) (uint64, *stripe) {
	h := maphash.String(s.seeds[0], key.Scope) ^ maphash.String(s.seeds[1], key.Name)
	return h, &s.stripes[h>>32&uint64(len(s.stripes)-1)] // ristretto's shards are by the low bits
}

// ready is whether a call may begin. Whether the store is closed is asked again
// under the stripe's lock, which Close takes: then Close overtakes nobody.
func (s *Store) ready(ctx context.Context) error {
	if s.closed.Load() {
		return driver.ErrClosed
	}
	return ctx.Err()
}

// Get implements driver.Store. A hit allocates nothing.
func (s *Store) Get(ctx context.Context, key driver.Key, hold time.Duration) (out driver.Reading, err error) {
	if err := ctx.Err(); err != nil {
		return out, err
	}
	err = s.read(&out, key, time.Now().UnixNano(), hold)
	return out, err
}

// GetMany implements driver.ManyGetter.
func (s *Store) GetMany(ctx context.Context, keys []driver.Key, hold time.Duration) ([]driver.KeyReading, error) {
	if err := s.ready(ctx); err != nil {
		return nil, err
	}
	stamp := s.meta.Load().Stamp()
	now := time.Now().UnixNano()
	out := make([]driver.KeyReading, len(keys))
	for i, key := range keys {
		if err := s.read(&out[i].Reading, key, now, hold); err != nil {
			return nil, err
		}
		out[i].Fence.Stamp = stamp // the oldest of all is right for each
	}
	return out, nil
}

// read fills out, which is zero.
func (s *Store) read(out *driver.Reading, key driver.Key, now int64, hold time.Duration) error {
	h, st := s.of(key)
	st.mu.RLock()
	if s.closed.Load() {
		st.mu.RUnlock()
		return driver.ErrClosed
	}
	m := s.meta.Load()
	out.Fence.Stamp = m.Stamp() // before the entry, and no writer in between
	r := s.find(st, h, key, now)
	verdict := driver.Invalid
	if r != nil {
		verdict = m.Judge(r.entry, &r.checked)
	}
	hit := verdict != driver.Invalid
	switch {
	case hit:
		out.Entry, out.Expired, out.Fence.Token = r.entry, verdict == driver.Expired, r.entry.Token
	case r != nil:
		out.Fence.Token = r.entry.Token
	default:
		out.Fence.Token = st.fenced(key, now)
	}
	st.mu.RUnlock()
	if hit || hold <= 0 {
		return nil
	}
	*out = driver.Reading{}
	return s.hold(out, h, st, key, now, hold)
}

// hold is read with the right to plant a fence.
func (s *Store) hold(out *driver.Reading, h uint64, st *stripe, key driver.Key, now int64, hold time.Duration) error {
	s.container.room()
	st.mu.Lock()
	defer st.mu.Unlock()
	if s.closed.Load() {
		return driver.ErrClosed
	}
	m := s.meta.Load()
	out.Fence.Stamp = m.Stamp()
	if s.container.has(st, h) { // which read has counted as use already
		r := s.find(st, h, key, now)
		if r != nil {
			if v := m.Judge(r.entry, &r.checked); v != driver.Invalid {
				out.Entry, out.Expired, out.Fence.Token = r.entry, v == driver.Expired, r.entry.Token
				return nil
			}
			s.container.remove(st, h)
		}
	}
	out.Fence.Token, out.Planted = st.hold(key, now, after(now, hold))
	return nil
}

// after is now + d, as far as time goes.
func after(now int64, d time.Duration) int64 {
	if e := now + int64(d); e > now {
		return e
	}
	return driver.Forever
}

// find is the record under key that has not ended, valid or not, or nil.
func (s *Store) find(st *stripe, h uint64, key driver.Key, now int64) *record {
	return mine(s.container.at(st, h), key, now)
}

// mine is r if it is key's and has not ended. Ristretto's own ends are late by
// nanoseconds, and it does not compare keys.
func mine(r *record, key driver.Key, now int64) *record {
	if r == nil || r.key != key || now >= r.entry.Life.Expires {
		return nil
	}
	return r
}

// ReadLog implements driver.LogReader, for clients of this process that share the
// store. The log exists while somebody reads it, and reaches back some 8000
// changes.
func (s *Store) ReadLog(ctx context.Context, after driver.Stamp, wait time.Duration) (driver.LogReading, error) {
	if err := s.ready(ctx); err != nil {
		return driver.LogReading{}, err
	}
	return metarecord.ReadLog(ctx, s.meta.Load, after, wait)
}

// KeepsEntries implements driver.EntryKeeper: entries come back as they were
// given.
func (s *Store) KeepsEntries() bool { return true }

// Ping implements driver.Store. There is no server to ask.
func (s *Store) Ping(ctx context.Context) error { return s.ready(ctx) }

// Close implements driver.Store. It drops all entries and ends ristretto's
// goroutines, which takes a moment whatever ctx says.
func (s *Store) Close(context.Context) error {
	s.closing.Do(func() {
		s.closed.Store(true)
		for i := range s.stripes { // whoever is in ristretto leaves it
			s.stripes[i].mu.Lock()
			s.stripes[i].fences = nil
			s.stripes[i].mu.Unlock()
		}
		s.container.close()
	})
	return nil
}

package locmem

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/stratacache/strata/cache/driver"
	"github.com/stratacache/strata/cache/driver/metarecord"
)

// Put implements driver.Store. An entry whose life has ended already removes
// what stands, and counts as stored.
func (s *Store) Put(ctx context.Context, key driver.Key, e *driver.Entry, mode driver.Mode, token driver.Token) (driver.Result, error) {
	if err := s.ready(ctx); err != nil {
		return driver.Result{}, err
	}
	now := s.clock.sync()
	sh := s.shard(key)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	if mode != driver.Fill { // which does not advance
		busy := s.busy.of(key)
		busy.Add(1)
		defer busy.Add(-1)
	}
	m := s.meta.Load()

	switch mode {
	case driver.Set:
	case driver.Add:
		if sh.live(key, now, m) != nil {
			return driver.Result{Clock: m.Stamp()}, nil
		}
	case driver.Fill, driver.SetFenced:
		if token != 0 && sh.standing(key, now) == token && m.Allows(e) {
			break
		}
		if mode == driver.Fill {
			return driver.Result{Clock: m.Stamp()}, nil
		}
		sh.clear(key)
		return driver.Result{Clock: m.Advance(key)}, nil
	default:
		return driver.Result{}, fmt.Errorf("locmem: put mode %d: %w", mode, errors.ErrUnsupported)
	}

	if s.tooLarge(key, e) {
		if mode == driver.Add || mode == driver.Fill {
			return driver.Result{Clock: m.Stamp()}, driver.ErrTooLarge
		}
		sh.clear(key)
		return driver.Result{Clock: m.Advance(key)}, driver.ErrTooLarge
	}

	var at driver.Stamp
	if mode == driver.Fill {
		at = m.Stamp()
	} else {
		at = m.Advance(key)
	}
	if mode == driver.Set || mode == driver.Add {
		e.Stamp = at
	}
	e.Token = driver.NewToken()
	s.store(sh, key, e, now, true, nil)
	return driver.Result{Done: true, Clock: at}, nil
}

// store puts e under key, in place of whatever stands. The caller has locked the
// shard, and also, if that is not nil.
func (s *Store) store(sh *shard, key driver.Key, e *driver.Entry, now int64, used bool, also *shard) {
	sh.unfence(key)
	if now >= e.Life.Expires {
		sh.table.remove(key)
		return
	}
	sh.table.put(key, e, now, used, also)
	if s.otter == nil {
		s.sweep.ends(e.Life.Expires, now)
	}
}

func (s *Store) tooLarge(key driver.Key, e *driver.Entry) bool {
	return s.opts.MaxBytes > 0 && sizeOf(key, e) > s.opts.MaxBytes
}

// Touch implements driver.Store. It does not count as use.
func (s *Store) Touch(ctx context.Context, key driver.Key, life driver.Life) (driver.Result, error) {
	if err := s.ready(ctx); err != nil {
		return driver.Result{}, err
	}
	now := s.clock.sync()
	sh := s.shard(key)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	busy := s.busy.of(key)
	busy.Add(1)
	defer busy.Add(-1)
	m := s.meta.Load()
	old := sh.live(key, now, m)
	if old == nil {
		return driver.Result{Clock: m.Stamp()}, nil
	}
	e := old.Clone()
	if v := old.Decoded(); v != nil {
		e.Keep(v) // of the same payload
	}
	e.Life = life
	at := m.Advance(key)
	s.store(sh, key, e, now, false, nil)
	return driver.Result{Done: true, Clock: at}, nil
}

// Invalidate implements driver.Store.
func (s *Store) Invalidate(ctx context.Context, what driver.Invalidation) (driver.Invalidated, error) {
	if err := s.ready(ctx); err != nil {
		return driver.Invalidated{}, err
	}
	removed := 0
	now := s.clock.now()
	for _, key := range what.Keys {
		sh := s.shard(key)
		sh.mu.Lock()
		if sh.live(key, now, s.meta.Load()) != nil {
			removed++
		}
		sh.clear(key)
		sh.mu.Unlock()
	}
	if slices.Contains(what.Tags, driver.TagAll) {
		s.reset() // gives the memory back; the stamp is what counts
	}
	for {
		m := s.meta.Load()
		if at, ok := m.Invalidate(what.Tags, what.Keys...); ok {
			return driver.Invalidated{Removed: removed, Clock: at}, nil
		}
		s.renew(m)
	}
}

// NewEpoch starts a new epoch, as if the meta record had been lost: all entries
// are invalid from then on, and loads in flight are not stored.
func (s *Store) NewEpoch() { s.renew(s.meta.Load()) }

// renew replaces m, unless someone has already. Who works with m for a moment
// longer does what came before.
func (s *Store) renew(m *metarecord.Record) {
	s.reset()
	if s.meta.CompareAndSwap(m, metarecord.New(maxTags)) {
		m.Retire()
	}
}

// Move implements driver.Mover. The entry keeps its stamp: it is as old as it
// was.
func (s *Store) Move(ctx context.Context, from, to driver.Key) (driver.Result, error) {
	if err := s.ready(ctx); err != nil {
		return driver.Result{}, err
	}
	now := s.clock.sync()
	src, dst := s.shard(from), s.shard(to)
	defer lockBoth(src, dst)()
	for _, k := range []driver.Key{from, to} {
		busy := s.busy.of(k)
		busy.Add(1)
		defer busy.Add(-1)
	}
	m := s.meta.Load()
	old := src.live(from, now, m)
	if old == nil {
		return driver.Result{Clock: m.Stamp()}, nil
	}
	e := old.Clone()
	if v := old.Decoded(); v != nil {
		e.Keep(v)
	}
	e.Token = driver.NewToken()
	at := m.Advance(from, to)
	src.clear(from)
	if s.tooLarge(to, e) { // by the longer key
		dst.clear(to)
		return driver.Result{Clock: at}, driver.ErrTooLarge
	}
	s.store(dst, to, e, now, true, src)
	return driver.Result{Done: true, Clock: at}, nil
}

// lockBoth locks two shards in their order, or one that is both.
func lockBoth(a, b *shard) (unlock func()) {
	if a == b {
		a.mu.Lock()
		return a.mu.Unlock
	}
	if a.index > b.index {
		a, b = b, a
	}
	a.mu.Lock()
	b.mu.Lock()
	return func() {
		b.mu.Unlock()
		a.mu.Unlock()
	}
}

package ristrettostore

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/stratacache/strata/cache/driver"
	"github.com/stratacache/strata/cache/driver/metarecord"
)

// A step is one write of one key: its stripe is locked, and what stands there
// was looked up.
type step struct {
	s   *Store
	h   uint64
	st  *stripe
	key driver.Key
	now int64
	m   *metarecord.Record
	old *record // under the hash, whatever its key and life
}

// begin locks the stripe of key for a write. The caller ends the step.
func (s *Store) begin(ctx context.Context, key driver.Key) (step, error) {
	if err := s.ready(ctx); err != nil {
		return step{}, err
	}
	return s.enter(key)
}

// enter is begin for a call that is under way.
func (s *Store) enter(key driver.Key) (step, error) {
	s.container.room()
	h, st := s.of(key)
	st.mu.Lock()
	if s.closed.Load() {
		st.mu.Unlock()
		return step{}, driver.ErrClosed
	}
	return s.stepOf(h, st, key), nil
}

// stepOf is a step under locks that the caller holds.
func (s *Store) stepOf(h uint64, st *stripe, key driver.Key) step {
	return step{s: s, h: h, st: st, key: key, now: time.Now().UnixNano(), m: s.meta.Load(), old: s.container.at(st, h)}
}

func (p *step) end() { p.st.mu.Unlock() }

// live is the valid entry that is not negative, or nil.
func (p *step) live() *driver.Entry {
	r := mine(p.old, p.key, p.now)
	if r == nil || r.entry.Kind == driver.Negative || !p.m.Valid(r.entry, &r.checked) {
		return nil
	}
	return r.entry
}

// standing is the token under the key: that of the fence, else that of the
// entry, valid or not.
func (p *step) standing() driver.Token {
	if t := p.st.fenced(p.key, p.now); t != 0 {
		return t
	}
	if r := mine(p.old, p.key, p.now); r != nil {
		return r.entry.Token
	}
	return 0
}

// store puts e under the key, in place of whatever stands. An entry that has
// ended only removes that.
func (p *step) store(e *driver.Entry) {
	p.st.unfence(p.key)
	if p.now >= e.Life.Expires {
		p.clear()
		return
	}
	r := &record{key: p.key, entry: e, cost: costOf(p.key, e)}
	p.s.container.put(p.st, p.h, p.old, r, p.now)
	p.old = r
}

// clear takes away whatever stands under the key.
func (p *step) clear() {
	p.st.unfence(p.key)
	if p.old != nil && p.old.key == p.key {
		p.s.container.remove(p.st, p.h)
		p.old = nil
	}
}

func (p *step) tooLarge(e *driver.Entry) bool { return costOf(p.key, e) > p.s.opts.MaxBytes }

// Put implements driver.Store. An entry whose life has ended already removes
// what stands, and counts as stored. Done is true also for an entry that
// ristretto then does not want.
func (s *Store) Put(ctx context.Context, key driver.Key, e *driver.Entry, mode driver.Mode, token driver.Token) (driver.Result, error) {
	p, err := s.begin(ctx, key)
	if err != nil {
		return driver.Result{}, err
	}
	defer p.end()

	switch mode {
	case driver.Set:
	case driver.Add:
		if p.live() != nil {
			return driver.Result{Clock: p.m.Stamp()}, nil
		}
	case driver.Fill, driver.SetFenced:
		if token != 0 && p.standing() == token && p.m.Allows(e) {
			break
		}
		if mode == driver.Fill {
			return driver.Result{Clock: p.m.Stamp()}, nil
		}
		p.clear()
		return driver.Result{Clock: p.m.Advance(key)}, nil
	default:
		return driver.Result{}, fmt.Errorf("ristrettostore: put mode %d: %w", mode, errors.ErrUnsupported)
	}

	if p.tooLarge(e) {
		if mode == driver.Add || mode == driver.Fill {
			return driver.Result{Clock: p.m.Stamp()}, driver.ErrTooLarge
		}
		p.clear()
		return driver.Result{Clock: p.m.Advance(key)}, driver.ErrTooLarge
	}

	var at driver.Stamp
	if mode == driver.Fill {
		at = p.m.Stamp()
	} else {
		at = p.m.Advance(key)
	}
	if mode == driver.Set || mode == driver.Add {
		e.Stamp = at
	}
	e.Token = driver.NewToken()
	p.store(e)
	return driver.Result{Done: true, Clock: at}, nil
}

// Touch implements driver.Store.
func (s *Store) Touch(ctx context.Context, key driver.Key, life driver.Life) (driver.Result, error) {
	p, err := s.begin(ctx, key)
	if err != nil {
		return driver.Result{}, err
	}
	defer p.end()
	old := p.live()
	if old == nil {
		return driver.Result{Clock: p.m.Stamp()}, nil
	}
	e := twin(old)
	e.Life = life
	at := p.m.Advance(key)
	p.store(e)
	return driver.Result{Done: true, Clock: at}, nil
}

// twin is a copy that keeps the decoded value, which is of the same payload.
func twin(e *driver.Entry) *driver.Entry {
	c := e.Clone()
	if v := e.Decoded(); v != nil {
		c.Keep(v)
	}
	return c
}

// Invalidate implements driver.Store.
func (s *Store) Invalidate(ctx context.Context, what driver.Invalidation) (driver.Invalidated, error) {
	if err := s.ready(ctx); err != nil {
		return driver.Invalidated{}, err
	}
	removed := 0
	for _, key := range what.Keys {
		p, err := s.enter(key)
		if err != nil {
			return driver.Invalidated{}, err
		}
		if p.live() != nil {
			removed++
		}
		p.clear()
		p.end()
	}
	if slices.Contains(what.Tags, driver.TagAll) {
		s.container.clear() // gives the memory back; the stamp is what counts
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
	s.container.clear()
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
	s.container.room()
	fromHash, src := s.of(from)
	toHash, dst := s.of(to)
	defer lockBoth(src, dst)()
	if s.closed.Load() {
		return driver.Result{}, driver.ErrClosed
	}
	p := s.stepOf(fromHash, src, from)
	old := p.live()
	if old == nil {
		return driver.Result{Clock: p.m.Stamp()}, nil
	}
	e := twin(old)
	e.Token = driver.NewToken()
	at := p.m.Advance(from, to)
	p.clear()
	q := s.stepOf(toHash, dst, to) // after the source is gone: they may be one
	q.m = p.m
	if q.tooLarge(e) { // by the longer key
		q.clear()
		return driver.Result{Clock: at}, driver.ErrTooLarge
	}
	q.store(e)
	return driver.Result{Done: true, Clock: at}, nil
}

package filestore

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/stratacache/strata/cache/driver"
)

// Put implements driver.Store. A Set or SetFenced that fails for want of room
// removes what stands, as one that is too large does; one that fails for
// another reason leaves it.
func (s *Store) Put(ctx context.Context, key driver.Key, e *driver.Entry, mode driver.Mode, token driver.Token) (driver.Result, error) {
	if err := s.begin(ctx); err != nil {
		return driver.Result{}, err
	}
	switch {
	case mode > driver.SetFenced:
		return driver.Result{}, fmt.Errorf("filestore: put: mode %d: %w", mode, errors.ErrUnsupported)
	case e.Kind > driver.Coded:
		return driver.Result{}, fmt.Errorf("filestore: put: kind %d: %w", e.Kind, errors.ErrUnsupported)
	}
	p := put{key: key, e: e, mode: mode, token: token, at: s.place(key)}
	r, err := s.put(ctx, &p)
	if err != nil && (mode == driver.Set || mode == driver.SetFenced) && (noRoom(err) || errors.Is(err, driver.ErrTooLarge)) {
		gone, goneErr := s.invalidate(ctx, driver.Invalidation{Keys: []driver.Key{key}})
		if r.Clock = gone.Clock; goneErr != nil {
			err = errors.Join(err, goneErr)
		}
	}
	s.makeRoom(ctx)
	return r, s.wrap("put", err)
}

// put is one Put under way.
type put struct {
	key   driver.Key
	e     *driver.Entry
	mode  driver.Mode
	token driver.Token
	at    place
}

// fenced: the condition is a token.
func (p *put) fenced() bool { return p.mode == driver.Fill || p.mode == driver.SetFenced }

// allowed reports whether the condition holds of what stands.
func (p *put) allowed(is *slot, v *view) bool {
	switch p.mode {
	case driver.Add:
		return is.live(v) == nil
	case driver.Set:
		return true
	}
	return p.token != 0 && is.token == p.token && v.allows(p.e)
}

// put stores an entry. Most of the work, the writing of its file, is done before
// the lock is taken.
func (s *Store) put(ctx context.Context, p *put) (driver.Result, error) {
	if p.mode == driver.Add || p.mode == driver.Fill { // what is refused need not be written
		v, err := s.meta.read(ctx)
		if err != nil {
			return driver.Result{}, err
		}
		is, err := look(p.at, p.key, now())
		if err != nil {
			return driver.Result{}, err
		}
		if !p.allowed(&is, &v) {
			return driver.Result{Clock: v.stamp()}, nil
		}
	}
	if !s.opts.fits(p.e) {
		return driver.Result{}, driver.ErrTooLarge
	}
	p.e.Token = driver.Token(random())
	if !p.fenced() {
		p.e.Stamp = driver.Stamp{} // until the lock is taken
	}
	t, err := writeTemp(p.at.path, encode(p.key, p.e))
	if err != nil {
		return driver.Result{}, err
	}
	defer t.discard()
	if p.fenced() {
		if err := t.finish(ends(p.e.Life.Expires), s.opts.Sync); err != nil {
			return driver.Result{}, err
		}
	}

	l, err := s.meta.lock(ctx)
	if err != nil {
		return driver.Result{}, err
	}
	defer l.unlock()
	var is slot
	if p.mode == driver.Set {
		is = l.stat(p.at)
	} else if is, err = l.look(p.at, p.key); err != nil {
		return driver.Result{}, err
	}
	done := p.allowed(&is, &l.view)
	switch {
	case done && p.e.Life.Ended(time.Now()), !done && p.mode == driver.SetFenced:
		err = s.clear(l, p.at, &is)
	case done:
		err = s.settle(l, t, p, &is)
	}
	if err == nil && (p.mode == driver.SetFenced || done && p.mode != driver.Fill) {
		err = l.advance(nil)
	}
	if err != nil {
		return driver.Result{}, err
	}
	return driver.Result{Done: done, Clock: l.stamp()}, nil
}

// settle puts the file of a put in its place. An entry that is stamped by the
// store gets the number of the advance that follows.
func (s *Store) settle(l *locked, t *temp, p *put, stood *slot) error {
	if !p.fenced() {
		var err error
		if p.e.Stamp, err = l.intend(); err != nil {
			return err
		}
		if err := t.restamp(p.e); err != nil {
			return err
		}
		if err := t.finish(ends(p.e.Life.Expires), s.opts.Sync); err != nil {
			return err
		}
	}
	return s.commit(l, t, stood, fileSize(p.e))
}

// commit puts a file in the place of what stands.
func (s *Store) commit(l *locked, t *temp, stood *slot, size int64) error {
	if err := t.commit(s.opts.Sync); err != nil {
		return err
	}
	l.replaced(stood.weight, size)
	return nil
}

// clear removes what stands.
func (s *Store) clear(l *locked, at place, stood *slot) error {
	if stood.size == none {
		return nil
	}
	if err := s.remove(at); err != nil {
		return err
	}
	l.replaced(stood.weight, none)
	return nil
}

// Touch implements driver.Store.
func (s *Store) Touch(ctx context.Context, key driver.Key, life driver.Life) (driver.Result, error) {
	if err := s.begin(ctx); err != nil {
		return driver.Result{}, err
	}
	r, err := s.change(ctx, key, func(l *locked, at place, is *slot, e *driver.Entry) error {
		e.Life = life
		if life.Ended(time.Now()) {
			return s.clear(l, at, is)
		}
		return s.replace(l, at, key, e, is)
	})
	return r, s.wrap("touch", err)
}

// Move implements driver.Mover. A reader in between finds the entry under both
// names.
func (s *Store) Move(ctx context.Context, from, to driver.Key) (driver.Result, error) {
	if err := s.begin(ctx); err != nil {
		return driver.Result{}, err
	}
	r, err := s.change(ctx, from, func(l *locked, at place, is *slot, e *driver.Entry) error {
		e.Token = driver.Token(random())
		target := s.place(to)
		stood := l.stat(target)
		if err := s.replace(l, target, to, e, &stood); err != nil || from == to {
			return err
		}
		return s.clear(l, at, is)
	})
	return r, s.wrap("move", err)
}

// change does something with the live entry under key, and advances if there is
// one. do gets a copy.
func (s *Store) change(ctx context.Context, key driver.Key, do func(*locked, place, *slot, *driver.Entry) error) (driver.Result, error) {
	l, err := s.meta.lock(ctx)
	if err != nil {
		return driver.Result{}, err
	}
	defer l.unlock()
	at := s.place(key)
	is, err := l.look(at, key)
	if err != nil {
		return driver.Result{}, err
	}
	e := is.live(&l.view)
	if e == nil {
		return driver.Result{Clock: l.stamp()}, nil
	}
	if err := do(l, at, &is, e.Clone()); err != nil {
		return driver.Result{}, err
	}
	if err := l.advance(nil); err != nil {
		return driver.Result{}, err
	}
	return driver.Result{Done: true, Clock: l.stamp()}, nil
}

// replace writes and commits at once, for who has the lock already.
func (s *Store) replace(l *locked, at place, key driver.Key, e *driver.Entry, stood *slot) error {
	t, err := writeTemp(at.path, encode(key, e))
	if err != nil {
		return err
	}
	defer t.discard()
	if err := t.finish(ends(e.Life.Expires), s.opts.Sync); err != nil {
		return err
	}
	return s.commit(l, t, stood, fileSize(e))
}

// Invalidate implements driver.Store: all keys and tags in one step. Clearing
// all has the sweeper remove the files soon afterwards.
func (s *Store) Invalidate(ctx context.Context, what driver.Invalidation) (driver.Invalidated, error) {
	if err := s.begin(ctx); err != nil {
		return driver.Invalidated{}, err
	}
	r, err := s.invalidate(ctx, what)
	if err == nil && slices.Contains(what.Tags, driver.TagAll) {
		s.sweep.soon()
	}
	return r, s.wrap("invalidate", err)
}

func (s *Store) invalidate(ctx context.Context, what driver.Invalidation) (driver.Invalidated, error) {
	l, err := s.meta.lock(ctx)
	if err != nil {
		return driver.Invalidated{}, err
	}
	defer l.unlock()
	removed := 0
	for _, key := range what.Keys {
		if ctx.Err() != nil {
			return driver.Invalidated{}, context.Cause(ctx)
		}
		at := s.place(key)
		is, err := l.look(at, key)
		if err != nil {
			is = l.stat(at) // it is removed all the same
		}
		live := is.live(&l.view) != nil
		if err := s.clear(l, at, &is); err != nil {
			return driver.Invalidated{}, err
		}
		if live {
			removed++
		}
	}
	if err := l.advance(what.Tags); err != nil {
		return driver.Invalidated{}, err
	}
	return driver.Invalidated{Removed: removed, Clock: l.stamp()}, nil
}

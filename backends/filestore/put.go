package filestore

import (
	"context"
	"errors"
	"fmt"
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

// put is a Put under way.
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
	if p.mode == driver.Add { // what is refused need not be written
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
	p.e.Token = driver.NewToken()
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

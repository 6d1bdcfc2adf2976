package filestore

import (
	"context"
	"slices"
	"time"

	"github.com/stratacache/strata/cache/driver"
)

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
		e.Token = driver.NewToken()
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

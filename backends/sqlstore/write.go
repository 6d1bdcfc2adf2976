package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"

	"github.com/stratacache/strata/cache/driver"
	"github.com/stratacache/strata/cache/driver/envelope"
)

// check says whether e can be stored.
func (s *Store) check(e *driver.Entry) error {
	if e.Kind > driver.Coded {
		return fmt.Errorf("sqlstore: put: kind %d: %w", e.Kind, errors.ErrUnsupported)
	}
	if !envelope.Fits(e) || envelope.Len(e) > s.opts.MaxValue {
		return driver.ErrTooLarge
	}
	for _, t := range e.Tags {
		if len(t) > maxName {
			return driver.ErrTooLarge
		}
	}
	return nil
}

// Put implements driver.Store. Sets that come at once go together: one after the other
// they would wait at the namespace's row.
func (s *Store) Put(ctx context.Context, key driver.Key, e *driver.Entry, mode driver.Mode, token driver.Token) (driver.Result, error) {
	if mode == driver.Set && envelope.Len(e) <= togetherSize {
		return s.sets.Set(ctx, key, e)
	}
	return s.putOne(ctx, driver.Item{Key: key, Entry: e, Mode: mode, Token: token})
}

func (s *Store) putOne(ctx context.Context, what driver.Item) (driver.Result, error) {
	key, e, mode := what.Key, what.Entry, what.Mode
	var step func(context.Context, session, *params) (outcome, error)
	switch mode {
	case driver.Set:
		step = s.engine.set
	case driver.Add:
		step = s.engine.add
	case driver.Fill:
		step = s.engine.fill
	case driver.SetFenced:
		step = s.engine.setFenced
	default:
		return driver.Result{}, fmt.Errorf("sqlstore: put: mode %d: %w", mode, errors.ErrUnsupported)
	}
	if err := s.check(e); err != nil {
		if errors.Is(err, driver.ErrTooLarge) && (mode == driver.Set || mode == driver.SetFenced) {
			if _, err := s.invalidate(ctx, driver.Invalidation{Keys: []driver.Key{key}}); err != nil {
				return driver.Result{}, err
			}
		}
		return driver.Result{}, err
	}
	it := newItem(key, e)
	it.old = what.Token
	p := &params{items: []item{it}, fence: e.Stamp, by: 1}
	var out outcome
	err := s.run(ctx, "put", func(c session) (err error) {
		out, err = step(ctx, c, p)
		return err
	})
	if err != nil {
		return driver.Result{}, err
	}
	s.wrote(1)
	return out.result(), nil
}

// Touch implements driver.Store.
func (s *Store) Touch(ctx context.Context, key driver.Key, life driver.Life) (driver.Result, error) {
	p := &params{items: []item{newItem(key, &driver.Entry{Life: life})}, by: 1}
	var out outcome
	err := s.run(ctx, "touch", func(c session) (err error) {
		out, err = s.engine.touch(ctx, c, p)
		return err
	})
	return out.result(), err
}

// Invalidate implements driver.Store: all keys and tags in one step. Like Sets,
// those that come at once go together.
func (s *Store) Invalidate(ctx context.Context, what driver.Invalidation) (driver.Invalidated, error) {
	if len(what.Keys) <= togetherNames && len(what.Tags) <= togetherNames {
		return s.drops.Do(ctx, what)
	}
	return s.invalidate(ctx, what)
}

func (s *Store) invalidate(ctx context.Context, what driver.Invalidation) (driver.Invalidated, error) {
	a := s.invalidateMany(ctx, []driver.Invalidation{what})[0]
	return a.Value, a.Err
}

// InvalidateTx is Invalidate in the caller's own transaction, in the same
// database: what it invalidates is so from the commit on, and not at all if there
// is none. Call it last, right before the commit: until then all other writers of
// the namespace wait.
//
// Processes that keep copies of entries in memory hear of it from PostgreSQL's
// log. Elsewhere they do only when they next ask the store; call Invalidate after
// the commit, too, where that matters.
func (s *Store) InvalidateTx(ctx context.Context, tx *sql.Tx, what driver.Invalidation) (driver.Invalidated, error) {
	if s.closed.Load() {
		return driver.Invalidated{}, driver.ErrClosed
	}
	c := session{s: s, tx: tx, foreign: true}
	p := invalidation(what)
	out, err := s.engine.invalidate(ctx, c, p)
	if errors.Is(err, errNoRecord) {
		if err = c.record(ctx); err == nil {
			out, err = s.engine.invalidate(ctx, c, p)
		}
	}
	if err == nil && out.logged { // the server sends it with the commit
		_, err = c.exec(ctx, "notify", new(params))
	}
	if err != nil {
		return driver.Invalidated{}, wrap(ctx, "invalidate", err)
	}
	return driver.Invalidated{Removed: len(out.removed), Clock: out.clock}, nil
}

func invalidation(what driver.Invalidation) *params {
	p := &params{by: 1}
	var names []string
	for _, k := range what.Keys {
		names = append(names, string(nameOf(k)))
	}
	slices.Sort(names)
	for _, name := range slices.Compact(names) {
		p.items = append(p.items, item{name: []byte(name)})
	}
	tags := slices.Clone(what.Tags)
	slices.Sort(tags)
	for _, t := range slices.Compact(tags) {
		if t == driver.TagAll {
			p.clear = true
			continue
		}
		p.tags = append(p.tags, t)
	}
	return p
}

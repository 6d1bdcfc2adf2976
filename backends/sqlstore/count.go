package sqlstore

import (
	"context"
	"fmt"

	"github.com/stratacache/strata/cache/driver"
)

// Incr implements driver.Store. The database itself adds.
func (s *Store) Incr(ctx context.Context, key driver.Key, delta int64, initial *driver.Entry) (driver.Sum, error) {
	var first item
	var begin int64
	if initial != nil {
		var err error
		if begin, err = initial.Integer(); err != nil {
			return driver.Sum{}, fmt.Errorf("sqlstore: incr: the initial entry: %w", err)
		}
		if err := s.check(initial); err != nil {
			return driver.Sum{}, err
		}
		first = newItem(key, initial)
	}
	var sum driver.Sum
	err := s.run(ctx, "incr", func(c session) error {
		p := &params{items: []item{{name: nameOf(key), new: newToken()}}, delta: delta}
		out, err := s.engine.incr(ctx, c, p)
		if err != nil || out.done {
			sum = driver.Sum{Value: out.value, Clock: out.clock}
			return err
		}
		if initial != nil {
			out, err := s.engine.add(ctx, c, &params{items: []item{first}, by: 1})
			if err != nil || out.done {
				sum = driver.Sum{Value: begin, Created: true, Clock: out.clock}
				return err
			}
		}
		return s.whyNot(ctx, c, key, delta)
	})
	if err != nil {
		return driver.Sum{}, err
	}
	if sum.Created {
		s.wrote(1)
	}
	return sum, nil
}

// whyNot says why nothing could be added.
func (s *Store) whyNot(ctx context.Context, c session, key driver.Key, delta int64) error {
	r, err := s.look(ctx, c, &params{items: []item{{name: nameOf(key)}}})
	if err != nil {
		return err
	}
	e := s.reading(key, &r).Entry
	switch {
	case e == nil || e.Kind == driver.Negative:
		return driver.ErrMiss
	case e.Kind != driver.Integer:
		return driver.ErrNotInteger
	}
	n := *r.changed.number
	if sum := n + delta; (sum < n) != (delta < 0) {
		return driver.ErrOverflow
	}
	return errChanged
}

// Move implements driver.Mover, in two statements: a body knows its key, so it
// is read and written anew.
func (s *Store) Move(ctx context.Context, from, to driver.Key) (driver.Result, error) {
	var out outcome
	err := s.run(ctx, "move", func(c session) error {
		out = outcome{}
		r, err := s.look(ctx, c, &params{items: []item{{name: nameOf(from)}}})
		if err != nil {
			return err
		}
		read := s.reading(from, &r)
		out.clock = read.Fence.Stamp
		if !read.Live() {
			return nil
		}
		if from.String() == to.String() {
			out.done = true
			return nil
		}
		it := item{name: nameOf(to), old: read.Fence.Token, new: newToken(), body: bodyOf(to, read.Entry)}
		out, err = s.engine.move(ctx, c, &params{items: []item{it}, from: nameOf(from), by: 1})
		if err == nil && !out.done {
			return errChanged
		}
		return err
	})
	if err != nil {
		return driver.Result{}, err
	}
	return out.result(), nil
}

package breaker

import (
	"context"
	"time"

	"github.com/stratacache/strata/cache/driver"
)

// Get implements [driver.Store].
func (s *Store) Get(ctx context.Context, key driver.Key, hold time.Duration) (driver.Reading, error) {
	return ask(ctx, s, func(ctx context.Context) (driver.Reading, error) { return s.inner.Get(ctx, key, hold) })
}

// Put implements [driver.Store].
func (s *Store) Put(ctx context.Context, key driver.Key, e *driver.Entry, mode driver.Mode, token driver.Token) (driver.Result, error) {
	return ask(ctx, s, func(ctx context.Context) (driver.Result, error) { return s.inner.Put(ctx, key, e, mode, token) })
}

// Touch implements [driver.Store].
func (s *Store) Touch(ctx context.Context, key driver.Key, life driver.Life) (driver.Result, error) {
	return ask(ctx, s, func(ctx context.Context) (driver.Result, error) { return s.inner.Touch(ctx, key, life) })
}

// Incr implements [driver.Store].
func (s *Store) Incr(ctx context.Context, key driver.Key, delta int64, initial *driver.Entry) (driver.Sum, error) {
	return ask(ctx, s, func(ctx context.Context) (driver.Sum, error) { return s.inner.Incr(ctx, key, delta, initial) })
}

// Move implements [driver.Mover].
func (s *Store) Move(ctx context.Context, from, to driver.Key) (driver.Result, error) {
	return ask(ctx, s, func(ctx context.Context) (driver.Result, error) { return driver.Move(ctx, s.inner, from, to) })
}

// Invalidate implements [driver.Store]. It is never refused.
func (s *Store) Invalidate(ctx context.Context, what driver.Invalidation) (driver.Invalidated, error) {
	do := func(ctx context.Context) (driver.Invalidated, error) { return s.inner.Invalidate(ctx, what) }
	out, err := ask(ctx, s, do)
	if err == s.refusal {
		return pass(ctx, s, do)
	}
	return out, err
}

// GetMany implements [driver.ManyGetter].
func (s *Store) GetMany(ctx context.Context, keys []driver.Key, hold time.Duration) (out []driver.KeyReading, err error) {
	if len(keys) == 0 {
		return nil, s.enter(ctx)
	}
	refused := s.guard(ctx, func() error {
		limited, l := s.limit(ctx)
		defer l.end()
		out, err = driver.GetMany(limited, s.inner, keys, hold)
		if err != nil {
			err = s.late(ctx, limited, l, err)
			return err
		}
		var b batch
		for i := range out {
			out[i].Err = s.late(ctx, limited, l, out[i].Err)
			b.add(out[i].Err)
		}
		return b.err()
	})
	if refused != nil {
		return nil, refused
	}
	return out, err
}

// PutMany implements [driver.ManyPutter].
func (s *Store) PutMany(ctx context.Context, items []driver.Item) (out []driver.ItemResult) {
	if len(items) == 0 {
		return nil
	}
	refused := s.guard(ctx, func() error {
		limited, l := s.limit(ctx)
		defer l.end()
		out = driver.PutMany(limited, s.inner, items)
		var b batch
		for i := range out {
			out[i].Err = s.late(ctx, limited, l, out[i].Err)
			b.add(out[i].Err)
		}
		return b.err()
	})
	if refused != nil {
		out = make([]driver.ItemResult, len(items))
		for i := range out {
			out[i].Err = refused
		}
	}
	return out
}

// batch is the error that stands for many keys: none, if one was answered.
type batch struct {
	answered bool
	first    error
}

func (b *batch) add(err error) {
	if err == nil || answered(err) {
		b.answered = true
	} else if b.first == nil {
		b.first = err
	}
}

func (b *batch) err() error {
	if b.answered {
		return nil
	}
	return b.first
}

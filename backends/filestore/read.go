package filestore

import (
	"context"
	"errors"
	"time"

	"github.com/stratacache/strata/cache/driver"
)

// Get implements driver.Store. A hit takes no lock.
func (s *Store) Get(ctx context.Context, key driver.Key, hold time.Duration) (driver.Reading, error) {
	if err := s.begin(ctx); err != nil {
		return driver.Reading{}, err
	}
	v, err := s.meta.read(ctx)
	if err != nil {
		return driver.Reading{}, s.wrap("get", err)
	}
	r, err := s.get(ctx, key, hold, &v)
	if r.Planted {
		s.makeRoom(ctx)
	}
	return r, s.wrap("get", err)
}

// GetMany implements driver.ManyGetter: the clock is read once for all.
func (s *Store) GetMany(ctx context.Context, keys []driver.Key, hold time.Duration) ([]driver.KeyReading, error) {
	if err := s.begin(ctx); err != nil {
		return nil, err
	}
	v, err := s.meta.read(ctx)
	if err != nil {
		return nil, s.wrap("get many", err)
	}
	out := make([]driver.KeyReading, len(keys))
	defer s.makeRoom(ctx)
	for i, k := range keys {
		if err := s.begin(ctx); err != nil {
			return nil, err
		}
		out[i].Reading, err = s.get(ctx, k, hold, &v)
		out[i].Err = s.wrap("get many", err)
	}
	return out, nil
}

// get reads key. The clock was read before.
func (s *Store) get(ctx context.Context, key driver.Key, hold time.Duration, v *view) (driver.Reading, error) {
	at, now := s.place(key), time.Now()
	is, err := look(at, key, now.UnixNano())
	if err != nil {
		return driver.Reading{}, err
	}
	until := now.Add(hold).UnixNano()
	r := is.reading(v)
	switch {
	case r.Entry != nil:
		return r, nil
	case hold > 0 && !is.holds(until):
		return s.plant(ctx, at, key, until)
	case is.waste:
		s.tidy(at, key)
	}
	return r, nil
}

// reading is what v says of the slot.
func (s *slot) reading(v *view) driver.Reading {
	r := driver.Reading{Fence: driver.Fence{Token: s.token, Stamp: v.stamp()}}
	verdict := driver.Invalid
	if s.entry != nil {
		verdict = v.judge(s.entry)
	}
	if verdict == driver.Invalid {
		r.Odd = s.odd
		return r
	}
	r.Entry, r.Expired = s.entry, verdict == driver.Expired
	return r
}

// holds reports whether nothing is to be planted: a placeholder stands until
// then, or an entry of a newer format.
func (s *slot) holds(until int64) bool {
	return s.token != 0 && s.entry == nil && s.until >= until || errors.Is(s.odd, driver.ErrNewer)
}

// plant puts a placeholder under key, or makes the one that stands there stand
// longer.
func (s *Store) plant(ctx context.Context, at place, key driver.Key, until int64) (driver.Reading, error) {
	l, err := s.meta.lock(ctx)
	if err != nil {
		return driver.Reading{}, err
	}
	defer l.unlock()
	is, err := l.look(at, key)
	if err != nil {
		return driver.Reading{}, err
	}
	r := is.reading(&l.view)
	switch {
	case r.Entry != nil, is.holds(until):
		return r, nil
	case is.token == 0 || is.entry != nil:
		r.Fence.Token, r.Planted = driver.NewToken(), true
	}
	t, err := writeTemp(at.path, placeholder(r.Fence.Token, until))
	if err != nil {
		return driver.Reading{}, err
	}
	defer t.discard()
	if err := t.finish(ends(until), false); err != nil {
		return driver.Reading{}, err
	}
	return r, s.commit(l, t, &is, placeholderLen)
}

// tidy removes what is of no use, if nobody has the lock: it may wait.
func (s *Store) tidy(at place, key driver.Key) {
	l := s.meta.tryLock()
	if l == nil {
		return
	}
	defer l.unlock()
	if is, err := l.look(at, key); err == nil && is.waste {
		_ = s.clear(l, at, &is)
	}
}

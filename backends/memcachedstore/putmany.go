package memcachedstore

import (
	"context"
	"slices"

	"github.com/stratacache/strata/cache/driver"
	"github.com/stratacache/strata/cache/driver/envelope"
)

// PutMany implements driver.ManyPutter. Items that are only to be set are one
// pipeline for each server, and one advance; others are put one by one.
func (s *Store) PutMany(ctx context.Context, items []driver.Item) []driver.ItemResult {
	if len(items) == 0 {
		return nil
	}
	out := make([]driver.ItemResult, len(items))
	c, err := s.begin(ctx)
	if err != nil {
		for i := range out {
			out[i].Err = err
		}
		return out
	}
	if !slices.ContainsFunc(items, func(it driver.Item) bool {
		return it.Mode != driver.Set || it.Entry.Kind > driver.Coded || !envelope.Fits(it.Entry)
	}) {
		return s.setMany(&c, items)
	}
	for i, it := range items {
		out[i].Result, out[i].Err = s.put(&c, it.Key, it.Entry, it.Mode, it.Token)
	}
	return out
}

func (s *Store) setMany(c *call, items []driver.Item) []driver.ItemResult {
	out, err := s.setManyNow(c, items)
	if err != nil {
		out = make([]driver.ItemResult, len(items))
		for i := range out {
			out[i].Err = err
		}
	}
	return out
}

func (s *Store) setManyNow(c *call, items []driver.Item) ([]driver.ItemResult, error) {
	keys, entries := make([]driver.Key, len(items)), make([]*driver.Entry, len(items))
	size := 0
	for i, it := range items {
		keys[i], entries[i] = it.Key, it.Entry
		size += envelope.Len(it.Entry)
	}
	buf := s.buffer()
	defer s.free(buf)
	for attempt := 0; ; attempt++ {
		if err := c.again(attempt); err != nil {
			return nil, err
		}
		r, err := s.known(c)
		if err != nil {
			return nil, err
		}
		*buf = slices.Grow((*buf)[:0], size)
		stores := make([]op, len(items), len(items)+8)
		for i, e := range entries {
			name := s.names.key(keys[i])
			server, err := s.pick.pick(name)
			if err != nil {
				return nil, err
			}
			e.Token, e.Stamp = newToken(), stampOf(r.word+1)
			if stores[i], err = s.storing(server, name, keys[i], e, buf); err != nil {
				return nil, err
			}
		}
		out, ok, err := s.commit(c, r, stores, keys, entries)
		if ok || err != nil {
			return out, err
		}
	}
}

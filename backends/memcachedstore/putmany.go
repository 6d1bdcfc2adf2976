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
		return s.setItems(&c, items)
	}
	for i, it := range items {
		out[i].Result, out[i].Err = s.put(&c, it.Key, it.Entry, it.Mode, it.Token, false)
	}
	return out
}

func (s *Store) setItems(c *call, items []driver.Item) []driver.ItemResult {
	out := make([]driver.ItemResult, len(items))
	list, outcomes := make([]setting, len(items)), make([]outcome, len(items))
	xs := make([]*setting, len(items))
	var err error
	for i, it := range items {
		if list[i], err = s.setting(c, it.Key, it.Entry); err != nil {
			break
		}
		xs[i] = &list[i]
	}
	if err == nil {
		err = s.setAll(c, xs, outcomes, true)
	}
	for i := range out {
		if out[i].Err = err; err == nil {
			out[i].Result, out[i].Err = s.finishSet(c, xs[i], outcomes[i])
		}
	}
	return out
}

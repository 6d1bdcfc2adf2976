package shard

import (
	"context"
	"time"

	"github.com/stratacache/strata/cache/driver"
)

// groups spreads n keys over shards: the shards that have any, and the
// positions of their keys.
func (s *Store) groups(n int, key func(int) driver.Key) (parts []*part, of [][]int) {
	all := make([][]int, len(s.parts))
	for i := range n {
		at := s.pick(key(i))
		all[at] = append(all[at], i)
	}
	for i, p := range s.parts {
		if len(all[i]) > 0 {
			parts, of = append(parts, p), append(of, all[i])
		}
	}
	return parts, of
}

// GetMany implements [driver.ManyGetter]. A shard that fails is an error of its
// keys, and of all only when all failed.
func (s *Store) GetMany(ctx context.Context, keys []driver.Key, hold time.Duration) ([]driver.KeyReading, error) {
	out := make([]driver.KeyReading, len(keys))
	parts, of := s.groups(len(keys), func(i int) driver.Key { return keys[i] })
	failed := make([]bool, len(parts))
	err := each(parts, func(i int, p *part) error {
		mine := make([]driver.Key, len(of[i]))
		for j, at := range of[i] {
			mine[j] = s.inner(keys[at])
		}
		rs, err := driver.GetMany(ctx, p.store, mine, hold)
		if failed[i] = err != nil; !failed[i] {
			s.saw(p, rs[0].Fence.Stamp)
		}
		for j, at := range of[i] {
			if err != nil {
				out[at].Err = p.wrap(err)
				continue
			}
			out[at] = rs[j]
			out[at].Err = p.wrap(rs[j].Err)
		}
		return err
	})
	for _, f := range failed {
		if !f {
			return out, nil
		}
	}
	return out, err
}

// PutMany implements [driver.ManyPutter].
func (s *Store) PutMany(ctx context.Context, items []driver.Item) []driver.ItemResult {
	out := make([]driver.ItemResult, len(items))
	parts, of := s.groups(len(items), func(i int) driver.Key { return items[i].Key })
	_ = each(parts, func(i int, p *part) error {
		mine := make([]driver.Item, len(of[i]))
		for j, at := range of[i] {
			mine[j] = items[at]
			mine[j].Key = s.inner(items[at].Key)
		}
		for j, r := range driver.PutMany(ctx, p.store, mine) {
			r.Err = p.wrap(r.Err)
			out[of[i][j]] = r
		}
		return nil
	})
	return out
}

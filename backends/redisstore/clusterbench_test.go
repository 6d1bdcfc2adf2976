package redisstore_test

import (
	"bytes"
	"context"
	"strconv"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/stratacache/strata/cache/driver"
	"github.com/stratacache/strata/internal/servertest"
)

// BenchmarkCluster measures steps in a cluster beside the plain commands that
// they stand for, with the same client.
func BenchmarkCluster(b *testing.B) {
	s := openCluster(b, servertest.SharedRedisCluster(b))
	rdb := s.Client().(*redis.ClusterClient)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	const many = 100
	payload := bytes.Repeat([]byte("x"), 100)
	entry := func() *driver.Entry { return &driver.Entry{Life: long(), Payload: payload} }
	set(b, s, "k", entry())
	keys, items := make([]driver.Key, many), make([]driver.Item, many)
	for i := range many {
		keys[i] = key(strconv.Itoa(i))
		items[i] = driver.Item{Key: keys[i], Entry: entry()}
	}
	for _, r := range s.PutMany(ctx, items) {
		if r.Err != nil {
			b.Fatal(r.Err)
		}
	}
	for _, step := range []struct {
		name string
		do   func() error
	}{
		{"get/raw", func() error { return rdb.Get(ctx, name(s, "k")).Err() }},
		{"get/hit", func() error { _, err := s.Get(ctx, key("k"), time.Minute); return err }},
		{"set/raw", func() error { return rdb.Set(ctx, s.Prefix()+"raw", payload, time.Hour).Err() }},
		{"set/set", func() error { _, err := s.Put(ctx, key("k"), entry(), driver.Set, 0); return err }},
		{"set/delete", func() error {
			_, err := s.Invalidate(ctx, driver.Invalidation{Keys: keys[:1]})
			return err
		}},
		{"set/tag", func() error {
			_, err := s.Invalidate(ctx, driver.Invalidation{Tags: []string{"t"}})
			return err
		}},
		{"getmany/raw", func() error {
			_, err := rdb.Pipelined(ctx, func(p redis.Pipeliner) error {
				for _, k := range keys[1:] {
					p.Get(ctx, name(s, k.Name))
				}
				return nil
			})
			return err
		}},
		{"getmany/get", func() error { _, err := s.GetMany(ctx, keys[1:], 0); return err }},
	} {
		b.Run(step.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := step.do(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

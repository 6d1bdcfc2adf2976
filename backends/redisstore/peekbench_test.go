package redisstore_test

import (
	"bytes"
	"context"
	"testing"
	"time"

	"github.com/stratacache/strata/backends/locmem"
	"github.com/stratacache/strata/cache"
	"github.com/stratacache/strata/internal/servertest"
)

// BenchmarkVerifiedHit measures a hit in Redis of a client that follows the log,
// and has no place in memory, beside a plain GET by the same go-redis client.
func BenchmarkVerifiedHit(b *testing.B) {
	server := servertest.Redis(b)
	rdb := client(b, server.Addr)
	s := over(b, rdb, "bench")
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	c, err := cache.New(s, &cache.Options{Near: []cache.Tier{{Store: locmem.New(&locmem.Options{MaxBytes: 1})}}})
	if err != nil {
		b.Fatal(err)
	}
	defer c.Close(ctx)
	payload := bytes.Repeat([]byte("x"), 100)
	if err := rdb.Set(ctx, "raw", payload, time.Hour).Err(); err != nil {
		b.Fatal(err)
	}
	load := func(context.Context) ([]byte, error) { return payload, nil }
	hit := func() error {
		_, err := c.GetOrSet(ctx, "k", load, cache.Tags("x", "y"))
		return err
	}
	for c.Stats().Hits == 0 { // until the log is followed, and the entry made since
		_, _ = c.Delete(ctx, "k")
		time.Sleep(10 * time.Millisecond)
		for range 2 {
			if err := hit(); err != nil {
				b.Fatal(err)
			}
		}
	}
	for _, x := range []struct {
		name string
		do   func() error
	}{{"raw", func() error { return rdb.Get(ctx, "raw").Err() }}, {"hit", hit}} {
		b.Run(x.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := x.do(); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(x.name+"/16", func(b *testing.B) {
			b.SetParallelism(8)
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					if err := x.do(); err != nil {
						b.Error(err)
						return
					}
				}
			})
		})
	}
}

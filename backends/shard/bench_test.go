package shard_test

import (
	"context"
	"testing"

	"github.com/stratacache/strata/backends/locmem"
	"github.com/stratacache/strata/backends/shard"
	"github.com/stratacache/strata/cache/driver"
)

// BenchmarkPick is the choice of a shard alone.
func BenchmarkPick(b *testing.B) {
	names := []string{"a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l"}
	run := func(name string, s *shard.Store) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			k := key("user:profile:12345")
			for b.Loop() {
				s.Pick(k)
			}
		})
	}
	run("3", over(b, memories(names[:3]...)...))
	run("12", over(b, memories(names...)...))
	weighted := memories(names[:3]...)
	weighted[0].Weight = 2
	run("3, weighted", over(b, weighted...))
}

// BenchmarkGet is a hit through shards beside one of the fastest store there
// is, which is the floor.
func BenchmarkGet(b *testing.B) {
	ctx := context.Background()
	generation, err := shard.New(memories("a", "b", "c"), &shard.Options{Generation: 1})
	if err != nil {
		b.Fatal(err)
	}
	for _, c := range []struct {
		name  string
		store driver.Store
	}{
		{"bare", locmem.New(nil)},
		{"1", over(b, memories("a")...)},
		{"3", over(b, memories("a", "b", "c")...)},
		{"3, a generation", generation},
	} {
		k := key("user:profile:12345")
		if _, err := c.store.Put(ctx, k, value("v"), driver.Set, 0); err != nil {
			b.Fatal(err)
		}
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				_, _ = c.store.Get(ctx, k, 0)
			}
		})
		b.Run(c.name+"/parallel", func(b *testing.B) {
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					_, _ = c.store.Get(ctx, k, 0)
				}
			})
		})
	}
}

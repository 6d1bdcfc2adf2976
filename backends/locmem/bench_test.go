package locmem

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/maypok86/otter/v2"

	"github.com/stratacache/strata/cache/driver"
)

// BenchmarkGetHit compares a hit with otter's own get with expiry, the floor, on
// the same keys in the same order. Run with -cpu 1,2.
func BenchmarkGetHit(b *testing.B) {
	const size = 1000
	keys := make([]driver.Key, size)
	for i := range keys {
		keys[i] = driver.Key{Scope: "\x03app\x01v1:", Name: fmt.Sprint("user:profile:", i)}
	}
	zipf := rand.NewZipf(rand.New(rand.NewPCG(1, 2)), 1.01, 1, size-1)
	asked := make([]driver.Key, 1<<14)
	for i := range asked {
		asked[i] = keys[zipf.Uint64()]
	}
	value := make([]byte, 100)
	each := func(b *testing.B, get func(driver.Key) bool) {
		b.ReportAllocs()
		i := 0
		for b.Loop() {
			if !get(asked[i&(len(asked)-1)]) {
				b.Fatal("a miss")
			}
			i++
		}
	}
	both := func(b *testing.B, name string, get func(driver.Key) bool) {
		b.Run(name, func(b *testing.B) { each(b, get) })
		b.Run(name+"/parallel", func(b *testing.B) {
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				for i := rand.IntN(len(asked)); pb.Next(); i++ {
					get(asked[i&(len(asked)-1)])
				}
			})
		})
	}

	floor := otter.Must(&otter.Options[driver.Key, []byte]{
		MaximumSize:      2 * size,
		ExpiryCalculator: otter.ExpiryWriting[driver.Key, []byte](time.Hour),
	})
	defer floor.StopAllGoroutines()
	for _, k := range keys {
		floor.Set(k, value)
	}
	both(b, "otter", func(k driver.Key) bool {
		_, ok := floor.GetIfPresent(k)
		return ok
	})

	ctx := context.Background()
	for _, c := range []struct {
		name string
		opts Options
		tags []string
	}{
		{name: "LRU"}, // 100,000 entries, in shards
		{name: "LRU/one-shard", opts: Options{MaxEntries: 2 * size}},
		{name: "LRU/tags", tags: []string{"a", "b"}},
		{name: "WTinyLFU", opts: Options{Policy: WTinyLFU}},
		{name: "WTinyLFU/tags", opts: Options{Policy: WTinyLFU}, tags: []string{"a", "b"}},
	} {
		s := newStore(b, &c.opts)
		for _, k := range keys {
			put(b, s, k, &driver.Entry{Payload: value, Tags: c.tags, Life: entry("", time.Hour).Life}, driver.Set, 0)
		}
		invalidate(b, s, nil, "unrelated")
		both(b, c.name, func(k driver.Key) bool {
			r, err := s.Get(ctx, k, 0)
			return err == nil && r.Entry != nil
		})
	}
}

func BenchmarkPut(b *testing.B) {
	ctx := context.Background()
	for name, p := range policies {
		for _, full := range []bool{false, true} {
			b.Run(fmt.Sprintf("%s/evicting=%v", name, full), func(b *testing.B) {
				b.ReportAllocs()
				s := newStore(b, &Options{MaxEntries: 10_000, Policy: p})
				keys := make([]driver.Key, 5000)
				if full {
					keys = make([]driver.Key, 100_000)
				}
				for i := range keys {
					keys[i] = keyN(i)
				}
				value := make([]byte, 100)
				life := entry("", time.Hour).Life
				i := 0
				for b.Loop() {
					if _, err := s.Put(ctx, keys[i%len(keys)], &driver.Entry{Payload: value, Life: life}, driver.Set, 0); err != nil {
						b.Fatal(err)
					}
					i++
				}
			})
		}
	}
}

func BenchmarkIncr(b *testing.B) {
	ctx := context.Background()
	for name, p := range policies {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			s := newStore(b, &Options{Policy: p})
			one := entry("1", time.Hour)
			one.Kind = driver.Integer
			put(b, s, key("n"), one, driver.Set, 0)
			for b.Loop() {
				if _, err := s.Incr(ctx, key("n"), 1, nil); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkMissAndFill is what a load costs beside the loader.
func BenchmarkMissAndFill(b *testing.B) {
	ctx := context.Background()
	for name, p := range policies {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			s := newStore(b, &Options{MaxEntries: 10_000, Policy: p})
			life := entry("", time.Hour).Life
			value := make([]byte, 100)
			keys := make([]driver.Key, 100_000)
			for i := range keys {
				keys[i] = keyN(i)
			}
			i := 0
			for b.Loop() {
				k := keys[i%len(keys)]
				r, _ := s.Get(ctx, k, time.Minute)
				if r.Entry == nil {
					_, _ = s.Put(ctx, k, &driver.Entry{Payload: value, Life: life, Stamp: r.Fence.Stamp}, driver.Fill, r.Fence.Token)
				}
				i++
			}
		})
	}
}

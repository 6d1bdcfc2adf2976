package cache_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand"
	"testing"
	"time"

	"github.com/maypok86/otter/v2"

	"github.com/stratacache/strata/backends/locmem"
	"github.com/stratacache/strata/cache"
)

const benchKeys = 1000

// zipf returns a fixed sequence of keys in which a few are asked for often.
func zipf() []string {
	r := rand.New(rand.NewSource(1))
	z := rand.NewZipf(r, 1.1, 1, benchKeys-1)
	keys := make([]string, 1<<14)
	for i := range keys {
		keys[i] = fmt.Sprintf("user:%d", z.Uint64())
	}
	return keys
}

// BenchmarkTypedHit is a hit of a flat struct in memory, beside its floor:
// otter's own get with expiry.
func BenchmarkTypedHit(b *testing.B) {
	keys := zipf()
	value := flatUser{ID: 7, Name: "somebody", Seen: time.Unix(1, 0).UTC()}
	ctx := context.Background()

	b.Run("floor=otter", func(b *testing.B) {
		o := otter.Must(&otter.Options[string, flatUser]{
			MaximumSize:      100_000,
			ExpiryCalculator: otter.ExpiryWriting[string, flatUser](time.Hour),
		})
		defer o.StopAllGoroutines()
		for _, k := range keys {
			o.Set(k, value)
		}
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			if _, ok := o.GetIfPresent(keys[i&(len(keys)-1)]); !ok {
				b.Fatal("miss")
			}
		}
	})
	for _, p := range []struct {
		name   string
		policy locmem.Policy
	}{{"lru", locmem.LRU}, {"wtinylfu", locmem.WTinyLFU}} {
		client := open(b, locmem.New(&locmem.Options{Policy: p.policy}), nil)
		c := cache.For[flatUser](client.WithPrefix("users"))
		for _, k := range keys {
			if err := c.Set(ctx, k, value, cache.TTL(time.Hour)); err != nil {
				b.Fatal(err)
			}
		}
		b.Run("get/"+p.name, func(b *testing.B) {
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				if _, err := c.Get(ctx, keys[i&(len(keys)-1)]); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run("getorset/"+p.name, func(b *testing.B) {
			load := func(context.Context) (flatUser, error) { return value, nil }
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				if _, err := c.GetOrSet(ctx, keys[i&(len(keys)-1)], load); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run("get/parallel/"+p.name, func(b *testing.B) {
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				for i := 0; pb.Next(); i++ {
					if _, err := c.Get(ctx, keys[i&(len(keys)-1)]); err != nil {
						b.Fatal(err)
					}
				}
			})
		})
	}
}

// BenchmarkNearHit is the same hit in a near tier, with three tags.
func BenchmarkNearHit(b *testing.B) {
	ctx := context.Background()
	client := open(b, nil, &cache.Options{Near: []cache.Tier{{Store: locmem.New(nil)}}, Staleness: time.Hour})
	c := cache.For[flatUser](client)
	load := func(context.Context) (flatUser, error) { return flatUser{Name: "a"}, nil }
	get := func() error {
		_, err := c.GetOrSet(ctx, "k", load, cache.Tags("a", "b", "c"))
		return err
	}
	if err := get(); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if err := get(); err != nil {
			b.Fatal(err)
		}
	}
	if s := client.Stats(); s.NearHits < s.Hits {
		b.Fatalf("these were no near hits: %+v", s)
	}
}

// BenchmarkDecodedHit is a hit of a struct that must be copied by decoding it,
// beside the decoding alone.
func BenchmarkDecodedHit(b *testing.B) {
	ctx := context.Background()
	value := user{Name: "a", Roles: []string{"reader", "writer"}, Attrs: map[string]int{"x": 1}}
	data, _ := json.Marshal(value)
	b.Run("floor=json", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			var u user
			if err := json.Unmarshal(data, &u); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("get", func(b *testing.B) {
		c := cache.For[user](open(b, nil, nil))
		if err := c.Set(ctx, "k", value); err != nil {
			b.Fatal(err)
		}
		b.ReportAllocs()
		for b.Loop() {
			if _, err := c.Get(ctx, "k"); err != nil {
				b.Fatal(err)
			}
		}
	})
}

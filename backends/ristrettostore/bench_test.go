package ristrettostore_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/dgraph-io/ristretto/v2"

	"github.com/stratacache/strata/backends/ristrettostore"
	"github.com/stratacache/strata/cache/driver"
)

const benchBytes = 64 << 20

// raw is ristretto with the options that the store gives it, but for string
// keys.
func raw(b *testing.B) *ristretto.Cache[string, *driver.Entry] {
	b.Helper()
	c, err := ristretto.NewCache(&ristretto.Config[string, *driver.Entry]{
		NumCounters: benchBytes / 100, MaxCost: benchBytes, BufferItems: 64, IgnoreInternalCost: true,
	})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(c.Close)
	return c
}

func names(n int) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = fmt.Sprint("user:profile:", i)
	}
	return out
}

func keysOf(names []string) []driver.Key {
	out := make([]driver.Key, len(names))
	for i, n := range names {
		out[i] = driver.Key{Scope: "\x03app\x01v1:", Name: n}
	}
	return out
}

// BenchmarkGetHit compares a hit with ristretto's own get of what has a TTL, the
// floor, on the same keys in the same order.
func BenchmarkGetHit(b *testing.B) {
	const size = 1000
	names := names(size)
	keys := keysOf(names)
	zipf := rand.NewZipf(rand.New(rand.NewPCG(1, 2)), 1.01, 1, size-1)
	asked := make([]int, 1<<14)
	for i := range asked {
		asked[i] = int(zipf.Uint64())
	}
	both := func(b *testing.B, name string, get func(int) bool) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				if !get(asked[i&(len(asked)-1)]) {
					b.Fatal("a miss")
				}
				i++
			}
		})
		b.Run(name+"/parallel", func(b *testing.B) {
			b.RunParallel(func(pb *testing.PB) {
				for i := rand.IntN(len(asked)); pb.Next(); i++ {
					get(asked[i&(len(asked)-1)])
				}
			})
		})
	}

	floor := raw(b)
	for _, n := range names {
		floor.SetWithTTL(n, entry("value", time.Hour), 500, time.Hour)
	}
	floor.Wait()
	both(b, "ristretto", func(i int) bool {
		_, ok := floor.Get(names[i])
		return ok
	})
	for name, tags := range map[string][]string{"store": nil, "store/tags": {"a", "b"}} {
		s := open(b, nil)
		for _, k := range keys {
			put(b, s, k, entry("value", time.Hour, tags...), driver.Set, 0)
		}
		invalidate(b, s, nil, "unrelated")
		s.Settle()
		both(b, name, func(i int) bool {
			r, err := s.Get(b.Context(), keys[i], 0)
			return err == nil && r.Entry != nil
		})
	}
}

// BenchmarkSet is what a Set costs whose key is new, or stands already. Of the
// floors one waits for nothing, and drops what comes too fast, as the store never
// does; the other waits in time to drop nothing.
func BenchmarkSet(b *testing.B) {
	for _, n := range []int{1000, 1_000_000} {
		what := map[bool]string{true: "overwrite", false: "new"}[n == 1000]
		names := names(n)
		keys := keysOf(names)
		for _, waits := range []bool{false, true} {
			name := what + "/ristretto"
			if waits {
				name += "-waiting"
			}
			b.Run(name, func(b *testing.B) {
				b.ReportAllocs()
				c := raw(b)
				dropped, i := 0, 0
				for b.Loop() {
					if waits && i%16_000 == 0 {
						c.Wait()
					}
					if !c.SetWithTTL(names[i%n], &driver.Entry{}, 500, time.Hour) {
						dropped++
					}
					i++
				}
				b.ReportMetric(float64(dropped)/float64(b.N)*100, "%dropped")
			})
		}
		b.Run(what+"/store", func(b *testing.B) {
			b.ReportAllocs()
			s := open(b, &ristrettostore.Options{MaxBytes: benchBytes})
			life := entry("", time.Hour).Life
			i := 0
			for b.Loop() {
				if _, err := s.Put(b.Context(), keys[i%n], &driver.Entry{Life: life}, driver.Set, 0); err != nil {
					b.Fatal(err)
				}
				i++
			}
		})
	}
}

// BenchmarkIncr has no floor: ristretto cannot count.
func BenchmarkIncr(b *testing.B) {
	s := open(b, nil)
	k := key("n")
	one := entry("1", time.Hour)
	one.Kind = driver.Integer
	put(b, s, k, one, driver.Set, 0)
	for b.Loop() {
		if _, err := s.Incr(b.Context(), k, 1, nil); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkMissAndFill is what a load costs beside the loader.
func BenchmarkMissAndFill(b *testing.B) {
	s := open(b, &ristrettostore.Options{MaxBytes: 4 << 20})
	keys := keysOf(names(100_000))
	life := entry("", time.Hour).Life
	value := make([]byte, 100)
	i := 0
	for b.Loop() {
		k := keys[i%len(keys)]
		if r, _ := s.Get(b.Context(), k, time.Minute); r.Entry == nil {
			_, _ = s.Put(b.Context(), k, &driver.Entry{Payload: value, Life: life, Stamp: r.Fence.Stamp}, driver.Fill, r.Fence.Token)
		}
		i++
	}
}

package breaker_test

import (
	"context"
	"testing"
	"time"

	"github.com/stratacache/strata/backends/breaker"
	"github.com/stratacache/strata/backends/locmem"
	"github.com/stratacache/strata/cache/driver"
)

// BenchmarkGet is what a breaker adds to a hit of the fastest store there is,
// which is the floor. Run with -cpu 1,2.
func BenchmarkGet(b *testing.B) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	bare := locmem.New(nil)
	if _, err := bare.Put(ctx, key("k"), value("v"), driver.Set, 0); err != nil {
		b.Fatal(err)
	}
	closed := over(b, bare, nil)
	limited := over(b, bare, &breaker.Options{Timeout: time.Second})
	open, faulty := newStore(b, &breaker.Options{Failures: 1, OpenFor: time.Hour})
	faulty.Plan(fails)
	_ = get(ctx, open)
	for _, c := range []struct {
		name  string
		store driver.Store
	}{
		{"bare", bare},
		{"closed", closed},
		{"closed with Timeout", limited},
		{"open", open},
	} {
		k := key("k")
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				_, _ = c.store.Get(ctx, k, 0)
			}
		})
		b.Run(c.name+"/parallel", func(b *testing.B) {
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					_, _ = c.store.Get(ctx, k, 0)
				}
			})
		})
	}
}

package redisstore_test

import (
	"context"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/stratacache/strata/cache"
	"github.com/stratacache/strata/internal/servertest"
)

// BenchmarkLeaseWait measures how much later than the process that loads a value
// another one has it, which polls for it; beside it, how much later a subscriber
// hears of what is published, which would be the floor of being told.
func BenchmarkLeaseWait(b *testing.B) {
	server := servertest.Redis(b)
	rdb := client(b, server.Addr)
	ctx := context.Background()
	late := func(b *testing.B, once func(i int) time.Duration) {
		var all []time.Duration
		for i := range b.N {
			all = append(all, once(i))
		}
		slices.Sort(all)
		var sum time.Duration
		for _, d := range all {
			sum += d
		}
		b.ReportMetric(0, "ns/op")
		b.ReportMetric(float64(sum.Microseconds())/float64(len(all))/1000, "ms-later")
		b.ReportMetric(float64(all[len(all)*95/100].Microseconds())/1000, "ms-later-p95")
	}
	b.Run("floor=publish", func(b *testing.B) {
		sub := rdb.Subscribe(ctx, "told")
		defer sub.Close()
		if _, err := sub.Receive(ctx); err != nil {
			b.Fatal(err)
		}
		late(b, func(int) time.Duration {
			began := time.Now()
			if err := rdb.Publish(ctx, "told", "k").Err(); err != nil {
				b.Fatal(err)
			}
			if _, err := sub.ReceiveMessage(ctx); err != nil {
				b.Fatal(err)
			}
			return time.Since(began)
		})
	})
	for _, takes := range []time.Duration{5 * time.Millisecond, 50 * time.Millisecond, 500 * time.Millisecond} {
		b.Run("load="+takes.String(), func(b *testing.B) {
			var c [2]*cache.Client
			for i := range c {
				var err error
				if c[i], err = cache.New(over(b, client(b, server.Addr), "wait"+takes.String()), nil); err != nil {
					b.Fatal(err)
				}
				defer c[i].Close(ctx)
			}
			late(b, func(i int) time.Duration {
				key := strconv.Itoa(b.N) + "/" + strconv.Itoa(i)
				begun, stored := make(chan struct{}), make(chan time.Time)
				go func() {
					_, _ = c[0].GetOrSet(ctx, key, func(context.Context) ([]byte, error) {
						close(begun)
						time.Sleep(takes)
						return []byte("v"), nil
					})
					stored <- time.Now()
				}()
				<-begun
				loads := false
				_, err := c[1].GetOrSet(ctx, key, func(context.Context) ([]byte, error) { loads = true; return nil, nil })
				now := time.Now()
				if err != nil || loads {
					b.Fatal(err, loads)
				}
				return now.Sub(<-stored)
			})
		})
	}
}

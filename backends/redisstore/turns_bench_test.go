package redisstore_test

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"
)

// contender is one of several ways to do the same thing. call is made by several
// goroutines at once.
type contender struct {
	name string
	call func() error
}

// inTurn measures contenders by turns, in short slices, since what else the
// machine does changes from one second to the next. It reports the median time
// of each, and the median of its ratios to the first within the same round. worked
// is how long the server was busy until now: with that there is less noise.
func inTurn(b *testing.B, worked func() time.Duration, goroutines int, contenders ...contender) {
	calls := max(48, 16*goroutines) // in a slice, of all goroutines together
	times, servers, ratios := make([][]float64, len(contenders)), make([][]float64, len(contenders)), make([][]float64, len(contenders))
	slice := func(c contender) (each, server float64) {
		var wg sync.WaitGroup
		busy, began := worked(), time.Now()
		for range goroutines {
			wg.Go(func() {
				for range calls / goroutines {
					if err := c.call(); err != nil {
						b.Error(err)
						return
					}
				}
			})
		}
		wg.Wait()
		each = float64(time.Since(began)) / float64(calls)
		return each, float64(worked()-busy) / float64(calls)
	}
	for _, c := range contenders {
		slice(c)
	}
	for b.Loop() {
		var first float64
		for i, c := range contenders {
			each, server := slice(c)
			if i == 0 {
				first = each
			}
			times[i], servers[i], ratios[i] = append(times[i], each), append(servers[i], server), append(ratios[i], each/first)
		}
	}
	for i, c := range contenders {
		b.ReportMetric(median(times[i]), c.name+"-ns")
		b.ReportMetric(median(servers[i]), c.name+"-server-ns")
		if i > 0 {
			b.ReportMetric(median(ratios[i]), c.name+"-x")
		}
	}
	b.ReportMetric(0, "ns/op") // of a round, which means nothing
}

func median(of []float64) float64 {
	of = slices.Clone(of)
	slices.Sort(of)
	return of[len(of)/2]
}

// atOnce runs a benchmark with one goroutine and with sixteen.
func atOnce(b *testing.B, worked func() time.Duration, name string, contenders ...contender) {
	for _, n := range []int{1, 16} {
		b.Run(fmt.Sprintf("%s/%d", name, n), func(b *testing.B) { inTurn(b, worked, n, contenders...) })
	}
}

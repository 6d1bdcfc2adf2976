package sqlstore_test

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"
)

// contender is one of several ways to do the same thing. call is made by several
// goroutines at once, each with its own number.
type contender struct {
	name string
	call func(goroutine int) error
}

// inTurn measures contenders by turns, in short slices, since what else the
// machine does changes from one second to the next. It reports the median time
// of each, and the median of its ratios to the first within the same round.
func inTurn(b *testing.B, goroutines int, contenders ...contender) {
	calls := max(48, 16*goroutines) // in a slice, of all goroutines together
	times := make([][]float64, len(contenders))
	ratios := make([][]float64, len(contenders))
	slice := func(c contender) float64 {
		var wg sync.WaitGroup
		began := time.Now()
		for g := range goroutines {
			wg.Go(func() {
				for range calls / goroutines {
					if err := c.call(g); err != nil {
						b.Error(err)
						return
					}
				}
			})
		}
		wg.Wait()
		return float64(time.Since(began)) / float64(calls)
	}
	for _, c := range contenders {
		slice(c)
	}
	for b.Loop() {
		for i, c := range contenders {
			times[i] = append(times[i], slice(c))
			ratios[i] = append(ratios[i], times[i][len(times[i])-1]/times[0][len(times[0])-1])
		}
	}
	for i, c := range contenders {
		b.ReportMetric(median(times[i]), c.name+"-ns")
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
func atOnce(b *testing.B, name string, contenders ...contender) {
	for _, n := range []int{1, 16} {
		b.Run(fmt.Sprintf("%s/%d", name, n), func(b *testing.B) { inTurn(b, n, contenders...) })
	}
}

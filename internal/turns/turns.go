// Package turns measures several ways to do the same thing by turns.
package turns

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"
)

// Way is one of several ways to do the same thing.
type Way struct {
	name string
	call func(goroutine int) error
}

// By is a way. call is made by several goroutines at once, each with its own number.
func By(name string, call func(goroutine int) error) Way { return Way{name, call} }

// AtOnce runs a benchmark with one goroutine and with sixteen. The first of the ways is
// what the others are compared with.
func AtOnce(b *testing.B, name string, ways ...Way) {
	for _, n := range []int{1, 16} {
		b.Run(fmt.Sprintf("%s/%d", name, n), func(b *testing.B) { inTurn(b, n, ways) })
	}
}

// inTurn measures ways by turns, in short slices, since what else the machine does
// changes from one second to the next. It reports the median time of each, and the
// median of its ratios to the first within the same round.
func inTurn(b *testing.B, goroutines int, ways []Way) {
	calls := max(48, 16*goroutines) // in a slice, of all goroutines together
	times := make([][]float64, len(ways))
	ratios := make([][]float64, len(ways))
	slice := func(w Way) float64 {
		var wg sync.WaitGroup
		began := time.Now()
		for g := range goroutines {
			wg.Go(func() {
				for range calls / goroutines {
					if err := w.call(g); err != nil {
						b.Error(err)
						return
					}
				}
			})
		}
		wg.Wait()
		return float64(time.Since(began)) / float64(calls)
	}
	for _, w := range ways {
		slice(w)
	}
	for b.Loop() {
		for i, w := range ways {
			times[i] = append(times[i], slice(w))
			ratios[i] = append(ratios[i], times[i][len(times[i])-1]/times[0][len(times[0])-1])
		}
	}
	for i, w := range ways {
		b.ReportMetric(median(times[i]), w.name+"-ns")
		if i > 0 {
			b.ReportMetric(median(ratios[i]), w.name+"-x")
		}
	}
	b.ReportMetric(0, "ns/op") // of a round, which means nothing
}

func median(of []float64) float64 {
	of = slices.Clone(of)
	slices.Sort(of)
	return of[len(of)/2]
}

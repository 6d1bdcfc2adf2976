package sim

import (
	"flag"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"go.uber.org/goleak"

	"github.com/stratacache/strata/cache"
)

var (
	seeds   = flag.Uint64("seeds", 300, "how many seeds to run")
	first   = flag.Uint64("first", 0, "the first of them")
	seed    = flag.Int64("seed", -1, "run this seed alone, and print its history")
	without = flag.String("without", "", "a rule to take out of the world")
)

// never are the counters of what the simulation leaves out: entries of other
// types, timeouts of a tier, more owed than a process remembers, options of a call.
var never = []string{"Odd", "StoreTimeouts", "StoreSlow", "Overflows", "Owed", "Bypasses"}

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// Nothing of what the package promises to look for is found.
func TestSeeds(t *testing.T) {
	if *seed >= 0 {
		o := Run(t, uint64(*seed), Rule(*without))
		t.Log("\n" + o.History())
		for _, p := range o.Problems {
			t.Error(p)
		}
		return
	}
	var next atomic.Uint64
	next.Store(*first)
	var mu sync.Mutex
	var all cache.Stats
	t.Run("all", func(t *testing.T) {
		for i := range runtime.GOMAXPROCS(0) {
			t.Run(strconv.Itoa(i), func(t *testing.T) {
				t.Parallel()
				for s := next.Add(1) - 1; s < *first+*seeds; s = next.Add(1) - 1 {
					o := Run(t, s, Rule(*without))
					if len(o.Problems) > 0 {
						next.Store(*first + *seeds)
						t.Fatalf("seed %d: %s\n%s", s, o.Problems[0], o.History())
					}
					mu.Lock()
					add(&all, &o.Stats)
					mu.Unlock()
				}
			})
		}
	})
	if !t.Failed() && *seeds >= 100 {
		t.Logf("%+v", all)
		for name, n := range each(&all) {
			if n.Uint() == 0 && !slices.Contains(never, name) {
				t.Errorf("in no run there was anything for Stats.%s", name)
			}
		}
	}
}

// Equal seeds give equal histories.
func TestSameSeedSameHistory(t *testing.T) {
	t.Parallel()
	for s := range min(*seeds, 100) {
		a := Run(t, s, "")
		b := Run(t, s, "")
		if x, y := a.History(), b.History(); x != y {
			t.Fatalf("seed %d: the histories differ:\n%s", s, diff(x, y))
		}
	}
}

// diff shows where two histories part.
func diff(a, b string) string {
	x, y := strings.Split(a, "\n"), strings.Split(b, "\n")
	n := 0
	for n < min(len(x), len(y)) && x[n] == y[n] {
		n++
	}
	part := func(lines []string) string {
		return strings.Join(lines[max(0, n-12):min(len(lines), n+4)], "\n")
	}
	return part(x) + "\n-----\n" + part(y)
}

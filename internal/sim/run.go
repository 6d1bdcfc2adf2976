package sim

import (
	"fmt"
	"testing"
	"testing/synctest"

	"github.com/stratacache/strata/cache"
)

// Outcome is what a run came to.
type Outcome struct {
	Seed uint64
	// Problems are what must not be; none in a run as it should be.
	Problems []string
	// Stats are those of all clients together.
	Stats   cache.Stats
	Steps   int // lines of the history
	history func() string
}

// History is all that happened, a line for each step.
func (o *Outcome) History() string { return o.history() }

// Run runs one seed, without a rule or, with "", with all of them. Equal seeds
// give equal histories.
func Run(t *testing.T, seed uint64, without Rule) (out Outcome) {
	var w *world
	defer func() {
		if broken := recover(); broken != nil {
			out.Problems = append(out.Problems, fmt.Sprint(broken))
		}
		if w != nil {
			out.Seed, out.Stats, out.Steps, out.history = seed, w.stats, len(w.history), w.text
			out.Problems = append(out.Problems, w.problems...)
		}
	}()
	synctest.Test(t, func(*testing.T) {
		w = newWorld(seed, without)
		w.run()
	})
	return out
}

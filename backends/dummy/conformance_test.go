package dummy_test

import (
	"maps"
	"testing"

	"github.com/stratacache/strata/backends/dummy"
	"github.com/stratacache/strata/cache/driver"
	"github.com/stratacache/strata/cache/drivertest"
)

// nothing is what the documentation says of each rule that stores first and asks
// afterwards.
const nothing = "It is the store whose entries are all evicted at once."

// TestConformance runs what can be asked of a store that keeps nothing. What it
// answers instead of the rest is in dummy_test.go.
func TestConformance(t *testing.T) {
	t.Parallel()
	limits := make(map[string]string)
	for _, story := range []string{
		"bulk", "concurrency", "counting", "deleting", "fences", "keys", "lifetimes", "model", "stamps", "values", "versions", "writing",
	} {
		limits[story] = nothing
	}
	for _, rule := range []string{
		"LL-002", "LL-005", "LL-159", "all that an entry holds comes back", "an entry that is no longer fresh is returned until it ends",
		"an entry that lives forever says so", "the fence of a hit is the entry's own token", "two namespaces do not meet",
		"LL-046", "LL-047", "LL-049", "a reading after a touch has the new lifetime", "touch of a placeholder is false and leaves it",
		"LL-086", "LL-087", "LL-088", "LL-093", "get-or-set loads anew over a value that is not of its type",
		"a value whose tag was expired is stale, and gone once the tag is invalidated",
		"a fill and an invalidation may be sent again when their reply is lost",
		"a write whose reply is lost has happened or not, and is an error",
	} {
		limits[rule] = nothing
	}
	maps.Copy(limits, map[string]string{
		"when only storing fails, get-or-set still answers":                            noToken,
		"when the store fails, every call of a client says so, and get-or-set answers": noToken,
		"when the store hangs, every call of a client ends with its context":           noToken,
	})
	drivertest.Run(t, drivertest.Harness{
		Name:   "dummy",
		Open:   func(testing.TB) driver.Store { return dummy.New() },
		Bubble: true,
		Limits: limits,
	})
}

// noToken is why a Fill does not even ask the store.
const noToken = "No token ever stands, so that no load and no fenced Set is stored."

package metarecord_test

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stratacache/strata/cache/driver"
	"github.com/stratacache/strata/cache/driver/metarecord"
)

func Example() {
	r := metarecord.New(1000)
	var checked atomic.Uint64
	e := &driver.Entry{Stamp: r.Stamp(), Tags: []string{"author:7"}}
	fmt.Println(r.Valid(e, &checked))
	r.Advance() // somebody's write
	fmt.Println(r.Valid(e, &checked))
	r.Invalidate([]string{"author:7"})
	fmt.Println(r.Valid(e, &checked))
	// Output:
	// true
	// true
	// false
}

func TestTooManyTagsAskForANewEpoch(t *testing.T) {
	t.Parallel()
	r := metarecord.New(2)
	if _, ok := r.Invalidate([]string{"a", "b", driver.TagAll}); !ok {
		t.Error("the first call of a record is never too much")
	}
	before := r.Stamp()
	if _, ok := r.Invalidate([]string{"c"}); ok || r.Stamp() != before || r.Tags() != 2 {
		t.Errorf("a third tag: got %v, %v, %d tags, want it refused and nothing changed", ok, r.Stamp(), r.Tags())
	}
	if other := metarecord.New(2); other.Stamp().Epoch == before.Epoch {
		t.Error("two records have one epoch")
	}
}

// Each advance has a number of its own, and whoever sees the number of an
// invalidation finds the entry invalid.
func TestConcurrentInvalidations(t *testing.T) {
	t.Parallel()
	r := metarecord.New(1000)
	e := &driver.Entry{Stamp: r.Stamp(), Tags: []string{"t"}}
	var seen sync.Map
	var wg sync.WaitGroup
	var checked atomic.Uint64
	for i := range 8 {
		wg.Go(func() {
			for range 1000 {
				var now driver.Stamp
				if i%2 == 0 {
					now = r.Advance()
				} else {
					now, _ = r.Invalidate([]string{"t"})
					if r.Valid(e, &checked) {
						t.Error("an entry is valid after its tag was invalidated")
					}
				}
				if _, twice := seen.LoadOrStore(now.N, true); twice {
					t.Errorf("number %d was given twice", now.N)
				}
			}
		})
	}
	wg.Wait()
}

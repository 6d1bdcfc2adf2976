package gather_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stratacache/strata/cache/driver"
	"github.com/stratacache/strata/internal/gather"
)

var errOdd = errors.New("this key cannot be read")

// together runs do for 0 to n-1, of which 0 goes alone and the others together.
func together(n int, do func(i int)) {
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { do(i) })
		synctest.Wait()
	}
	wg.Wait()
}

func TestReads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var asked []string
		reads := gather.NewReads("get", 1, 10, 0,
			func(context.Context, driver.Key, time.Duration) (driver.Reading, error) {
				time.Sleep(time.Second)
				return driver.Reading{}, nil
			},
			func(_ context.Context, keys []driver.Key, hold time.Duration) ([]driver.KeyReading, error) {
				out := make([]driver.KeyReading, len(keys))
				var names []string
				for i, k := range keys {
					names = append(names, k.Name)
					out[i].Planted = hold > 0
					out[i].Fence.Token = driver.Token(len(k.Name))
					if k.Name == "odd" {
						out[i].Err = errOdd
					}
				}
				asked = append(asked, fmt.Sprint(hold, names))
				return out, nil
			})
		gets := []struct {
			name string
			hold time.Duration
		}{{"first", 0}, {"a", 1}, {"bb", 0}, {"a", 1}, {"odd", 1}, {"bb", 1}}
		got := make([]string, len(gets))
		together(len(gets), func(i int) {
			r, err := reads.Get(t.Context(), driver.Key{Name: gets[i].name}, gets[i].hold)
			got[i] = fmt.Sprint(r.Fence.Token, r.Planted, err)
		})
		want := []string{"0 false <nil>", "1 true <nil>", "2 false <nil>", "1 false <nil>", "3 true " + errOdd.Error(), "2 true <nil>"}
		if !slices.Equal(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
		slices.Sort(asked)
		if want := []string{"0s [bb]", "1ns [a odd bb]"}; !slices.Equal(asked, want) {
			t.Errorf("asked %q, want %q", asked, want)
		}
	})
}

func TestSets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var clock uint64
		stands := map[string]string{}
		var steps []string
		sets := gather.NewSets("put", 1, 10, 0,
			func(context.Context, driver.Item) (driver.Result, error) {
				time.Sleep(time.Second)
				return driver.Result{}, nil
			},
			func(_ context.Context, items []driver.Item, _ func(int) bool) []driver.ItemResult {
				clock++
				out := make([]driver.ItemResult, len(items))
				var names []string
				for i, it := range items {
					if it.Mode != driver.Set {
						t.Errorf("mode %d", it.Mode)
					}
					names = append(names, it.Key.Name)
					stands[it.Key.String()] = string(it.Entry.Payload)
					out[i].Result = driver.Result{Done: true, Clock: driver.Stamp{N: clock}}
				}
				steps = append(steps, strings.Join(names, " "))
				return out
			})
		keys := []driver.Key{{Name: "first"}, {Name: "a"}, {Name: "b"}, {Scope: "a"}, {Name: "c"}, {Name: "a"}}
		numbers := make([]uint64, len(keys))
		together(len(keys), func(i int) {
			r, err := sets.Set(t.Context(), keys[i], &driver.Entry{Payload: fmt.Append(nil, i)})
			if err != nil {
				t.Error(err)
			}
			numbers[i] = r.Clock.N
		})
		if want := []uint64{0, 1, 1, 2, 1, 3}; !slices.Equal(numbers, want) {
			t.Errorf("the numbers are %v, want %v: those of one key differ, and the others go together", numbers, want)
		}
		if stands["a"] != "5" {
			t.Errorf("of three Sets of one key, number %s remains, want the last", stands["a"])
		}
		if len(steps) != 3 {
			t.Errorf("got the steps %q", steps)
		}
	})
}

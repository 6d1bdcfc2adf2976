package gather

import (
	"context"
	"time"

	"github.com/stratacache/strata/cache/driver"
)

// Sets has the Sets of a store that come at once go as PutMany.
type Sets struct {
	group Group[driver.Item, driver.Result]
}

// NewSets returns Sets, with the fields Op, Width, Max and Patience of their [Group]. one and
// many are a store's Put and PutMany, neither of which may come back here.
func NewSets(op string, width, most int, patience time.Duration,
	one func(context.Context, driver.Item) (driver.Result, error),
	many func(context.Context, []driver.Item) []driver.ItemResult,
) *Sets {
	return &Sets{Group[driver.Item, driver.Result]{
		Op: op, Width: width, Max: most, Patience: patience, One: one,
		Many: func(ctx context.Context, items []driver.Item) []Answer[driver.Result] {
			out := make([]Answer[driver.Result], len(items))
			for _, which := range rounds(items) {
				some := make([]driver.Item, len(which))
				for j, i := range which {
					some[j] = items[i]
				}
				for j, r := range many(ctx, some) {
					out[which[j]] = Answer[driver.Result]{r.Result, r.Err}
				}
			}
			return out
		},
	}}
}

// Set is driver.Store's Put in the mode driver.Set.
func (s *Sets) Set(ctx context.Context, key driver.Key, e *driver.Entry) (driver.Result, error) {
	return s.group.Do(ctx, driver.Item{Key: key, Entry: e, Mode: driver.Set})
}

// Close is [Group.Close].
func (s *Sets) Close(ctx context.Context) error { return s.group.Close(ctx) }

// rounds is which items go one after the other: those that set the same key, each of
// which needs a number of its own.
func rounds(items []driver.Item) [][]int {
	var out [][]int
	times := make(map[string]int, len(items))
	for i, it := range items {
		name := it.Key.String()
		n := times[name]
		times[name]++
		if n == len(out) {
			out = append(out, make([]int, 0, len(items)-i))
		}
		out[n] = append(out[n], i)
	}
	return out
}

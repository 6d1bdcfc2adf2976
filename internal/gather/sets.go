package gather

import (
	"context"
	"time"

	"github.com/stratacache/strata/cache/driver"
)

// Sets has the Sets of a store that come at once go as PutMany.
type Sets struct{ group Group[set, driver.Result] }

// set is what a Set asks for.
type set struct {
	ctx  context.Context
	item driver.Item
}

// NewSets returns Sets, with the fields Op, Width, Max and Patience of their [Group]. one and
// many are a store's Put and PutMany, neither of which may come back here. many is told
// who has left meanwhile: whatever it begins after that it begins without them, since they
// may have set or invalidated the same key again.
func NewSets(op string, width, most int, patience time.Duration,
	one func(context.Context, driver.Item) (driver.Result, error),
	many func(ctx context.Context, items []driver.Item, left func(i int) bool) []driver.ItemResult,
) *Sets {
	return &Sets{Group[set, driver.Result]{
		Op: op, Width: width, Max: most, Patience: patience,
		One: func(ctx context.Context, s set) (driver.Result, error) { return one(ctx, s.item) },
		Many: func(ctx context.Context, sets []set) []Answer[driver.Result] {
			out := make([]Answer[driver.Result], len(sets))
			for _, which := range rounds(sets) {
				items := make([]driver.Item, len(which))
				for j, i := range which {
					items[j] = sets[i].item
				}
				left := func(j int) bool { return sets[which[j]].ctx.Err() != nil }
				for j, r := range many(ctx, items, left) {
					out[which[j]] = Answer[driver.Result]{r.Result, r.Err}
				}
			}
			return out
		},
	}}
}

// Set is driver.Store's Put in the mode driver.Set.
func (s *Sets) Set(ctx context.Context, key driver.Key, e *driver.Entry) (driver.Result, error) {
	return s.group.Do(ctx, set{ctx, driver.Item{Key: key, Entry: e, Mode: driver.Set}})
}

// Close is [Group.Close].
func (s *Sets) Close(ctx context.Context) error { return s.group.Close(ctx) }

// rounds is which sets go one after the other: those of the same key, each of which
// needs a number of its own.
func rounds(sets []set) [][]int {
	var out [][]int
	times := make(map[string]int, len(sets))
	for i, s := range sets {
		name := s.item.Key.String()
		n := times[name]
		times[name]++
		if n == len(out) {
			out = append(out, make([]int, 0, len(sets)-i))
		}
		out[n] = append(out[n], i)
	}
	return out
}

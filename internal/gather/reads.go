package gather

import (
	"context"
	"time"

	"github.com/stratacache/strata/cache/driver"
)

// Reads has the Gets of a store that come at once go as GetMany.
type Reads struct{ group Group[get, driver.Reading] }

// get is what a Get asks for.
type get struct {
	ctx  context.Context
	key  driver.Key
	hold time.Duration
}

// NewReads returns Reads, with the fields Op, Width, Max and Patience of their [Group]. one and
// many are a store's Get and GetMany, neither of which may come back here.
func NewReads(op string, width, most int, patience time.Duration,
	one func(ctx context.Context, key driver.Key, hold time.Duration) (driver.Reading, error),
	many func(ctx context.Context, keys []driver.Key, hold time.Duration) ([]driver.KeyReading, error),
) *Reads {
	return &Reads{Group[get, driver.Reading]{
		Op: op, Width: width, Max: most, Patience: patience,
		One: func(ctx context.Context, g get) (driver.Reading, error) { return one(ctx, g.key, g.hold) },
		Many: func(ctx context.Context, gets []get) []Answer[driver.Reading] {
			out := make([]Answer[driver.Reading], len(gets))
			for hold, which := range byHold(gets) {
				read(gets, which, out, func(keys []driver.Key) ([]driver.KeyReading, error) { return many(ctx, keys, hold) })
			}
			return out
		},
	}}
}

// Get is driver.Store's.
func (r *Reads) Get(ctx context.Context, key driver.Key, hold time.Duration) (driver.Reading, error) {
	return r.group.Do(ctx, get{ctx, key, hold})
}

// Close is [Group.Close].
func (r *Reads) Close(ctx context.Context) error { return r.group.Close(ctx) }

// byHold is which of gets ask for which hold: nearly always all for the same.
func byHold(gets []get) map[time.Duration][]int {
	out := make(map[time.Duration][]int, 1)
	for i, g := range gets {
		out[g.hold] = append(out[g.hold], i)
	}
	return out
}

// read reads for some of gets, whose keys need not be distinct.
func read(gets []get, which []int, out []Answer[driver.Reading], many func([]driver.Key) ([]driver.KeyReading, error)) {
	keys := make([]driver.Key, 0, len(which))
	at := make(map[string]int, len(which))
	for _, i := range which {
		name := gets[i].key.String()
		if _, ok := at[name]; !ok {
			at[name] = len(keys)
			keys = append(keys, gets[i].key)
		}
	}
	readings, err := many(keys)
	for _, i := range which {
		if err != nil {
			out[i].Err = err
			continue
		}
		r := &readings[at[gets[i].key.String()]]
		out[i] = Answer[driver.Reading]{r.Reading, r.Err}
		if gets[i].ctx.Err() == nil { // whoever comes second sees what the first one planted
			r.Planted = false
		}
	}
}

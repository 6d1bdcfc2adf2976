package shard_test

import (
	"context"
	"testing"

	"github.com/stratacache/strata/backends/locmem"
	"github.com/stratacache/strata/backends/shard"
	"github.com/stratacache/strata/cache/driver"
	"github.com/stratacache/strata/cache/drivertest"
)

func TestConformance(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		names  []string
		opts   *shard.Options
		limits map[string]string
	}{
		"one":               {[]string{"a"}, nil, nil},
		"one, a generation": {[]string{"a"}, &shard.Options{Generation: 7}, nil},
		"three":             {[]string{"a", "b", "c"}, nil, severalClocks},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			drivertest.Run(t, drivertest.Harness{
				Name:     map[string]string{"three": "shard, three in memory"}[name],
				Open:     func(t testing.TB) driver.Store { return newStore(t, c.names, c.opts) },
				LoseMeta: func(_ testing.TB, s driver.Store) { loseMeta(s) },
				Dead:     func(t testing.TB) driver.Store { return dead(t, c.names) },
				Bubble:   true,
				Limits:   c.limits,
			})
		})
	}
}

// What the documentation says of several shards. "one" keeps these rules.
const (
	ownClocks = "Each shard has a clock of its own, and stamps of keys of different shards do not compare."
	noClock   = "An Invalidate that went to several shards returns no clock."
	newStamp  = "An entry that moves to another shard gets a stamp of that shard."
)

var severalClocks = map[string]string{
	"every reading has the clock, and a read does not move it":             ownClocks,
	"each invalidation and explicit write advances the clock by one":       ownClocks,
	"whoever comes first makes the lost meta record":                       ownClocks,
	"incr says whether it created, and advances the clock only then":       ownClocks,
	"a fenced Set stores while its token stands":                           ownClocks,
	"a fenced Set whose token no longer stands removes what does":          ownClocks,
	"a fenced Set whose tag was invalidated meanwhile removes what stands": ownClocks,
	"a batch is put in its order, each item by its own mode":               ownClocks,
	"set-many is Set for each item: it advances, stamps and refuses loads": ownClocks,
	"keys and tags are invalidated in one step that advances once":         noClock,
	"invalidating again refuses again":                                     noClock,
	"what is stored after an invalidation is valid: equal is after":        noClock,
	"each concurrent write advances the clock":                             noClock,
	"no step revives an entry: tags count from its own stamp":              newStamp,
}

func newStore(t testing.TB, names []string, opts *shard.Options) driver.Store {
	memory := make([]*locmem.Store, len(names))
	shards := make([]shard.Shard, len(names))
	for i, n := range names {
		memory[i] = locmem.New(nil)
		shards[i] = shard.Shard{Name: n, Store: memory[i]}
	}
	s, err := shard.New(shards, opts)
	if err != nil {
		t.Fatal(err)
	}
	return observed{s, memory}
}

// observed is a Store whose shards can be reached.
type observed struct {
	*shard.Store
	memory []*locmem.Store
}

func loseMeta(s driver.Store) {
	for _, m := range s.(observed).memory {
		m.NewEpoch()
	}
}

// mortal is a store whose server does not answer, and which can be closed all
// the same.
type mortal struct {
	*drivertest.Faulty
}

func (m mortal) Close(ctx context.Context) error {
	m.Plan(func(drivertest.Call) drivertest.Fault { return drivertest.Fault{Err: driver.ErrClosed} })
	return m.Faulty.Close(ctx)
}

func dead(t testing.TB, names []string) driver.Store {
	shards := make([]shard.Shard, len(names))
	for i, n := range names {
		shards[i] = shard.Shard{Name: n, Store: mortal{drivertest.NewFaulty(locmem.New(nil), fails)}}
	}
	s, err := shard.New(shards, nil)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

package shard_test

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/stratacache/strata/backends/locmem"
	"github.com/stratacache/strata/backends/shard"
	"github.com/stratacache/strata/cache"
	"github.com/stratacache/strata/cache/driver"
)

const many = 20_000

func keyN(i int) driver.Key { return key(fmt.Sprint("user:", i)) }

func TestAShardThatIsAddedTakesItsShareAndMovesNothingElse(t *testing.T) {
	t.Parallel()
	three, four := over(t, memories("a", "b", "c")...), over(t, memories("a", "b", "c", "d")...)
	count := make(map[string]int)
	moved := 0
	for i := range many {
		before, after := three.Pick(keyN(i)), four.Pick(keyN(i))
		count[after]++
		if before == after {
			continue
		}
		moved++
		if after != "d" {
			t.Fatalf("%s moved from %s to %s", keyN(i), before, after)
		}
	}
	if got := float64(moved) / many; math.Abs(got-0.25) > 0.01 {
		t.Errorf("moved: got %.3f of the keys, want a quarter", got)
	}
	for name, n := range count {
		if got := float64(n) / many; math.Abs(got-0.25) > 0.01 {
			t.Errorf("%s: got %.3f of the keys, want a quarter", name, got)
		}
	}
}

// Neither the order of shards nor the way in which a key is split matters, and
// where keys live stays so for ever.
func TestPlacementIsThatOfNames(t *testing.T) {
	t.Parallel()
	s, r := over(t, memories("a", "b", "c")...), over(t, memories("c", "a", "b")...)
	for i := range many {
		k := keyN(i)
		whole := driver.Key{Name: k.String()}
		if got, want := r.Pick(whole), s.Pick(k); got != want {
			t.Fatalf("%s: got %s, want %s", k, got, want)
		}
	}
	var b strings.Builder
	for i := range 20 {
		b.WriteString(s.Pick(keyN(i)))
	}
	if got, want := b.String(), "cababbbbcccaabaabaaa"; got != want {
		t.Errorf("the first 20 keys: got %q, want %q", got, want)
	}
}

func TestWeights(t *testing.T) {
	t.Parallel()
	shards := memories("a", "b", "c")
	equal := over(t, shards...)
	shards[0].Weight, shards[1].Weight, shards[2].Weight = 1, 2, 5
	s := over(t, shards...)
	shards[2].Weight = 6
	more := over(t, shards...)
	count := make(map[string]float64)
	for i := range many {
		k := keyN(i)
		count[s.Pick(k)]++
		if before, after := s.Pick(k), more.Pick(k); before != after && after != "c" {
			t.Fatalf("%s moved from %s to %s when c got more weight", k, before, after)
		}
	}
	for name, want := range map[string]float64{"a": 1. / 8, "b": 2. / 8, "c": 5. / 8} {
		if got := count[name] / many; math.Abs(got-want) > 0.01 {
			t.Errorf("%s: got %.3f of the keys, want %.3f", name, got, want)
		}
	}
	for i := range shards {
		shards[i].Weight = 3
	}
	same := over(t, shards...)
	for i := range many {
		if got, want := same.Pick(keyN(i)), equal.Pick(keyN(i)); got != want {
			t.Fatalf("%s: with weights that are equal got %s, want %s", keyN(i), got, want)
		}
	}
}

func TestAGenerationSeesNothingOfAnother(t *testing.T) {
	t.Parallel()
	shards := memories("a", "b", "c")
	old := over(t, shards...)
	renewed, err := shard.New(shards, &shard.Options{Generation: 1})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 20 {
		set(t, old, keyN(i), value("old"))
	}
	for i := range 20 {
		if got := read(t, renewed, keyN(i)); got != "" {
			t.Fatalf("%s: got %q of the generation before", keyN(i), got)
		}
		set(t, renewed, keyN(i), value("new"))
		if got := read(t, old, keyN(i)); got != "old" {
			t.Fatalf("%s in the generation before: got %q", keyN(i), got)
		}
	}
}

func TestNew(t *testing.T) {
	t.Parallel()
	bad := func(change func(s []shard.Shard) []shard.Shard) []shard.Shard { return change(memories("a", "b")) }
	for want, shards := range map[string][]shard.Shard{
		"no shards":        nil,
		"has no name":      bad(func(s []shard.Shard) []shard.Shard { s[1].Name = ""; return s }),
		`the name "a"`:     bad(func(s []shard.Shard) []shard.Shard { s[1].Name = "a"; return s }),
		"b: the weight is": bad(func(s []shard.Shard) []shard.Shard { s[1].Weight = -1; return s }),
		"weight is NaN":    bad(func(s []shard.Shard) []shard.Shard { s[1].Weight = math.NaN(); return s }),
	} {
		if _, err := shard.New(shards, nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got error %v, want one with %q", err, want)
		}
	}
	defer func() {
		if recover() == nil {
			t.Error("a nil store: got no panic")
		}
	}()
	_, _ = shard.New([]shard.Shard{{Name: "a", Store: locmem.New(nil)}, {Name: "b"}}, nil)
}

func TestCapabilities(t *testing.T) {
	t.Parallel()
	if got := over(t, memories("a")...).Clocks(); got != 1 {
		t.Errorf("Clocks of one shard: got %d, want 1", got)
	}
	s := over(t, memories("a", "b", "c")...)
	if got := s.Clocks(); got != 3 {
		t.Errorf("Clocks of three shards: got %d, want 3", got)
	}
	near := func() *cache.Options { return &cache.Options{Near: []cache.Tier{{Store: locmem.New(nil)}}} }
	if _, err := cache.New(s, near()); err == nil {
		t.Error("a near tier in front of three shards: got no error")
	}
	c, err := cache.New(over(t, memories("a")...), near())
	if err != nil {
		t.Fatalf("a near tier in front of one shard: got error %v", err)
	}
	defer c.Close(t.Context())
	if !s.KeepsEntries() {
		t.Error("KeepsEntries of shards in memory: got false")
	}
	shards := memories("a", "b")
	shards[1].Store = bare{shards[1].Store}
	if over(t, shards...).KeepsEntries() {
		t.Error("KeepsEntries with a shard that does not: got true")
	}
}

// bare is a store that can do nothing but what every store can.
type bare struct{ driver.Store }

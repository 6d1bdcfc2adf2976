package shard_test

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/stratacache/strata/backends/locmem"
	"github.com/stratacache/strata/backends/shard"
	"github.com/stratacache/strata/cache/driver"
	"github.com/stratacache/strata/cache/drivertest"
)

// thing is what the model knows of an entry, and naive is the model: a map.
type (
	thing struct {
		value string
		tags  []string
	}
	naive map[driver.Key]thing
)

func (n naive) drop(which func(driver.Key, thing) bool) {
	for k, x := range n {
		if which(k, x) {
			delete(n, k)
		}
	}
}

// TestAgainstModel walks over shards, of which one may be dead and to which one
// may be added, beside a map.
func TestAgainstModel(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		// Without the Deadline method, which a bubble does not allow.
		rapid.Check(struct{ rapid.TB }{t}, func(rt *rapid.T) { walk(t, rt) })
	})
}

func walk(t *testing.T, rt *rapid.T) {
	by, shards := faulties("a", "b", "c")
	s, err := shard.New(shards, nil)
	if err != nil {
		rt.Fatal(err)
	}
	defer func() {
		for _, f := range by {
			_ = f.Close(t.Context())
		}
	}()
	ctx, m, dead, values := t.Context(), naive{}, "", 0
	fences := map[driver.Key]driver.Fence{}

	anyKey := func() driver.Key { return keyN(rapid.IntRange(0, 11).Draw(rt, "key")) }
	anyTags := func() []string {
		return rapid.SampledFrom([][]string{nil, {"s"}, {"t"}, {"s", "t"}}).Draw(rt, "tags")
	}
	newValue := func() string { values++; return strconv.Itoa(values) }
	alive := func(k driver.Key) bool { return s.Pick(k) != dead }
	// check wants an error that names the dead shard if that was needed.
	check := func(what string, err error, needed bool) bool {
		if needed == (err == nil) || needed && !(errors.Is(err, drivertest.ErrFault) && strings.Contains(err.Error(), "shard: "+dead+": ")) {
			rt.Fatalf("%s with %q dead: got error %v", what, dead, err)
		}
		return err == nil
	}
	show := func(e *driver.Entry) string {
		if e == nil {
			return "(nothing)"
		}
		return string(e.Payload)
	}
	want := func(k driver.Key) string {
		if x, ok := m[k]; ok {
			return x.value
		}
		return "(nothing)"
	}

	rt.Repeat(map[string]func(*rapid.T){
		"": func(*rapid.T) {
			var keys []driver.Key
			for i := range 12 {
				keys = append(keys, keyN(i))
			}
			rs, err := s.GetMany(ctx, keys, 0)
			if err != nil {
				rt.Fatalf("GetMany: got error %v", err)
			}
			for i, k := range keys {
				if check("GetMany", rs[i].Err, !alive(k)) && show(rs[i].Entry) != want(k) {
					rt.Fatalf("GetMany of %s: got %s, want %s", k, show(rs[i].Entry), want(k))
				}
			}
		},
		"get": func(*rapid.T) {
			k := anyKey()
			r, err := s.Get(ctx, k, time.Hour)
			if check("Get", err, !alive(k)) {
				if show(r.Entry) != want(k) {
					rt.Fatalf("Get of %s: got %s, want %s", k, show(r.Entry), want(k))
				}
				fences[k] = r.Fence
			}
		},
		"set": func(*rapid.T) {
			k, v := anyKey(), newValue()
			_, err := s.Put(ctx, k, value(v), driver.Set, 0)
			if check("Set", err, !alive(k)) {
				m[k] = thing{value: v}
			}
		},
		"fill": func(*rapid.T) {
			k, v, tags := anyKey(), newValue(), anyTags()
			e := value(v, tags...)
			e.Stamp = fences[k].Stamp
			r, err := s.Put(ctx, k, e, driver.Fill, fences[k].Token)
			if check("Fill", err, !alive(k)) && r.Done {
				m[k] = thing{v, tags}
			}
		},
		"load": func(*rapid.T) { // a fill that nothing comes before
			k, v, tags := anyKey(), newValue(), anyTags()
			if !alive(k) {
				rt.Skip("its shard is dead")
			}
			r, err := s.Get(ctx, k, time.Hour)
			check("Get", err, false)
			e := value(v, tags...)
			e.Stamp = r.Fence.Stamp
			put, err := s.Put(ctx, k, e, driver.Fill, r.Fence.Token)
			if check("Fill", err, false); !put.Done {
				rt.Fatalf("Fill of %s: got Done false", k)
			}
			m[k] = thing{v, tags}
		},
		"put many": func(*rapid.T) {
			var items []driver.Item
			for i := range rapid.IntRange(0, 12).Draw(rt, "n") {
				items = append(items, driver.Item{Key: keyN(i), Entry: value(newValue())})
			}
			for i, r := range s.PutMany(ctx, items) {
				if k := items[i].Key; check("PutMany", r.Err, !alive(k)) {
					m[k] = thing{value: string(items[i].Entry.Payload)}
				}
			}
		},
		"delete": func(*rapid.T) {
			k, l := anyKey(), anyKey()
			removed := 0
			for _, x := range slices.Compact([]driver.Key{k, l}) {
				if _, ok := m[x]; ok && alive(x) {
					removed++
				}
			}
			r, err := s.Invalidate(ctx, driver.Invalidation{Keys: []driver.Key{k, l}})
			check("Invalidate of keys", err, !alive(k) || !alive(l))
			if r.Removed != removed {
				rt.Fatalf("Invalidate of %s and %s: got %d removed, want %d", k, l, r.Removed, removed)
			}
			m.drop(func(x driver.Key, _ thing) bool { return alive(x) && (x == k || x == l) })
		},
		"invalidate": func(*rapid.T) {
			tag := rapid.SampledFrom([]string{"s", "t", driver.TagAll}).Draw(rt, "tag")
			_, err := s.Invalidate(ctx, driver.Invalidation{Tags: []string{tag}})
			check("Invalidate of a tag", err, dead != "")
			m.drop(func(k driver.Key, x thing) bool {
				return alive(k) && (tag == driver.TagAll || slices.Contains(x.tags, tag))
			})
		},
		"move": func(*rapid.T) {
			from, to := anyKey(), anyKey()
			if from == to || !alive(from) || !alive(to) {
				rt.Skip("that is another matter")
			}
			x, ok := m[from]
			r, err := s.Move(ctx, from, to)
			if check("Move", err, false); r.Done != ok {
				rt.Fatalf("Move of %s to %s: got Done %v, want %v", from, to, r.Done, ok)
			}
			if ok {
				delete(m, from)
				m[to] = x
			}
		},
		"die": func(*rapid.T) {
			if dead != "" {
				rt.Skip("one is dead already")
			}
			dead = rapid.SampledFrom([]string{"a", "b", "c"}).Draw(rt, "shard")
			by[dead].Plan(fails)
		},
		"revive": func(*rapid.T) {
			if dead != "" {
				by[dead].Plan(nil)
				dead = ""
			}
		},
		"add a shard": func(*rapid.T) {
			if len(shards) > 4 {
				rt.Skip("there are enough")
			}
			before := s
			name := fmt.Sprint("added ", len(shards))
			by[name] = drivertest.NewFaulty(locmem.New(nil), nil)
			shards = append(shards, shard.Shard{Name: name, Store: by[name]})
			if s, err = shard.New(shards, nil); err != nil {
				rt.Fatal(err)
			}
			m.drop(func(k driver.Key, _ thing) bool { return before.Pick(k) != s.Pick(k) })
		},
	})
}

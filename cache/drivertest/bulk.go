package drivertest

import (
	"errors"
	"fmt"
	"time"

	"github.com/stratacache/strata/cache"
	"github.com/stratacache/strata/cache/driver"
)

// batch is more than a server takes in one command or on one script's stack.
const batch = 9000

func bulk() []rule {
	return []rule{
		{"LL-098 get-many returns what is there under the caller's names", nothing, func(w *world) {
			c := w.client(nil).WithPrefix("p").WithVersion(3)
			w.write(c, "a", "1")
			w.write(c, "b", "")
			got, err := c.GetMany(w.ctx, "a", "absent", "b")
			w.must("GetMany", err)
			same(w, "keys", len(got), 2)
			same(w, "a", string(got["a"]), "1")
			if b, ok := got["b"]; !ok || len(b) != 0 {
				w.fail("b: got %q, %v, want an empty value", b, ok)
			}
		}},
		{"LL-099 nothing asked is nothing found", nothing, func(w *world) {
			got, err := w.client(nil).GetMany(w.ctx)
			w.must("GetMany", err)
			same(w, "keys", len(got), 0)
			w.getMany(0)
		}},
		{"LL-100 a key asked twice is found once", nothing, func(w *world) {
			c := w.client(nil)
			w.write(c, "a", "1")
			got, err := c.GetMany(w.ctx, "a", "a", "b", "a")
			w.must("GetMany", err)
			same(w, "keys", len(got), 1)
		}},
		{"get-many is Get for each key, in their order", nothing, func(w *world) {
			w.set("value", entry("v", "u"))
			w.set("integer", integer("5"))
			w.set("negative", negative())
			w.set("tagged", entry("v", "t"))
			w.set("ended", living(entry("v"), w.h.Moment))
			w.pass(w.h.Moment)
			w.invalidate("t")
			f := w.fence("placeholder")
			names := []string{"absent", "value", "integer", "negative", "tagged", "ended", "placeholder"}
			want := []string{nowhere, "v", "5", "(negative)", nowhere, nowhere, nowhere}
			rs := w.getMany(0, names...)
			for i, r := range rs {
				same(w, names[i], payload(r.Entry), want[i])
				one := w.get(names[i], 0)
				same(w, "fence of "+names[i], r.Fence, one.Fence)
			}
			same(w, "token of the placeholder", rs[6].Fence.Token, f.Token)
			same(w, "token of the absent key", rs[0].Fence.Token, 0)

			for i, r := range w.getMany(long, names...) { // and with a hold
				same(w, names[i], payload(r.Entry), want[i])
				same(w, "Planted for "+names[i], r.Planted, i == 0 || i == 4 || i == 5)
				if r.Entry == nil {
					same(w, "Fill of "+names[i], w.fill(names[i], entry("new"), r.Fence), true)
				}
			}
			same(w, "the placeholder's fill", w.fill("placeholder", entry("again"), f), false)
		}},
		{"LL-103 set-many stores all, and nothing is no error", nothing, func(w *world) {
			c := w.client(nil)
			w.must("SetMany of nothing", c.SetMany(w.ctx, nil))
			w.must("SetMany", c.SetMany(w.ctx, map[string][]byte{"a": []byte("1"), "b": []byte("2")}))
			same(w, "Get of a", w.look(c, "a"), "1")
			same(w, "Get of b", w.look(c, "b"), "2")
		}},
		{"LL-104 set-many names the keys that failed, and stores the others", nothing, func(w *world) {
			c := w.client(&cache.Options{MaxValue: 10})
			w.write(c, "large", "old")
			err := c.SetMany(w.ctx, map[string][]byte{"small": []byte("1"), "large": make([]byte, 11)})
			many, ok := errors.AsType[cache.ManyError](err)
			if !ok || len(many) != 1 {
				w.t.Fatalf("%s: got error %v, want a ManyError of one key", w.rule, err)
			}
			w.is("the error of the large one", many["large"], cache.ErrTooLarge)
			same(w, "Get of the small one", w.look(c, "small"), "1")
			same(w, "Get of the large one", w.look(c, "large"), nowhere)
		}},
		{"LL-105 set-many without a lifetime removes", nothing, func(w *world) {
			c := w.client(nil)
			for _, ttl := range []time.Duration{0, -1} {
				w.write(c, "a", "old")
				w.must("SetMany", c.SetMany(w.ctx, map[string][]byte{"a": []byte("1")}, cache.TTL(ttl)))
				same(w, "Get", w.look(c, "a"), nowhere)
			}
		}},
		{"LL-107 if one value cannot be encoded, none is stored", nothing, func(w *world) {
			v := cache.For[any](w.client(nil))
			if err := v.SetMany(w.ctx, map[string]any{"a": 1, "b": func() {}, "c": 3}); err == nil {
				w.fail("got no error")
			}
			got, err := v.GetMany(w.ctx, "a", "b", "c")
			w.must("GetMany", err)
			same(w, "values stored", len(got), 0)
		}},
		{"set-many is Set for each item: it advances, stamps and refuses loads", nothing, func(w *world) {
			f := w.fence("a")
			before := w.clock()
			w.set("b", living(entry("old"), w.h.Moment))
			rs := w.putMany(setOf("a", entry("1", "t")), setOf("b", integer("2")), setOf("c", entry("3")))
			clock := rs[2].Clock
			same(w, "the clock that the last returned", clock, w.clock())
			same(w, "n", clock.N, before.N+4)
			same(w, "a fill that began before", w.fill("a", entry("loaded"), f), false)
			for _, k := range []string{"a", "b", "c"} {
				e := w.get(k, 0).Entry
				if e == nil || e.Stamp.Epoch != clock.Epoch || e.Stamp.N <= before.N || e.Stamp.N > clock.N {
					w.fail("%s: got entry %+v, want a stamp after %v up to %v", k, e, before, clock)
				}
			}
			w.pass(w.h.Moment)
			same(w, "Get of b after the old one's end", w.read("b"), "2")
			same(w, "its kind", w.stands("b").Kind, driver.Integer)
			w.invalidate("t")
			same(w, "Get of a after its tag was invalidated", w.read("a"), nowhere)
		}},
		{"a batch is put in its order, each item by its own mode", nothing, func(w *world) {
			w.putMany()
			f, g := w.fence("fill"), w.fence("late")
			w.set("late", entry("set"))
			with := func(name string, e *driver.Entry, mode driver.Mode, f driver.Fence) driver.Item {
				e.Stamp = f.Stamp
				return driver.Item{Key: keyOf(name), Entry: e, Mode: mode, Token: f.Token}
			}
			rs := w.putMany(
				setOf("k", entry("1")), with("k", entry("2"), driver.Add, driver.Fence{}), setOf("k", entry("3")),
				with("fill", entry("filled"), driver.Fill, f), with("fill", entry("again"), driver.Fill, f),
				with("late", entry("stale"), driver.SetFenced, g), with("late", entry("added"), driver.Add, driver.Fence{}),
			)
			want := []bool{true, false, true, true, false, false, true}
			clock := g.Stamp.N + 1
			for i, r := range rs {
				same(w, fmt.Sprint("Done of item ", i), r.Done, want[i])
				if i != 1 && i != 3 && i != 4 { // what stores nothing, and fills, do not advance
					clock++
				}
				same(w, fmt.Sprint("n of item ", i), r.Clock.N, clock)
			}
			same(w, "Get", w.read("k"), "3")
			same(w, "Get of the fill", w.read("fill"), "filled")
			same(w, "Get of what was removed and added", w.read("late"), "added")
		}},
		{"a batch of thousands works", nothing, func(w *world) {
			names := make([]string, batch)
			items := make([]driver.Item, batch)
			tags := make([]string, batch)
			for i := range batch {
				names[i] = fmt.Sprint("key ", i)
				items[i] = setOf(names[i], entry(names[i]))
				tags[i] = fmt.Sprint("tag ", i)
			}
			w.putMany(items...)
			w.set("tagged", entry("v", tags[batch-1]))
			for i, r := range w.getMany(0, names...) {
				if payload(r.Entry) != names[i] {
					w.t.Fatalf("%s: GetMany of %q: got %s", w.rule, names[i], payload(r.Entry))
				}
			}
			same(w, "Removed", w.delete(names...), batch)
			same(w, "Get of the last", w.read(names[batch-1]), nowhere)
			w.invalidate(tags...)
			same(w, "Get of one that had the last tag", w.read("tagged"), nowhere)
		}},
		{"an entry may have many tags", nothing, func(w *world) {
			const most = 1000
			tags := make([]string, most)
			for i := range tags {
				tags[i] = fmt.Sprintf("%0190d", i)
			}
			for _, i := range []int{0, most / 2, most - 1} {
				f := w.fence("k")
				same(w, "Fill", w.fill("k", entry("v", tags...), f), true)
				same(w, "Get", w.read("k"), "v")
				w.invalidate(tags[i])
				same(w, "Get after one of its tags was invalidated", w.read("k"), nowhere)
			}
		}},
	}
}

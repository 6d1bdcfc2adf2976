package drivertest

import (
	"math"
	"time"

	"github.com/stratacache/strata/cache"
	"github.com/stratacache/strata/cache/driver"
)

func versions() []rule {
	return []rule{
		{"LL-113 the versions of a key are apart", nothing, func(w *world) {
			c := w.client(nil)
			one, two := c.WithVersion(1), c.WithVersion(2)
			w.write(one, "k", "1")
			same(w, "Get in the other", w.look(two, "k"), nowhere)
			ok, err := two.Add(w.ctx, "k", []byte("2"))
			w.must("Add", err)
			same(w, "Add in the other", ok, true)
			ok, err = one.Delete(w.ctx, "k")
			w.must("Delete", err)
			same(w, "Delete", ok, true)
			same(w, "Get in the other after the delete", w.look(two, "k"), "2")
			_, err = one.Incr(w.ctx, "n", 1, cache.Initial(0))
			w.must("Incr", err)
			_, err = two.Incr(w.ctx, "n", 1)
			w.is("Incr in the other", err, cache.ErrMiss)
			got, err := two.GetMany(w.ctx, "k", "n") // LL-101
			w.must("GetMany", err)
			same(w, "keys of GetMany in the other", len(got), 1)
		}},
		{"LL-114 the version is 1 unless Options say so", nothing, func(w *world) {
			c := w.client(nil)
			w.write(c, "k", "v")
			same(w, "Get in version 1", w.look(c.WithVersion(1), "k"), "v")
			w.write(c.WithVersion(2), "k", "v2")
			same(w, "Get of a client of version 2", w.look(w.client(&cache.Options{Version: 2}), "k"), "v2")
		}},
		{"LL-115 version 0 is a version", nothing, func(w *world) {
			c := w.client(nil)
			w.write(c.WithVersion(0), "k", "v0")
			same(w, "Get in version 1", w.look(c, "k"), nowhere)
			same(w, "Get in version 0", w.look(c.WithVersion(0), "k"), "v0")
			w.write(c.WithVersion(-1), "k", "v-1")
			same(w, "Get in version 0 again", w.look(c.WithVersion(0), "k"), "v0")
		}},
		{"LL-117 incr-version moves an entry and returns the new version", nothing, func(w *world) {
			c := w.client(nil)
			w.write(c, "k", "v")
			v, err := c.IncrVersion(w.ctx, "k", 3)
			w.must("IncrVersion", err)
			same(w, "IncrVersion", v, 4)
			same(w, "Get in the old version", w.look(c, "k"), nowhere)
			same(w, "Get in the new version", w.look(c.WithVersion(4), "k"), "v")
		}},
		{"LL-118 decr-version is the inverse and may go below 0", nothing, func(w *world) {
			c := w.client(nil)
			w.write(c, "k", "v")
			v, err := c.DecrVersion(w.ctx, "k", 3)
			w.must("DecrVersion", err)
			same(w, "DecrVersion", v, -2)
			same(w, "Get in version -2", w.look(c.WithVersion(-2), "k"), "v")
		}},
		{"LL-119 moving an absent key is a miss", nothing, func(w *world) {
			c := w.client(nil)
			w.write(c.WithVersion(2), "k", "stays")
			for _, delta := range []int{1, 0} {
				_, err := c.IncrVersion(w.ctx, "k", delta)
				w.is("IncrVersion", err, cache.ErrMiss)
			}
			_, err := c.DecrVersion(w.ctx, "k", 1)
			w.is("DecrVersion", err, cache.ErrMiss)
			same(w, "Get in version 2", w.look(c.WithVersion(2), "k"), "stays")
			_, err = c.WithVersion(math.MaxInt).IncrVersion(w.ctx, "k", 1)
			w.is("IncrVersion past the last", err, cache.ErrOverflow)
		}},
		{"nothing ended, invalid, negative or only planted is moved", nothing, func(w *world) {
			w.set("ended", living(entry("v"), w.h.Moment))
			w.pass(w.h.Moment)
			w.set("tagged", entry("v", "t"))
			w.invalidate("t")
			w.set("cleared", entry("v"))
			w.invalidate(driver.TagAll)
			w.set("negative", negative())
			w.fence("placeholder")
			w.set("to", entry("stays"))
			for _, k := range []string{"ended", "tagged", "cleared", "negative", "placeholder", "absent"} {
				same(w, "Move of "+k, w.move(k, "to"), false)
				same(w, "Get of the target", w.read("to"), "stays")
			}
		}},
		{"LL-121 what stood at the target is replaced", nothing, func(w *world) {
			w.set("from", entry("new"))
			w.set("to", entry("old"))
			same(w, "Move", w.move("from", "to"), true)
			same(w, "Get of the target", w.read("to"), "new")
			w.set("from", integer("7"))
			w.fence("planted")
			same(w, "Move over a placeholder", w.move("from", "planted"), true)
			same(w, "Incr of the moved integer", w.incr("planted", 1, nil), 8)
		}},
		{"LL-122 moving by 0 changes nothing", nothing, func(w *world) {
			c := w.client(nil)
			w.write(c, "k", "v")
			v, err := c.IncrVersion(w.ctx, "k", 0)
			w.must("IncrVersion", err)
			same(w, "IncrVersion", v, 1)
			same(w, "Get", w.look(c, "k"), "v")
		}},
		{"LL-123 a moved entry keeps its lifetime, tags and all", nothing, func(w *world) {
			e := entry("v", "t")
			e.Schema, e.Cost = 77, time.Second
			life := driver.Life{Fresh: lifeOf(long).Fresh, Expires: lifeOf(2 * long).Expires}
			e.Life = life
			w.set("from", e)
			same(w, "Move", w.move("from", "to"), true)
			got := w.get("to", 0).Entry
			if got == nil {
				w.t.Fatalf("%s: nothing at the target", w.rule)
			}
			w.sameLife("Life", got.Life, life)
			same(w, "Schema", got.Schema, 77)
			same(w, "Cost", got.Cost.Round(time.Millisecond), time.Second)
			w.invalidate("t")
			same(w, "Get after its tag was invalidated", w.read("to"), nowhere)

			w.inTime(w.h.Moment, func() {
				w.set("from", living(entry("v"), w.h.Moment))
				w.move("from", "to")
			})
			w.pass(w.h.Moment)
			same(w, "Get of the target after the end", w.read("to"), nowhere)
		}},
		{"LL-124 a move advances the clock and refuses the loads of both keys", nothing, func(w *world) {
			w.set("from", entry("v"))
			from, to := w.get("from", 0).Fence, w.fence("to")
			before := w.clock()
			same(w, "Move", w.move("from", "to"), true)
			if now := w.clock(); now.Epoch != before.Epoch || now.N <= before.N {
				w.fail("clock: got %v after %v", now, before)
			}
			same(w, "a fill of the source that began before", w.fill("from", entry("loaded"), from), false)
			same(w, "a fill of the target that began before", w.fill("to", entry("loaded"), to), false)
			same(w, "Get of the source", w.read("from"), nowhere)
			same(w, "Get of the target", w.read("to"), "v")
			same(w, "token of the moved entry", w.stands("to").Token, w.get("to", 0).Fence.Token)
		}},
	}
}

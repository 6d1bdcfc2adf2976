package drivertest

import (
	"time"

	"github.com/stratacache/strata/cache"
	"github.com/stratacache/strata/cache/driver"
)

func stamps() []rule {
	return []rule{
		{"each invalidation and explicit write advances the clock by one", nothing, func(w *world) {
			last := w.clock()
			step := func(what string, got driver.Stamp, advances bool) {
				w.t.Helper()
				want := last
				if advances {
					want.N++
				}
				same(w, "clock that "+what+" returned", got, want)
				same(w, "clock after "+what, w.clock(), want)
				last = want
			}
			step("Set", w.set("k", entry("v")), true)
			step("Add that stores", w.put("added", entry("v"), driver.Add, 0).Clock, true)
			step("Add that does not", w.put("added", entry("v"), driver.Add, 0).Clock, false)
			r, err := w.store.Touch(w.ctx, keyOf("k"), lifeOf(long))
			w.must("Touch", err)
			step("Touch", r.Clock, true)
			step("invalidating a tag", w.invalidate("t"), true)
			step("invalidating nothing", w.invalidate(), true)
			r, err = w.store.Touch(w.ctx, keyOf("absent"), lifeOf(long))
			w.must("Touch", err)
			step("Touch of an absent key", r.Clock, false)
			inv, err := w.store.Invalidate(w.ctx, driver.Invalidation{Keys: keysOf("k", "absent")})
			w.must("Invalidate", err)
			step("deleting two keys", inv.Clock, true)
			f := w.fence("k")
			e := entry("v")
			e.Stamp = f.Stamp
			step("Fill that stores", w.put("k", e, driver.Fill, f.Token).Clock, false)
			e = entry("v")
			e.Stamp = f.Stamp
			step("Fill that is refused", w.put("k", e, driver.Fill, f.Token).Clock, false)
			step("SetFenced that is refused", w.setFenced("k", entry("v"), f).Clock, true)
			step("SetFenced that stores", w.setFenced("k", entry("v"), w.fence("k")).Clock, true)
		}},
		{"an entry is invalid once one of its tags is invalidated", nothing, func(w *world) {
			for _, tag := range []string{"a", "b", "c"} {
				w.set("k", entry("v", "a", "b", "c"))
				w.set("l", entry("v", "d"))
				w.invalidate(tag)
				same(w, "Get after "+tag, w.read("k"), nowhere)
				same(w, "Get of one without that tag", w.read("l"), "v")
			}
			w.invalidate("x", "d", "y")
			same(w, "Get after a list of tags", w.read("l"), nowhere)
		}},
		{"an entry with twins of its tags is only expired by a tag", nothing, func(w *world) {
			const own = driver.TagAll + "own"
			patient := func(payload string) *driver.Entry {
				return entry(payload, driver.Twin("s"), driver.Twin("t"), own, "s", "t")
			}
			read := func() (rs []driver.Reading) {
				w.t.Helper()
				for _, hold := range []time.Duration{0, long} {
					many := w.getMany(hold, "other", "k")
					rs = append(rs, w.get("k", hold), many[1].Reading)
				}
				return rs
			}
			names := []string{"k", "add", "touch", "move", "removed"}
			for _, n := range names {
				w.set(n, patient("v"))
			}
			w.set("other", patient("w"))
			for _, r := range read() {
				same(w, "Expired at first", r.Expired, false)
			}
			token := w.stands("k").Token
			w.invalidate("t")
			for _, r := range read() {
				same(w, "Get after its tag was invalidated", payload(r.Entry), "v")
				same(w, "Expired", r.Expired, true)
				same(w, "Fence", r.Fence.Token, token)
			}
			f := w.get("k", long).Fence
			same(w, "Add over one that has expired", w.add("add", patient("new")), true)
			same(w, "Touch of one", w.touch("touch", lifeOf(long)), false)
			same(w, "Move of one", w.move("move", "moved"), false)
			same(w, "Removed", w.delete("removed"), 0)
			w.invalidate("s")
			same(w, "Fill by a load that began before another of its tags was invalidated", w.fill("k", patient("old"), f), false)
			f = w.get("k", long).Fence
			same(w, "Fill under its token", w.fill("k", patient("new"), f), true)
			r := w.get("k", 0)
			same(w, "Get after the fill", payload(r.Entry), "new")
			same(w, "Expired after the fill", r.Expired, false)
			for _, tags := range [][]string{{driver.Twin("t"), "t"}, {own}, {driver.Twin("s")}} {
				w.set("k", patient("again"))
				w.invalidate("s")
				w.invalidate(tags...)
				for _, r := range read() {
					same(w, "Get after a twin, or another tag that begins with NUL", payload(r.Entry), nowhere)
					same(w, "Expired without an entry", r.Expired, false)
				}
			}
		}},
		{"what is stored after an invalidation is valid: equal is after", nothing, func(w *world) {
			now := w.invalidate("t")
			f := w.fence("k")
			same(w, "stamp of the load", f.Stamp, now)
			same(w, "Fill", w.fill("k", entry("v", "t"), f), true)
			same(w, "Get", w.read("k"), "v")
			same(w, "Touch", w.touch("k", lifeOf(long)), true)
			now = w.invalidate("t", driver.TagAll)
			f = w.fence("k")
			same(w, "SetFenced", w.setFenced("k", entry("w", "t"), f).Done, true)
			same(w, "Get after it", w.read("k"), "w")
			same(w, "its stamp", w.stands("k").Stamp, now)
		}},
		{"a load that began before its tag was invalidated is refused, though only the loader knew the tag", nothing, func(w *world) {
			f := w.fence("k")
			w.invalidate("discovered")
			same(w, "Fill", w.fill("k", entry("old", "known", "discovered"), f), false)
			same(w, "Get", w.read("k"), nowhere)
			again := w.fence("k")
			same(w, "Fill of the next load", w.fill("k", entry("new", "known", "discovered"), again), true)
			same(w, "Get after it", w.read("k"), "new")
		}},
		{"a load that began before all was cleared is refused", nothing, func(w *world) {
			f := w.fence("k")
			w.invalidate(driver.TagAll)
			same(w, "Fill", w.fill("k", entry("old"), f), false)
			same(w, "Get", w.read("k"), nowhere)
		}},
		{"a load is not refused for what does not concern it", nothing, func(w *world) {
			f := w.fence("k")
			w.invalidate("other")
			w.set("l", entry("v", "t"))
			w.delete("l")
			same(w, "Fill", w.fill("k", entry("v", "t"), f), true)
			same(w, "Get", w.read("k"), "v")
		}},
		{"every way of reading checks every tag", nothing, func(w *world) {
			for _, tag := range []string{"t", driver.TagAll} {
				names := []string{"get", "many", "touch", "incr", "add", "move", "removed"}
				for _, n := range names {
					w.set(n, integer("1", "s", "t"))
				}
				w.invalidate(tag)
				same(w, "Get", w.read("get"), nowhere)
				same(w, "GetMany", payload(w.getMany(0, "many")[0].Entry), nowhere)
				same(w, "Touch", w.touch("touch", lifeOf(long)), false)
				same(w, "Get after the touch", w.read("touch"), nowhere)
				_, err := w.store.Incr(w.ctx, keyOf("incr"), 1, nil)
				w.is("Incr", err, driver.ErrMiss)
				same(w, "Move", w.move("move", "moved"), false)
				same(w, "Get of the target", w.read("moved"), nowhere)
				same(w, "Removed", w.delete("removed"), 0)
				same(w, "Add", w.add("add", integer("2", "s", "t")), true)
				same(w, "Get after the add", w.read("add"), "2")
			}
		}},
		{"no step revives an entry: tags count from its own stamp", nothing, func(w *world) {
			f := w.fence("k")
			w.invalidate("other") // the clock is past the load's stamp
			same(w, "Fill", w.fill("k", integer("1", "t"), f), true)
			w.touch("k", lifeOf(long))
			w.incr("k", 1, nil)
			same(w, "Stamp after a touch and a count", w.stands("k").Stamp, f.Stamp)
			w.move("k", "l")
			same(w, "Stamp after a move", w.stands("l").Stamp, f.Stamp)
			late := w.clock()
			w.invalidate("t")
			same(w, "Get", w.read("l"), nowhere)
			if f.Stamp.N >= late.N {
				w.fail("clock: got %v, not after %v", late, f.Stamp)
			}
		}},
		{"invalidating again refuses again", nothing, func(w *world) {
			first := w.invalidate("t")
			second := w.invalidate("t")
			same(w, "n", second.N, first.N+1)
			f := driver.Fence{Token: w.fence("k").Token, Stamp: first}
			same(w, "Fill of a load that began between the two", w.fill("k", entry("old", "t"), f), false)
		}},
		{"a lost meta record begins an epoch in which all older entries are invalid", metaLoss, func(w *world) {
			for range 5 {
				w.invalidate("t") // stamps of the old epoch are higher than those of the new
			}
			for _, k := range []string{"get", "many", "touch", "incr", "add", "move", "removed"} {
				w.set(k, integer("1", "t"))
			}
			before := w.clock()
			w.h.LoseMeta(w.t, w.store)
			same(w, "Get", w.read("get"), nowhere)
			if now := w.clock(); now.Epoch == before.Epoch || now.Epoch == 0 {
				w.fail("epoch: got %d after %d", now.Epoch, before.Epoch)
			}
			same(w, "GetMany", payload(w.getMany(0, "many")[0].Entry), nowhere)
			same(w, "Touch", w.touch("touch", lifeOf(long)), false)
			_, err := w.store.Incr(w.ctx, keyOf("incr"), 1, nil)
			w.is("Incr", err, driver.ErrMiss)
			same(w, "Move", w.move("move", "moved"), false)
			same(w, "Removed", w.delete("removed"), 0)
			same(w, "Add", w.add("add", entry("new")), true)
			same(w, "Get after the add", w.read("add"), "new")
			f := w.fence("get")
			same(w, "Fill of a load that began after", w.fill("get", entry("new", "t"), f), true)
			same(w, "Get after the fill", w.read("get"), "new")
		}},
		{"a load that began before the meta record was lost is refused", metaLoss, func(w *world) {
			planted := w.fence("planted")
			w.set("k", entry("v"))
			live := w.fence("k")
			w.h.LoseMeta(w.t, w.store)
			same(w, "Fill under a placeholder", w.fill("planted", entry("old"), planted), false)
			same(w, "Fill under an entry", w.fill("k", entry("old"), live), false)
			same(w, "Get", w.read("planted"), nowhere)
			same(w, "Get", w.read("k"), nowhere)
			same(w, "SetFenced", w.setFenced("planted", entry("old"), planted).Done, false)
			same(w, "Get after it", w.read("planted"), nowhere)
		}},
		{"whoever comes first makes the lost meta record", metaLoss, func(w *world) {
			f := w.fence("k")
			firsts := map[string]func() (driver.Stamp, error){
				"Set": func() (driver.Stamp, error) {
					r, err := w.store.Put(w.ctx, keyOf("s"), entry("v"), driver.Set, 0)
					return r.Clock, err
				},
				"Add": func() (driver.Stamp, error) {
					r, err := w.store.Put(w.ctx, keyOf("a"), entry("v"), driver.Add, 0)
					return r.Clock, err
				},
				"SetFenced": func() (driver.Stamp, error) {
					r, err := w.store.Put(w.ctx, keyOf("f"), entry("v"), driver.SetFenced, f.Token)
					return r.Clock, err
				},
				"Fill": func() (driver.Stamp, error) {
					r, err := w.store.Put(w.ctx, keyOf("f"), entry("v"), driver.Fill, f.Token)
					return r.Clock, err
				},
				"Touch": func() (driver.Stamp, error) {
					r, err := w.store.Touch(w.ctx, keyOf("s"), lifeOf(long))
					return r.Clock, err
				},
				"Invalidate": func() (driver.Stamp, error) {
					r, err := w.store.Invalidate(w.ctx, driver.Invalidation{Keys: keysOf("s"), Tags: []string{"t"}})
					return r.Clock, err
				},
				"Incr": func() (driver.Stamp, error) {
					r, err := w.store.Incr(w.ctx, keyOf("n"), 1, integer("1"))
					return r.Clock, err
				},
				"PutMany": func() (driver.Stamp, error) {
					r := driver.PutMany(w.ctx, w.store, []driver.Item{setOf("m", entry("v"))})[0]
					return r.Clock, r.Err
				},
				"GetMany": func() (driver.Stamp, error) {
					return w.getMany(0, "m")[0].Fence.Stamp, nil
				},
			}
			for name, first := range firsts {
				before := w.clock()
				w.h.LoseMeta(w.t, w.store)
				got, err := first()
				w.must(name, err)
				same(w, "clock that "+name+" returned", got, w.clock())
				if got.Epoch == before.Epoch || got.Epoch == 0 {
					w.fail("%s: got epoch %d after %d", name, got.Epoch, before.Epoch)
				}
			}
			w.set("k", entry("v", "t"))
			same(w, "Get after all that", w.read("k"), "v")
			w.invalidate("t")
			same(w, "Get after its tag was invalidated", w.read("k"), nowhere)
		}},
		{"stamps of another epoch never compare", metaLoss, func(w *world) {
			for range 9 {
				w.invalidate("t")
			}
			high := w.clock()
			w.h.LoseMeta(w.t, w.store)
			f := w.fence("k")
			w.invalidate("t")
			foreign := driver.Fence{Token: f.Token, Stamp: high}
			same(w, "Fill with a higher stamp of the old epoch", w.fill("k", entry("old", "t"), foreign), false)
			same(w, "SetFenced with it", w.setFenced("k", entry("old", "t"), foreign).Done, false)
			same(w, "Get", w.read("k"), nowhere)
			forged := driver.Fence{Token: w.fence("k").Token, Stamp: driver.Stamp{Epoch: high.Epoch + 1, N: high.N}}
			same(w, "Fill of an epoch that never was", w.fill("k", entry("old"), forged), false)
		}},
		{"a client loads again after the meta record was lost", metaLoss, func(w *world) {
			c := w.client(nil)
			var l loads
			for range 2 {
				for range 2 {
					_, err := c.GetOrSet(w.ctx, "k", l.of("v"), cache.Tags("t"))
					w.must("GetOrSet", err)
				}
				w.h.LoseMeta(w.t, w.store)
			}
			same(w, "loads", l.n.Load(), 2)
			same(w, "Get", w.look(c, "k"), nowhere)
		}},
	}
}

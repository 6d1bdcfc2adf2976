package drivertest

import (
	"github.com/stratacache/strata/cache"
	"github.com/stratacache/strata/cache/driver"
)

func fences() []rule {
	return []rule{
		{"a miss with a hold plants a token, which every later reader sees", nothing, func(w *world) {
			first := w.get("k", long)
			if first.Fence.Token == 0 {
				w.fail("got no token")
			}
			same(w, "entry", payload(first.Entry), nowhere)
			same(w, "Planted", first.Planted, true)
			second := w.get("k", long)
			same(w, "token of a second loader", second.Fence.Token, first.Fence.Token)
			same(w, "Planted for the second loader", second.Planted, false)
			same(w, "token of a reader", w.get("k", 0).Fence.Token, first.Fence.Token)
			same(w, "token of another key differs", w.fence("l").Token == first.Fence.Token, false)
		}},
		{"a fill is stored while its token stands, and only once", nothing, func(w *world) {
			f := w.fence("k")
			same(w, "Fill", w.fill("k", entry("v"), f), true)
			same(w, "Get", w.read("k"), "v")
			same(w, "the same fill again", w.fill("k", entry("twice"), f), false)
			same(w, "Get after it", w.read("k"), "v")
			same(w, "token of the entry is new", w.get("k", 0).Fence.Token == f.Token, false)
		}},
		{"a stored fill has the stamp of its load", nothing, func(w *world) {
			f := w.fence("k")
			w.invalidate("another")
			same(w, "Fill", w.fill("k", entry("v"), f), true)
			same(w, "Stamp", w.stands("k").Stamp, f.Stamp)
		}},
		{"a placeholder's hold ends", nothing, func(w *world) {
			f := w.get("k", w.h.Moment).Fence
			w.pass(w.h.Moment)
			same(w, "token after the hold", w.get("k", 0).Fence.Token, 0)
			same(w, "Fill after the hold", w.fill("k", entry("v"), f), false)
			same(w, "token of the next loader is new", w.fence("k").Token == f.Token, false)
			same(w, "Fill under the next loader's placeholder", w.fill("k", entry("v"), f), false)
			same(w, "Get", w.read("k"), nowhere)
		}},
		{"a loader that needs longer makes the placeholder stand longer", nothing, func(w *world) {
			f := w.get("k", w.h.Moment).Fence
			g := w.fence("k")
			longer := f.Token == g.Token // not if the machine was too slow
			w.get("k", w.h.Moment)       // a shorter hold takes nothing away
			w.pass(w.h.Moment)
			same(w, "Fill", w.fill("k", entry("v"), g), true)
			if w.h.Bubble {
				same(w, "the two had one token", longer, true)
			}
		}},
		{"touch keeps the token: a load in flight is still stored", nothing, func(w *world) {
			w.set("k", entry("v"))
			f := w.fence("k")
			same(w, "Touch", w.touch("k", lifeOf(2*long)), true)
			same(w, "token", w.get("k", 0).Fence.Token, f.Token)
			same(w, "Fill", w.fill("k", entry("new"), f), true)
			same(w, "Get", w.read("k"), "new")
		}},
		{"a fill of an absent key is refused", nothing, func(w *world) {
			same(w, "Fill", w.fill("k", entry("v"), driver.Fence{Token: 12345, Stamp: w.clock()}), false)
			same(w, "Get", w.read("k"), nowhere)
		}},
		{"a fill of a key that was deleted meanwhile is refused", nothing, func(w *world) {
			f := w.fence("k")
			w.delete("k")
			same(w, "token after the delete", w.get("k", 0).Fence.Token, 0)
			same(w, "Fill", w.fill("k", entry("old"), f), false)
			same(w, "Get", w.read("k"), nowhere)
		}},
		{"a fill of a key that was deleted and planted again is refused", nothing, func(w *world) {
			f := w.fence("k")
			w.delete("k")
			next := w.fence("k")
			same(w, "Fill of the first load", w.fill("k", entry("old"), f), false)
			same(w, "Fill of the second load", w.fill("k", entry("new"), next), true)
			same(w, "Fill of the first load again", w.fill("k", entry("old"), f), false)
			same(w, "Get", w.read("k"), "new")
		}},
		{"a fill of a key that was set meanwhile is refused", nothing, func(w *world) {
			f := w.fence("k")
			w.set("k", entry("set"))
			same(w, "Fill", w.fill("k", entry("old"), f), false)
			same(w, "Get", w.read("k"), "set")
			f = w.get("k", 0).Fence
			w.set("k", entry("set")) // the same bytes, and yet another entry
			same(w, "Fill over an equal value", w.fill("k", entry("old"), f), false)
		}},
		{"a fill of a key that was added meanwhile is refused", nothing, func(w *world) {
			f := w.fence("k")
			w.add("k", entry("added"))
			same(w, "Fill", w.fill("k", entry("old"), f), false)
			same(w, "Get", w.read("k"), "added")
		}},
		{"a fill of a key that was counted meanwhile is refused", nothing, func(w *world) {
			f := w.fence("k")
			w.incr("k", 1, integer("1"))
			same(w, "Fill after it was created", w.fill("k", integer("9"), f), false)
			f = w.get("k", 0).Fence
			w.incr("k", 1, nil)
			same(w, "Fill after it was counted", w.fill("k", integer("9"), f), false)
			same(w, "Get", w.read("k"), "2")
		}},
		{"a live entry is the fence of the load that refreshes it", nothing, func(w *world) {
			w.set("k", entry("v"))
			f := w.fence("k")
			same(w, "Fill", w.fill("k", entry("new"), f), true)
			same(w, "Get", w.read("k"), "new")
			f = w.fence("k")
			w.delete("k")
			same(w, "a load that began before the delete", w.fill("k", entry("old"), f), false)
			same(w, "Get after it", w.read("k"), nowhere)
		}},
		{"an invalid entry is the fence of the load that replaces it", nothing, func(w *world) {
			w.set("k", entry("v", "t"))
			w.invalidate("t")
			first := w.get("k", long)
			f := first.Fence
			same(w, "Planted", first.Planted, true)
			same(w, "token of a second loader", w.fence("k").Token, f.Token)
			same(w, "Fill", w.fill("k", entry("new", "t"), f), true)
			same(w, "Get", w.read("k"), "new")
			w.invalidate(driver.TagAll)
			f = w.fence("k")
			w.delete("k")
			same(w, "Fill after a delete", w.fill("k", entry("old"), f), false)
			same(w, "Get after it", w.read("k"), nowhere)
		}},
		{"a fill that has ended gives the token back: the next reader plants its own", nothing, func(w *world) {
			f := w.fence("k")
			w.fill("k", living(entry("v"), -long), f)
			r := w.get("k", long)
			same(w, "planted anew", r.Planted, true)
			same(w, "the old token", r.Fence.Token == f.Token, false)
			same(w, "what is read", payload(r.Entry), nowhere)
		}},
		{"an ended entry gives way to a placeholder", nothing, func(w *world) {
			w.set("k", living(entry("v"), w.h.Moment))
			w.pass(w.h.Moment)
			f := w.fence("k")
			same(w, "Fill", w.fill("k", entry("new"), f), true)
			same(w, "Get", w.read("k"), "new")
		}},
		{"a placeholder over an ended or invalid entry stands for its own hold", nothing, func(w *world) {
			w.set("k", living(entry("v", "t"), 2*w.h.Moment))
			w.invalidate("t")
			f := w.fence("k")
			w.pass(2 * w.h.Moment)
			same(w, "Fill after the invalid entry's end", w.fill("k", entry("new", "t"), f), true)
			same(w, "Get", w.read("k"), "new")
		}},
		{"a remembered not found can be loaded anew", nothing, func(w *world) {
			f := w.fence("k")
			same(w, "Fill of not found", w.fill("k", negative(), f), true)
			r := w.get("k", long)
			same(w, "Get", payload(r.Entry), "(negative)")
			same(w, "Fill under its token", w.fill("k", entry("v"), r.Fence), true)
			same(w, "Get after it", w.read("k"), "v")
		}},
		{"token 0 never fences", nothing, func(w *world) {
			f := driver.Fence{Stamp: w.clock()}
			same(w, "Fill of an absent key", w.fill("k", entry("v"), f), false)
			w.set("k", entry("set"))
			same(w, "Fill of a present key", w.fill("k", entry("v"), f), false)
			same(w, "Get", w.read("k"), "set")
			same(w, "SetFenced", w.setFenced("k", entry("v"), f).Done, false)
			same(w, "Get after it", w.read("k"), nowhere)
		}},
		{"one key's token is no other's", nothing, func(w *world) {
			f := w.fence("a")
			w.fence("b")
			same(w, "Fill", w.fill("b", entry("v"), f), false)
			w.set("c", entry("v"))
			same(w, "Fill", w.fill("c", entry("w"), f), false)
		}},
		{"a fenced Set stores while its token stands", nothing, func(w *world) {
			f := w.fence("k")
			r := w.setFenced("k", entry("v", "t"), f)
			same(w, "Done", r.Done, true)
			same(w, "n", r.Clock.N, f.Stamp.N+1)
			same(w, "clock", w.clock(), r.Clock)
			same(w, "Get", w.read("k"), "v")
			same(w, "its stamp is the fence's", w.stands("k").Stamp, f.Stamp)
		}},
		{"a fenced Set whose token no longer stands removes what does", nothing, func(w *world) {
			f := w.fence("k")
			w.set("k", entry("other"))
			before := w.clock()
			r := w.setFenced("k", entry("v"), f)
			same(w, "Done", r.Done, false)
			same(w, "n", r.Clock.N, before.N+1)
			same(w, "Get", w.read("k"), nowhere)
			same(w, "token", w.get("k", 0).Fence.Token, 0)

			f = w.fence("p")
			w.delete("p")
			next := w.fence("p")
			same(w, "Done over another's placeholder", w.setFenced("p", entry("v"), f).Done, false)
			same(w, "the load of that placeholder", w.fill("p", entry("old"), next), false)
		}},
		{"a fenced Set whose tag was invalidated meanwhile removes what stands", nothing, func(w *world) {
			w.set("k", entry("old"))
			f := w.fence("k")
			now := w.invalidate("t")
			r := w.setFenced("k", entry("v", "t"), f)
			same(w, "Done", r.Done, false)
			same(w, "n", r.Clock.N, now.N+1)
			same(w, "Get", w.read("k"), nowhere)
		}},
		{"of two fenced writers with one fence, none or the first stays", nothing, func(w *world) {
			f := w.fence("k")
			same(w, "the first", w.setFenced("k", entry("one"), f).Done, true)
			same(w, "the second", w.setFenced("k", entry("two"), f).Done, false)
			same(w, "Get", w.read("k"), nowhere)
		}},
		{"an application's fence works the same way", nothing, func(w *world) {
			c := w.client(nil)
			f, err := c.Fence(w.ctx, "k")
			w.must("Fence", err)
			ok, err := c.Fill(w.ctx, "k", []byte("v"), f, cache.Tags("t"))
			w.must("Fill", err)
			same(w, "Fill", ok, true)
			ok, err = c.Fill(w.ctx, "k", []byte("again"), f)
			w.must("Fill", err)
			same(w, "Fill again", ok, false)
			same(w, "Get", w.look(c, "k"), "v")

			f, err = c.Fence(w.ctx, "k")
			w.must("Fence", err)
			w.must("Invalidate", c.Invalidate(w.ctx, "t"))
			w.write(c, "k", "stale", cache.Fenced(f), cache.Tags("t"))
			same(w, "Get after a Set that came too late", w.look(c, "k"), nowhere)

			f, err = c.Fence(w.ctx, "k")
			w.must("Fence", err)
			w.is("Set of another key", c.Set(w.ctx, "l", nil, cache.Fenced(f)), cache.ErrKey)
			w.is("Set of another client", w.client(nil).Set(w.ctx, "k", nil, cache.Fenced(f)), cache.ErrKey)
			w.is("Set with no fence at all", c.Set(w.ctx, "k", nil, cache.Fenced(cache.Fence{})), cache.ErrKey)
			w.write(c, "k", "new", cache.Fenced(f), cache.Tags("t"))
			same(w, "Get after a Set in time", w.look(c, "k"), "new")
		}},
	}
}

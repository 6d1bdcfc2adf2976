package drivertest

import (
	"time"

	"github.com/stratacache/strata/cache"
	"github.com/stratacache/strata/cache/driver"
)

func touching() []rule {
	return []rule{
		{"LL-046 touch of a live entry gives it a new lifetime and keeps the rest", nothing, func(w *world) {
			w.inTime(w.h.Moment, func() {
				w.set("k", living(&driver.Entry{Payload: []byte("v"), Schema: 5, Cost: time.Second, Tags: []string{"t"}}, w.h.Moment))
				w.touch("k", lifeOf(long))
			})
			w.pass(w.h.Moment)
			e := w.get("k", 0).Entry
			if e == nil {
				w.t.Fatalf("%s: got nothing after the old lifetime", w.rule)
			}
			same(w, "Payload", string(e.Payload), "v")
			same(w, "Schema", e.Schema, 5)
			same(w, "Cost", e.Cost.Round(time.Millisecond), time.Second)
			same(w, "number of tags", len(e.Tags), 1)
			w.invalidate("t")
			same(w, "Get after its tag was invalidated", w.read("k"), nowhere)
		}},
		{"LL-046 touch may shorten a lifetime", nothing, func(w *world) {
			w.set("k", entry("v"))
			same(w, "Touch", w.touch("k", lifeOf(w.h.Moment)), true)
			w.pass(w.h.Moment)
			same(w, "Get after the new end", w.read("k"), nowhere)
		}},
		{"a reading after a touch has the new lifetime", nothing, func(w *world) {
			for _, e := range []*driver.Entry{entry("v"), integer("7")} {
				w.set("k", e)
				life := driver.Life{Fresh: lifeOf(2 * long).Fresh, Expires: lifeOf(3 * long).Expires}
				same(w, "Touch", w.touch("k", life), true)
				if got := w.get("k", 0).Entry; got == nil {
					w.fail("got nothing")
				} else {
					w.sameLife("Life", got.Life, life)
				}
			}
		}},
		{"LL-047 touch without a lifetime gives the default", nothing, func(w *world) {
			c := w.client(&cache.Options{TTL: 33 * time.Minute})
			w.write(c, "k", "v", cache.TTL(time.Hour))
			from := time.Now()
			ok, err := c.Touch(w.ctx, "k")
			w.must("Touch", err)
			same(w, "Touch", ok, true)
			w.lives([]string{"k"}, from, 33*time.Minute)
		}},
		{"LL-048 touch of an absent key is false", nothing, func(w *world) {
			same(w, "Touch", w.touch("k", lifeOf(long)), false)
			same(w, "Get", w.read("k"), nowhere)
			ok, err := w.client(nil).Touch(w.ctx, "k", cache.TTL(0))
			w.must("Client.Touch", err)
			same(w, "Client.Touch for 0", ok, false)
		}},
		{"LL-049 touch with Forever makes an entry immortal", nothing, func(w *world) {
			c := w.client(nil)
			w.write(c, "k", "v")
			ok, err := c.Touch(w.ctx, "k", cache.TTL(cache.Forever))
			w.must("Touch", err)
			same(w, "Touch", ok, true)
			w.lives([]string{"k"}, time.Now(), cache.Forever)
			w.inTime(w.h.Moment, func() {
				w.set("d", living(entry("v"), w.h.Moment))
				w.touch("d", driver.Life{Fresh: driver.Forever, Expires: driver.Forever})
			})
			w.pass(w.h.Moment)
			same(w, "Get after the old end", w.read("d"), "v")
		}},
		{"LL-052 touch of an expired entry is false", nothing, func(w *world) {
			w.set("k", living(entry("v"), w.h.Moment))
			w.pass(w.h.Moment)
			same(w, "Touch", w.touch("k", lifeOf(long)), false)
			same(w, "Get", w.read("k"), nowhere)
		}},
		{"touch of an invalid entry is false", nothing, func(w *world) {
			w.set("tagged", entry("v", "t"))
			w.invalidate("t")
			same(w, "Touch after its tag was invalidated", w.touch("tagged", lifeOf(long)), false)
			same(w, "Get", w.read("tagged"), nowhere)
			w.set("cleared", entry("v"))
			w.invalidate(driver.TagAll)
			same(w, "Touch after all was cleared", w.touch("cleared", lifeOf(long)), false)
			same(w, "Get", w.read("cleared"), nowhere)
		}},
		{"touch of a remembered not found is false", nothing, func(w *world) {
			w.set("k", negative())
			same(w, "Touch", w.touch("k", lifeOf(long)), false)
		}},
		{"touch of a placeholder is false and leaves it", nothing, func(w *world) {
			f := w.fence("k")
			same(w, "Touch", w.touch("k", lifeOf(long)), false)
			same(w, "the fill that it guards", w.fill("k", entry("v"), f), true)
		}},
	}
}

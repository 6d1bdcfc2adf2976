package drivertest

import (
	"github.com/stratacache/strata/cache"
	"github.com/stratacache/strata/cache/driver"
)

func deleting() []rule {
	return []rule{
		{"LL-054 delete says whether it removed a live entry", nothing, func(w *world) {
			w.set("k", entry("v"))
			w.set("n", integer("1"))
			same(w, "Removed, of a live entry", w.delete("k"), 1)
			same(w, "Removed, of a live integer", w.delete("n"), 1)
			same(w, "Get", w.read("k"), nowhere)
			same(w, "Removed, of an absent key", w.delete("k"), 0)
			c := w.client(nil)
			w.write(c, "k", "v")
			for _, want := range []bool{true, false} {
				ok, err := c.Delete(w.ctx, "k")
				w.must("Delete", err)
				same(w, "Client.Delete", ok, want)
			}
		}},
		{"LL-055 delete of an expired entry says false", nothing, func(w *world) {
			w.set("k", living(entry("v"), w.h.Moment))
			w.pass(w.h.Moment)
			same(w, "Removed", w.delete("k"), 0)
		}},
		{"delete counts no placeholder, no remembered not found and nothing invalid", nothing, func(w *world) {
			w.fence("placeholder")
			w.set("negative", negative())
			w.set("invalid", entry("v", "t"))
			w.invalidate("t")
			w.set("cleared", entry("v"))
			w.invalidate(driver.TagAll)
			same(w, "Removed", w.delete("placeholder", "negative", "invalid", "cleared"), 0)
			for _, k := range []string{"placeholder", "negative", "invalid", "cleared"} {
				r := w.get(k, 0)
				same(w, "Get of "+k, payload(r.Entry), nowhere)
				same(w, "its token", r.Fence.Token, 0)
			}
		}},
		{"LL-109 delete of many counts the live ones, each once", nothing, func(w *world) {
			w.set("a", entry("v"))
			w.set("b", entry("v"))
			w.set("c", entry("v"))
			same(w, "Removed", w.delete("a", "absent", "b", "a"), 2)
			same(w, "Get of a", w.read("a"), nowhere)
			same(w, "Get of c", w.read("c"), "v")
			c := w.client(nil)
			n, err := c.DeleteMany(w.ctx)
			w.must("DeleteMany of nothing", err)
			same(w, "DeleteMany of nothing", n, 0)
			w.write(c, "x", "v")
			w.write(c, "y", "v")
			n, err = c.DeleteMany(w.ctx, "x", "y", "z")
			w.must("DeleteMany", err)
			same(w, "DeleteMany", n, 2)
		}},
		{"keys and tags are invalidated in one step that advances once", nothing, func(w *world) {
			w.set("a", entry("v"))
			w.set("b", entry("v", "t"))
			before := w.clock()
			r, err := w.store.Invalidate(w.ctx, driver.Invalidation{Keys: keysOf("a"), Tags: []string{"t", "u"}})
			w.must("Invalidate", err)
			same(w, "Removed", r.Removed, 1)
			same(w, "n", r.Clock.N, before.N+1)
			same(w, "Get of a", w.read("a"), nowhere)
			same(w, "Get of b", w.read("b"), nowhere)
		}},
		{"LL-056 Has is true for live keys only", nothing, func(w *world) {
			c := w.client(nil)
			has := func(key string) bool {
				ok, err := c.Has(w.ctx, key)
				w.must("Has", err)
				return ok
			}
			w.write(c, "k", "", cache.TTL(cache.Forever))
			same(w, "Has of an immortal empty value", has("k"), true)
			w.write(c, "short", "v", cache.TTL(w.h.Moment))
			w.pass(w.h.Moment)
			same(w, "Has of an expired key", has("short"), false)
			same(w, "Has of an absent key", has("absent"), false)
		}},
		{"LL-058 clear empties", nothing, func(w *world) {
			c := w.client(nil)
			for _, k := range []string{"a", "b"} {
				w.write(c, k, "v", cache.TTL(cache.Forever))
			}
			w.write(c.WithVersion(7), "a", "v")
			w.must("Clear", c.Clear(w.ctx))
			same(w, "Get of a", w.look(c, "a"), nowhere)
			same(w, "Get of b", w.look(c, "b"), nowhere)
			same(w, "Get of another version", w.look(c.WithVersion(7), "a"), nowhere)
			w.write(c, "a", "new")
			same(w, "Get of what was set after it", w.look(c, "a"), "new")
		}},
		{"LL-059 clear drops its prefix and what is under it, and nothing else", nothing, func(w *world) {
			root := w.client(nil)
			a := root.WithPrefix("a")
			views := map[string]cache.Cache{
				"root": root, "a": a, "a version 2": a.WithVersion(2), "a/x": a.WithPrefix("x"),
				"b": root.WithPrefix("b"), "b/a": root.WithPrefix("b").WithPrefix("a"), "ab": root.WithPrefix("ab"),
			}
			for _, v := range views {
				w.write(v, "k", "v")
			}
			w.must("Clear", a.Clear(w.ctx))
			cleared := map[string]bool{"a": true, "a version 2": true, "a/x": true}
			for name, v := range views {
				want := "v"
				if cleared[name] {
					want = nowhere
				}
				same(w, "Get in "+name, w.look(v, "k"), want)
			}
			w.must("Clear", root.Clear(w.ctx))
			for name, v := range views {
				same(w, "Get after the root was cleared, in "+name, w.look(v, "k"), nowhere)
			}
		}},
	}
}

package drivertest

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/stratacache/strata/cache"
	"github.com/stratacache/strata/cache/driver"
)

func writing() []rule {
	return []rule{
		{"LL-015 Set replaces whatever stands", nothing, func(w *world) {
			w.fence("placeholder")
			w.set("bytes", entry("old"))
			w.set("integer", integer("7"))
			w.set("negative", negative())
			w.set("invalid", entry("old", "t"))
			w.invalidate("t")
			for _, k := range []string{"placeholder", "bytes", "integer", "negative", "invalid", "absent"} {
				w.set(k, entry("new"))
				same(w, "Get of "+k, w.read(k), "new")
			}
		}},
		{"LL-016 Set replaces the lifetime", nothing, func(w *world) {
			w.set("longer", living(entry("v"), w.h.Moment))
			w.set("longer", entry("v"))
			w.set("shorter", entry("v"))
			w.set("shorter", living(entry("v"), w.h.Moment))
			w.pass(w.h.Moment)
			same(w, "an entry that was set to live longer", w.read("longer"), "v")
			same(w, "an entry that was set to live shorter", w.read("shorter"), nowhere)
		}},
		{"LL-017 a value that cannot be encoded leaves the old one", nothing, func(w *world) {
			c := w.client(nil)
			v := cache.For[any](c)
			w.must("Set", v.Set(w.ctx, "k", "old"))
			if err := v.Set(w.ctx, "k", func() {}); err == nil || isSentinel(err) {
				w.fail("Set of a func: got error %v", err)
			}
			got, err := v.Get(w.ctx, "k")
			w.must("Get", err)
			same(w, "Get", got, any("old"))
		}},
		{"LL-019 Add of a present key says false and leaves value and lifetime", nothing, func(w *world) {
			w.set("k", entry("old"))
			before := w.get("k", 0)
			same(w, "Add", w.add("k", living(entry("new"), w.h.Moment)), false)
			w.pass(w.h.Moment)
			after := w.get("k", 0)
			same(w, "Get", payload(after.Entry), "old")
			same(w, "token", after.Fence.Token, before.Fence.Token)
		}},
		{"LL-019 Add of an absent key stores", nothing, func(w *world) {
			same(w, "Add", w.add("k", entry("v")), true)
			same(w, "Get", w.read("k"), "v")
			c := w.client(nil)
			ok, err := c.Add(w.ctx, "c", []byte("v"))
			w.must("Client.Add", err)
			same(w, "Client.Add", ok, true)
			ok, err = c.Add(w.ctx, "c", []byte("w"))
			w.must("Client.Add", err)
			same(w, "second Client.Add", ok, false)
			same(w, "Client.Get", w.look(c, "c"), "v")
		}},
		{"LL-020 Add over an ended entry stores", nothing, func(w *world) {
			w.set("k", living(entry("old"), w.h.Moment))
			w.pass(w.h.Moment)
			same(w, "Add", w.add("k", entry("new")), true)
			same(w, "Get", w.read("k"), "new")
		}},
		{"Add over a placeholder or a remembered not found stores", nothing, func(w *world) {
			w.fence("placeholder")
			w.set("negative", negative())
			for _, k := range []string{"placeholder", "negative"} {
				same(w, "Add over a "+k, w.add(k, entry("v")), true)
				same(w, "Get", w.read(k), "v")
			}
		}},
		{"LL-022 Add of a value that cannot be encoded is an error", nothing, func(w *world) {
			v := cache.For[any](w.client(nil))
			if ok, err := v.Add(w.ctx, "k", func() {}); ok || err == nil {
				w.fail("Add of a func: got %v, %v", ok, err)
			}
			_, err := v.Get(w.ctx, "k")
			w.is("Get", err, cache.ErrMiss)
		}},
		{"LL-023 Add without a lifetime says whether the key is absent and stores nothing", nothing, func(w *world) {
			c := w.client(nil)
			for _, ttl := range []time.Duration{0, -1, -time.Hour} {
				ok, err := c.Add(w.ctx, "k", []byte("v"), cache.TTL(ttl))
				w.must("Add", err)
				same(w, "Add of an absent key for "+ttl.String(), ok, true)
				same(w, "Get", w.look(c, "k"), nowhere)
			}
		}},
		{"LL-024 Add without a lifetime over a live key says false and leaves it", nothing, func(w *world) {
			c := w.client(nil)
			w.write(c, "k", "v")
			for _, ttl := range []time.Duration{0, -1} {
				ok, err := c.Add(w.ctx, "k", []byte("w"), cache.TTL(ttl))
				w.must("Add", err)
				same(w, "Add for "+ttl.String(), ok, false)
				same(w, "Get", w.look(c, "k"), "v")
			}
		}},
		{"LL-027 a value that is too large is refused, and the old one is gone", nothing, func(w *world) {
			c := w.client(&cache.Options{MaxValue: 100})
			w.write(c, "k", strings.Repeat("x", 100))
			w.is("Set of 101 bytes", c.Set(w.ctx, "k", make([]byte, 101)), cache.ErrTooLarge)
			same(w, "Get", w.look(c, "k"), nowhere)
			w.write(c, "k", "old")
			ok, err := c.Add(w.ctx, "k", make([]byte, 101))
			w.is("Add of 101 bytes", err, cache.ErrTooLarge)
			same(w, "Add", ok, false)
			same(w, "Get after it", w.look(c, "k"), "old")
		}},
		{"LL-028 a value of a mebibyte and one byte is stored", nothing, func(w *world) {
			want := bytes.Repeat([]byte{0, 1, 0xff}, (1<<20)/3+1)[:1<<20+1]
			c := w.client(nil)
			w.must("Set", c.Set(w.ctx, "k", want))
			got, err := c.Get(w.ctx, "k")
			w.must("Get", err)
			same(w, "equal", bytes.Equal(got, want), true)
		}},
		{"a value over the store's own limit is ErrTooLarge, and a Set removes what stands", nothing, func(w *world) {
			if w.h.Largest == 0 {
				w.pointless("Harness.Largest is 0: the store has no limit of its own")
			}
			huge := func() *driver.Entry { return entry(strings.Repeat("x", w.h.Largest+1)) }
			for mode, want := range map[driver.Mode]string{driver.Set: nowhere, driver.SetFenced: nowhere, driver.Add: "(negative)", driver.Fill: "old"} {
				old := entry("old")
				if mode == driver.Add {
					old = negative()
				}
				w.set("k", old)
				f := w.fence("k")
				e := huge()
				e.Stamp = f.Stamp
				_, err := w.store.Put(w.ctx, keyOf("k"), e, mode, f.Token)
				w.is(fmt.Sprint("Put of mode ", mode), err, driver.ErrTooLarge)
				same(w, fmt.Sprint("Get after mode ", mode), w.read("k"), want)
			}
		}},
		{"a mode that the store does not know is unsupported and changes nothing", nothing, func(w *world) {
			w.set("k", entry("v"))
			before := w.get("k", 0).Fence
			_, err := w.store.Put(w.ctx, keyOf("k"), entry("w"), driver.Mode(99), before.Token)
			w.is("Put of mode 99", err, errors.ErrUnsupported)
			same(w, "Get", w.read("k"), "v")
			same(w, "its fence", w.get("k", 0).Fence, before)
		}},
		{"an option that a method has no use for is an error", nothing, func(w *world) {
			c := w.client(nil)
			w.is("Set", c.Set(w.ctx, "k", nil, cache.Initial(1)), cache.ErrOption)
			_, err := c.Touch(w.ctx, "k", cache.Tags("t"))
			w.is("Touch", err, cache.ErrOption)
			_, err = c.Add(w.ctx, "k", nil, cache.Fenced(cache.Fence{}))
			w.is("Add", err, cache.ErrOption)
			same(w, "Get", w.look(c, "k"), nowhere)
		}},
		{"what the caller does with its bytes after a Set changes nothing", nothing, func(w *world) {
			c := w.client(nil)
			b := []byte("abc")
			w.must("Set", c.Set(w.ctx, "k", b))
			_, err := c.Add(w.ctx, "a", b)
			w.must("Add", err)
			w.must("SetMany", c.SetMany(w.ctx, map[string][]byte{"m": b}))
			f, err := c.Fence(w.ctx, "f")
			w.must("Fence", err)
			_, err = c.Fill(w.ctx, "f", b, f)
			w.must("Fill", err)
			copy(b, "xyz")
			for _, k := range []string{"k", "a", "m", "f"} {
				same(w, "Get of "+k, w.look(c, k), "abc")
			}
		}},
		{"a value with tags needs a fence", nothing, func(w *world) {
			c := w.client(nil)
			tags := cache.Tags("t")
			w.is("Set", c.Set(w.ctx, "k", nil, tags), cache.ErrUnfenced)
			_, err := c.Add(w.ctx, "k", nil, tags)
			w.is("Add", err, cache.ErrUnfenced)
			_, err = c.Incr(w.ctx, "k", 1, cache.Initial(0), tags)
			w.is("Incr", err, cache.ErrUnfenced)
			w.is("SetMany", c.SetMany(w.ctx, map[string][]byte{"k": nil}, tags), cache.ErrUnfenced)
			same(w, "Get", w.look(c, "k"), nowhere)
		}},
		{"a stored entry gets a token of its own, whatever the caller's says", nothing, func(w *world) {
			seen := map[driver.Token]string{0: "none"}
			claim := driver.Token(7)
			seen[claim] = "the caller"
			token := func(k string) {
				t := w.get(k, 0).Fence.Token
				if who, taken := seen[t]; taken {
					w.fail("%s has the token %d of %s", k, t, who)
				}
				seen[t] = k
			}
			claiming := func() *driver.Entry { e := entry("v"); e.Token = claim; return e }
			w.set("set", claiming())
			token("set")
			w.set("set", claiming())
			token("set")
			w.add("add", claiming())
			token("add")
			f := w.fence("fill")
			seen[f.Token] = "the placeholder"
			w.fill("fill", claiming(), f)
			token("fill")
			f = w.fence("fenced")
			seen[f.Token] = "the placeholder"
			w.setFenced("fenced", claiming(), f)
			token("fenced")
			w.incr("incr", 1, integer("1"))
			token("incr")
			w.incr("incr", 1, nil)
			token("incr")
			w.putMany(setOf("a", claiming()), setOf("b", claiming()))
			token("a")
			token("b")
		}},
	}
}

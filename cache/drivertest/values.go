package drivertest

import (
	"bytes"
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/stratacache/strata/cache"
	"github.com/stratacache/strata/cache/driver"
)

// spy remembers the last key that went into a store.
type spy struct {
	driver.Store
	key driver.Key
}

func (s *spy) Put(ctx context.Context, key driver.Key, e *driver.Entry, mode driver.Mode, token driver.Token) (driver.Result, error) {
	s.key = key
	return s.Store.Put(ctx, key, e, mode, token)
}

// Unwrap lets capabilities through.
func (s *spy) Unwrap() driver.Store { return s.Store }

type person struct {
	Name  string
	Born  time.Time
	Score float64
	Tags  []string
	Of    map[string]int
	Next  *person
}

// trip sets a value and gets it back.
func trip[V any](w *world, c cache.Cache, v V) V {
	w.t.Helper()
	view := cache.For[V](c)
	w.must("Set", view.Set(w.ctx, "trip", v))
	got, err := view.Get(w.ctx, "trip")
	w.must("Get", err)
	return got
}

func values() []rule {
	return []rule{
		{"LL-006 values come back equal", nothing, func(w *world) {
			c := w.client(nil)
			same(w, "string", trip(w, c, "text"), "text")
			same(w, "int", trip(w, c, -42), -42)
			same(w, "int64", trip(w, c, int64(-1<<63)), -1<<63)
			same(w, "uint64", trip(w, c, uint64(1<<64-1)), 1<<64-1) // LL-012
			same(w, "uint8", trip(w, c, uint8(255)), 255)
			same(w, "float64", trip(w, c, 1.5), 1.5)
			same(w, "array", trip(w, c, [2]int{1, 2}), [2]int{1, 2})
			same(w, "duration", trip(w, c, time.Second), time.Second)
			born := time.Date(1815, 12, 10, 1, 2, 3, 4, time.UTC)
			p := trip(w, c, person{"Ada", born, 9.5, []string{"x"}, map[string]int{"a": 1}, &person{Name: "Bob"}})
			same(w, "name", p.Name, "Ada")
			same(w, "time", p.Born.Equal(born), true)
			same(w, "slice", strings.Join(p.Tags, ","), "x")
			same(w, "map", p.Of["a"], 1)
			same(w, "pointer", p.Next.Name, "Bob")
		}},
		{"LL-007 a string, bytes and an integer of the same digits are apart", nothing, func(w *world) {
			c := w.client(nil)
			text, raw, number, list := cache.For[string](c), cache.For[[]byte](c), cache.For[int](c), cache.For[[]int](c)
			w.must("Set", text.Set(w.ctx, "text", "123"))
			w.must("Set", raw.Set(w.ctx, "raw", []byte("123")))
			w.must("Set", number.Set(w.ctx, "number", 123))
			for _, k := range []string{"text", "raw", "number"} {
				s, serr := text.Get(w.ctx, k)
				b, berr := raw.Get(w.ctx, k)
				n, nerr := number.Get(w.ctx, k)
				_, lerr := list.Get(w.ctx, k)
				same(w, k+" is a string", serr == nil && s == "123", k == "text")
				same(w, k+" is bytes", berr == nil && string(b) == "123", k == "raw")
				same(w, k+" is a number", nerr == nil && n == 123, k == "number")
				for _, err := range []error{serr, berr, nerr, lerr} {
					if err != nil && !errors.Is(err, cache.ErrMiss) {
						w.fail("%s read as another type: got error %v, want %v", k, err, cache.ErrMiss)
					}
				}
			}
			same(w, "odd entries counted", c.Stats().Odd > 0, true)
		}},
		{"LL-008 booleans stay booleans", nothing, func(w *world) {
			c := w.client(nil)
			same(w, "true", trip(w, c, true), true)
			same(w, "false", trip(w, c, false), false)
			_, err := cache.For[int](c).Get(w.ctx, "trip")
			w.is("Get as an int", err, cache.ErrMiss)
			same(w, "true in any", trip(w, c, any(true)), any(true))
		}},
		{"LL-009 zero values are hits", nothing, func(w *world) {
			c := w.client(nil)
			same(w, "empty string", trip(w, c, ""), "")
			same(w, "0", trip(w, c, 0), 0)
			same(w, "empty bytes", len(trip(w, c, []byte{})), 0)
			same(w, "nil bytes", len(trip(w, c, []byte(nil))), 0)
			same(w, "empty list", len(trip(w, c, []int{})), 0)
			same(w, "nil map", len(trip(w, c, map[string]int(nil))), 0)
			same(w, "nil pointer", trip(w, c, (*person)(nil)), nil)
			same(w, "empty struct", trip(w, c, struct{}{}), struct{}{})
			w.set("k", &driver.Entry{Life: lifeOf(long)})
			if e := w.get("k", 0).Entry; e == nil || len(e.Payload) != 0 {
				w.fail("an entry without payload: got %+v", e)
			}
		}},
		{"LL-011 binary payloads survive byte for byte", nothing, func(w *world) {
			all := make([]byte, 256)
			for i := range all {
				all[i] = byte(i)
			}
			rng := rand.New(rand.NewPCG(1, 2))
			for _, size := range []int{0, 1, 7, 8, 15, 16, 17, 63, 64, 65, 255, 256, 4095, 65535, 65536, 300_000} {
				p := make([]byte, size)
				for i := range p {
					p[i] = byte(rng.Uint32())
				}
				copy(p, all)
				w.set("k", &driver.Entry{Life: lifeOf(long), Payload: slices.Clone(p)})
				if got := w.get("k", 0).Entry; got == nil || !bytes.Equal(got.Payload, p) {
					w.fail("%d bytes did not come back", size)
				}
			}
			c := w.client(nil)
			_, err := c.Add(w.ctx, "add", all)
			w.must("Add", err)
			w.must("SetMany", c.SetMany(w.ctx, map[string][]byte{"many": all}))
			same(w, "added", w.look(c, "add"), string(all))
			same(w, "set with many", w.look(c, "many"), string(all))
		}},
		{"a payload that looks like the store's own is a payload", nothing, func(w *world) {
			w.set("other", entry("v"))
			for _, p := range []string{"\x00", "\x01\x00\x00\x00\x00\x00\x00\x00", "12", "-", "nil", "OK", "*1\r\n", string(make([]byte, 64))} {
				w.set("k", entry(p))
				same(w, "Get", w.read("k"), p)
				same(w, "a token stands", w.get("k", 0).Fence.Token != 0, true)
			}
		}},
		{"LL-013 a value that cannot be decoded is a miss, counted, and replaced", nothing, func(w *world) {
			c := w.client(nil)
			p := cache.For[person](c)
			w.must("Set", p.Set(w.ctx, "k", person{Name: "Ada"}))
			key := driver.Key{Scope: ":1:", Name: "k"}
			r, err := w.store.Get(w.ctx, key, 0)
			w.must("Get", err)
			if r.Entry == nil {
				w.t.Fatalf("%s: nothing is stored", w.rule)
			}
			broken := r.Entry.Clone()
			broken.Payload = []byte(`{"Name`)
			_, err = w.store.Put(w.ctx, key, broken, driver.Set, 0)
			w.must("Put", err)
			_, err = p.Get(w.ctx, "k")
			w.is("Get", err, cache.ErrMiss)
			same(w, "odd entries counted", c.Stats().Odd, 1)
			v, err := p.GetOrSet(w.ctx, "k", func(context.Context) (person, error) { return person{Name: "Bob"}, nil })
			w.must("GetOrSet", err)
			same(w, "GetOrSet", v.Name, "Bob")
		}},
		{"a store that keeps entries returns the very one it was given", nothing, func(w *world) {
			if k, ok := driver.As[driver.EntryKeeper](w.store); !ok || !k.KeepsEntries() {
				w.pointless("this store keeps no entries in this process")
			}
			e := entry("v")
			e.Keep("decoded")
			w.set("k", e)
			same(w, "Get", w.get("k", 0).Entry, e)
			same(w, "what was attached", w.stands("k").Decoded(), any("decoded"))
			same(w, "GetMany", w.getMany(0, "k")[0].Entry, e)
		}},
		{"an entry that a reader holds does not change", nothing, func(w *world) {
			w.set("k", integer("1", "t"))
			e := w.stands("k")
			life, token, stamp := e.Life, e.Token, e.Stamp
			w.touch("k", lifeOf(2*long))
			w.incr("k", 1, nil)
			w.move("k", "l")
			same(w, "Payload", string(e.Payload), "1")
			same(w, "Life", e.Life, life)
			same(w, "Token", e.Token, token)
			same(w, "Stamp", e.Stamp, stamp)
		}},
		{"foreign bytes under a key are a miss that says so, and are replaced", rawBytes, func(w *world) {
			for _, raw := range []string{"hello", "", "5", "{\"a\":1}", strings.Repeat("x", 500), "\x80\x04\x95", string(make([]byte, 100))} {
				w.h.Plant(w.t, w.store, keyOf("k"), []byte(raw))
				r := w.get("k", 0)
				same(w, "Get of "+raw, payload(r.Entry), nowhere)
				if !errors.Is(r.Odd, driver.ErrForeign) && !errors.Is(r.Odd, driver.ErrCorrupt) {
					w.fail("%q: got Odd %v, want %v or %v", raw, r.Odd, driver.ErrForeign, driver.ErrCorrupt)
				}
				same(w, "GetMany of "+raw, payload(w.getMany(0, "k")[0].Entry), nowhere)
				same(w, "Touch", w.touch("k", lifeOf(long)), false)
				same(w, "Removed", w.delete("k"), 0)
				w.h.Plant(w.t, w.store, keyOf("k"), []byte(raw))
				w.set("k", entry("new"))
				same(w, "Get after a Set", w.read("k"), "new")
				w.h.Plant(w.t, w.store, keyOf("k"), []byte(raw))
				same(w, "Add", w.add("k", entry("added")), true)
				same(w, "Get after an Add", w.read("k"), "added")
			}
		}},
		{"a placeholder replaces foreign bytes, and the load is stored", rawBytes, func(w *world) {
			w.h.Plant(w.t, w.store, keyOf("k"), []byte("hello"))
			f := w.fence("k")
			same(w, "Fill", w.fill("k", entry("new"), f), true)
			same(w, "Get", w.read("k"), "new")
		}},
		{"changed or cut bytes are never a wrong value", rawBytes, func(w *world) {
			w.set("k", entry("the payload", "tag one", "tag two"))
			want := w.get("k", 0).Entry
			raw := slices.Clone(w.h.Raw(w.t, w.store, keyOf("k")))
			check := func(what string, at int) {
				got := w.get("k", 0)
				if e := got.Entry; e != nil && (string(e.Payload) != string(want.Payload) || !slices.Equal(e.Tags, want.Tags) ||
					e.Kind != want.Kind || e.Schema != want.Schema) {
					w.fail("%s at %d of %d: got %+v", what, at, len(raw), e)
				}
			}
			for i := range raw {
				changed := slices.Clone(raw)
				changed[i] ^= 1 << (i % 8)
				w.h.Plant(w.t, w.store, keyOf("k"), changed)
				check("a bit changed", i)
				w.h.Plant(w.t, w.store, keyOf("k"), raw[:i])
				check("cut", i)
			}
			w.h.Plant(w.t, w.store, keyOf("k"), append(slices.Clone(raw), 'x'))
			check("a byte more", len(raw))
		}},
		{"an entry of a later format is a miss that says so, and is left alone", newerFormat, func(w *world) {
			w.set("k", entry("v"))
			newer := w.h.Newer(slices.Clone(w.h.Raw(w.t, w.store, keyOf("k"))))
			w.h.Plant(w.t, w.store, keyOf("k"), newer)
			for _, hold := range []time.Duration{0, long} {
				for what, r := range map[string]driver.Reading{"Get": w.get("k", hold), "GetMany": w.getMany(hold, "k")[0].Reading} {
					same(w, what, payload(r.Entry), nowhere)
					w.is(what+": Odd", r.Odd, driver.ErrNewer)
					same(w, what+": token", r.Fence.Token, 0)
					same(w, what+": Planted", r.Planted, false)
				}
			}
			same(w, "Touch", w.touch("k", lifeOf(long)), false)
			same(w, "the bytes", string(w.h.Raw(w.t, w.store, keyOf("k"))), string(newer))
			w.set("k", entry("set"))
			same(w, "Get after a Set", w.read("k"), "set")
			w.h.Plant(w.t, w.store, keyOf("k"), newer)
			w.delete("k")
			same(w, "Odd after a delete", w.get("k", 0).Odd, nil)
		}},
		{"another key's bytes are never this key's value", rawBytes, func(w *world) {
			w.set("other", entry("secret"))
			w.h.Plant(w.t, w.store, keyOf("k"), w.h.Raw(w.t, w.store, keyOf("other")))
			same(w, "Get", w.read("k"), nowhere)
		}},
	}
}

package drivertest

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/stratacache/strata/cache"
	"github.com/stratacache/strata/cache/driver"
)

func reading() []rule {
	return []rule{
		{"LL-001 an absent key is a miss", nothing, func(w *world) {
			r := w.get("k", 0)
			same(w, "Get of an absent key", payload(r.Entry), nowhere)
			same(w, "its Odd", r.Odd, nil)
			same(w, "its token", r.Fence.Token, 0)
			c := w.client(nil)
			_, err := c.Get(w.ctx, "k")
			w.is("Client.Get", err, cache.ErrMiss)
			_, err = cache.For[int](c).Get(w.ctx, "k")
			w.is("Typed.Get", err, cache.ErrMiss)
			has, err := c.Has(w.ctx, "k")
			w.must("Has", err)
			same(w, "Has", has, false)
		}},
		{"LL-002 a remembered not found is an answer and no miss", nothing, func(w *world) {
			w.set("k", negative())
			same(w, "Get", w.read("k"), "(negative)")
			c := w.client(nil)
			loads := 0
			for range 3 {
				_, err := c.GetOrSet(w.ctx, "n", func(context.Context) ([]byte, error) {
					loads++
					return nil, cache.ErrNotFound
				})
				w.is("GetOrSet", err, cache.ErrNotFound)
			}
			same(w, "loads", loads, 1)
			same(w, "Get", w.look(c, "n"), "(not found)")
			has, err := c.Has(w.ctx, "n")
			w.must("Has", err)
			same(w, "Has", has, false)
			many, err := c.GetMany(w.ctx, "n")
			w.must("GetMany", err)
			same(w, "keys that GetMany found", len(many), 0)
		}},
		{"LL-003 an ended entry is absent", nothing, func(w *world) {
			w.set("k", living(entry("v"), w.h.Moment))
			w.pass(w.h.Moment)
			same(w, "Get", w.read("k"), nowhere)
			same(w, "GetMany", payload(w.getMany(0, "k")[0].Entry), nowhere)
		}},
		{"LL-005 each reader has a value of its own", nothing, func(w *world) {
			c := w.client(nil)
			w.write(c, "k", "abc")
			b, err := c.Get(w.ctx, "k")
			w.must("Get", err)
			copy(b, "xyz")
			many, err := c.GetMany(w.ctx, "k")
			w.must("GetMany", err)
			same(w, "after a reader changed its bytes, GetMany", string(many["k"]), "abc")
			copy(many["k"], "xyz")
			same(w, "after both did, Get", w.look(c, "k"), "abc")

			lists := cache.For[[]int](c)
			mine := []int{1, 2, 3}
			w.must("Set", lists.Set(w.ctx, "l", mine))
			mine[0] = 9
			l, err := lists.Get(w.ctx, "l")
			w.must("Get", err)
			same(w, "after the writer changed its list", l[0], 1)
			l[0] = 9
			l, err = lists.Get(w.ctx, "l")
			w.must("Get", err)
			same(w, "after a reader changed its list", l[0], 1)
		}},
		{"all that an entry holds comes back", nothing, func(w *world) {
			now := time.Now()
			for i, kind := range []driver.Kind{driver.Bytes, driver.Integer, driver.Negative, driver.Coded} {
				e := &driver.Entry{
					Kind: kind, Schema: 0xfedcba9876543210, Cost: 1234 * time.Millisecond, Tags: []string{"a", "b\x00\xff"},
					Payload: []byte("-42"), Life: driver.Life{Fresh: now.Add(long).UnixNano(), Expires: now.Add(2 * long).UnixNano()},
				}
				want := e.Clone()
				clock := w.set("k", e)
				got := w.get("k", 0).Entry
				if got == nil {
					w.fail("kind %d: nothing came back", i)
					continue
				}
				same(w, "Kind", got.Kind, want.Kind)
				same(w, "Schema", got.Schema, want.Schema)
				same(w, "Stamp of a Set", got.Stamp, clock)
				same(w, "Payload", string(got.Payload), string(want.Payload))
				same(w, "Cost in milliseconds", got.Cost.Milliseconds(), want.Cost.Milliseconds())
				w.sameLife("Life", got.Life, want.Life)
				tags := slices.Sorted(slices.Values(got.Tags))
				if !slices.Equal(tags, want.Tags) {
					w.fail("Tags: got %q, want %q", tags, want.Tags)
				}
			}
		}},
		{"an entry that lives forever says so", nothing, func(w *world) {
			e := entry("v")
			e.Life = driver.Life{Fresh: driver.Forever, Expires: driver.Forever}
			w.set("k", e)
			if got := w.get("k", 0).Entry; got == nil {
				w.fail("nothing came back")
			} else {
				same(w, "Expires", got.Life.Expires, driver.Forever)
				same(w, "Fresh", got.Life.Fresh, driver.Forever)
			}
		}},
		{"an entry that is no longer fresh is returned until it ends", nothing, func(w *world) {
			e := entry("v")
			e.Life.Fresh = time.Now().Add(w.h.Moment).UnixNano()
			w.set("k", e)
			w.pass(w.h.Moment)
			same(w, "Get", w.read("k"), "v")
		}},
		{"the fence of a hit is the entry's own token", nothing, func(w *world) {
			w.set("k", entry("v"))
			for _, hold := range []time.Duration{0, long} {
				r := w.get("k", hold)
				same(w, "entry", payload(r.Entry), "v")
				same(w, "Planted", r.Planted, false)
				if r.Fence.Token == 0 || r.Entry == nil || r.Fence.Token != r.Entry.Token {
					w.fail("hold %v: got fence token %d for the entry %+v", hold, r.Fence.Token, r.Entry)
				}
			}
		}},
		{"every reading has the clock, and a read does not move it", nothing, func(w *world) {
			first := w.clock()
			if first.Epoch == 0 {
				w.fail("got epoch 0")
			}
			same(w, "clock of a Get", w.get("k", 0).Fence.Stamp, first)
			same(w, "clock of a Get with a hold", w.get("k", long).Fence.Stamp, first)
			same(w, "clock of a GetMany", w.getMany(long, "k", "l")[1].Fence.Stamp, first)
			now := w.invalidate("t")
			same(w, "clock after an invalidation", w.clock(), now)
		}},
		{"a read without a hold leaves nothing behind", nothing, func(w *world) {
			w.get("k", 0)
			same(w, "token after a read", w.get("k", 0).Fence.Token, 0)
		}},
		{"LL-159 with a context that has ended nothing waits and no answer is made up", nothing, func(w *world) {
			w.set("k", entry("v"))
			ctx, cancel := context.WithCancel(w.ctx)
			cancel()
			c := w.client(nil)
			calls := map[string]func() error{
				"Get":        func() error { _, err := w.store.Get(ctx, keyOf("k"), 0); return err },
				"Set":        func() error { _, err := w.store.Put(ctx, keyOf("k"), entry("v"), driver.Set, 0); return err },
				"Touch":      func() error { _, err := w.store.Touch(ctx, keyOf("k"), lifeOf(long)); return err },
				"Incr":       func() error { _, err := w.store.Incr(ctx, keyOf("n"), 1, integer("1")); return err },
				"Invalidate": func() error { _, err := w.store.Invalidate(ctx, driver.Invalidation{Tags: []string{"t"}}); return err },
				"GetMany":    func() error { _, err := driver.GetMany(ctx, w.store, keysOf("k", "l"), 0); return err },
				"Ping":       func() error { return w.store.Ping(ctx) },
				"Client.Set": func() error { return c.Set(ctx, "c", nil) },
			}
			for name, call := range calls {
				if err := call(); err != nil && !errors.Is(err, context.Canceled) {
					w.fail("%s: got error %v, want none or %v", name, err, context.Canceled)
				}
			}
			same(w, "the store afterwards", w.read("k"), "v")
		}},
		{"the server answers a Ping", nothing, func(w *world) {
			w.must("Ping", w.store.Ping(w.ctx))
			w.must("Client.Ping", w.client(nil).Ping(w.ctx))
		}},
		{"another store of the namespace sees the same", secondStore, func(w *world) {
			v := w.again()
			w.set("k", entry("v", "t"))
			same(w, "Get of the other", v.read("k"), "v")
			same(w, "its clock", v.clock(), w.clock())
			v.invalidate("t")
			same(w, "Get after the other invalidated", w.read("k"), nowhere)
			f := w.fence("l")
			same(w, "the token that the other sees", v.fence("l"), f)
			same(w, "a fill by the other", v.fill("l", entry("x"), f), true)
			same(w, "Get after the other filled", w.read("l"), "x")
		}},
		{"two namespaces do not meet", nothing, func(w *world) {
			v := newWorld(w.t, w.h, w.rule, w.ran)
			w.set("k", entry("one", "t"))
			same(w, "Get in the other", v.read("k"), nowhere)
			v.set("k", entry("two", "t"))
			v.invalidate("t", driver.TagAll)
			v.delete("k")
			same(w, "Get after all was dropped in the other", w.read("k"), "one")
		}},
		{"a peek returns what stands, and writes nothing", nothing, func(w *world) {
			p, ok := w.store.(driver.Peeker)
			if !ok {
				w.pointless("the store cannot be peeked into (driver.Peeker)")
			}
			peek := func(name string) *driver.Entry {
				w.t.Helper()
				e, err := p.Peek(w.ctx, keyOf(name))
				w.must("Peek "+name, err)
				return e
			}
			w.set("k", entry("v", "s", "t"))
			e := peek("k")
			if e == nil {
				w.pointless("it leaves all to Get")
			}
			want := w.stands("k")
			same(w, "payload", payload(e), "v")
			same(w, "stamp", e.Stamp, want.Stamp)
			same(w, "token", e.Token, want.Token)
			same(w, "tags", len(e.Tags), 2)
			w.sameLife("life", e.Life, want.Life)
			before := w.clock()
			same(w, "Peek of an absent key", payload(peek("absent")), nowhere)
			same(w, "token of an absent key afterwards", w.get("absent", 0).Fence.Token, 0)
			w.fence("held")
			same(w, "Peek of a placeholder", payload(peek("held")), nowhere)
			w.put("not found", negative(), driver.Set, 0)
			same(w, "Peek of a remembered not found", payload(peek("not found")), "(negative)")
			same(w, "clock", w.clock().N, before.N+1) // of that Set
			w.delete("k")
			same(w, "Peek of a deleted key", payload(peek("k")), nowhere)
			w.set("short", living(entry("v"), w.h.Moment))
			w.pass(w.h.Moment)
			same(w, "Peek of what has ended", payload(peek("short")), nowhere)
		}},
	}
}

// sameLife checks lifetimes to the millisecond, which servers round to.
func (w *world) sameLife(what string, got, want driver.Life) {
	w.t.Helper()
	const grain = int64(time.Millisecond)
	if d := got.Expires - want.Expires; d < -grain || d > grain {
		w.fail("%s: got Expires %d, want %d", what, got.Expires, want.Expires)
	}
	if got.Fresh != want.Fresh { // the cache's own number
		w.fail("%s: got Fresh %d, want %d", what, got.Fresh, want.Fresh)
	}
}

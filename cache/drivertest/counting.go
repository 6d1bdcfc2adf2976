package drivertest

import (
	"math"
	"strconv"
	"time"

	"github.com/stratacache/strata/cache"
	"github.com/stratacache/strata/cache/driver"
)

func counting() []rule {
	return []rule{
		{"LL-065 incr adds, stores and returns the sum", nothing, func(w *world) {
			w.set("k", integer("41"))
			same(w, "Incr by 1", w.incr("k", 1, nil), 42)
			same(w, "Incr by 10", w.incr("k", 10, nil), 52)
			same(w, "Incr by -2", w.incr("k", -2, nil), 50)
			same(w, "Get", w.read("k"), "50")
			same(w, "its kind", w.stands("k").Kind, driver.Integer)
		}},
		{"LL-066 decr subtracts", nothing, func(w *world) {
			c := w.client(nil)
			n := cache.For[int](c)
			w.must("Set", n.Set(w.ctx, "k", 10))
			for _, x := range []struct{ delta, want int64 }{{1, 9}, {4, 5}, {-3, 8}} {
				got, err := c.Decr(w.ctx, "k", x.delta)
				w.must("Decr", err)
				same(w, "Decr", got, x.want)
			}
			v, err := n.Get(w.ctx, "k")
			w.must("Get", err)
			same(w, "Typed.Get", v, 8)
		}},
		{"LL-067 incr of an absent key is a miss and creates nothing", nothing, func(w *world) {
			c := w.client(nil)
			for _, delta := range []int64{1, 0, -5} {
				_, err := w.store.Incr(w.ctx, keyOf("k"), delta, nil)
				w.is("Incr", err, driver.ErrMiss)
				_, err = c.Decr(w.ctx, "k", delta)
				w.is("Client.Decr", err, cache.ErrMiss)
			}
			same(w, "Get", w.read("k"), nowhere)
		}},
		{"LL-068 incr of an expired integer is a miss", nothing, func(w *world) {
			w.set("k", living(integer("1"), w.h.Moment))
			w.pass(w.h.Moment)
			_, err := w.store.Incr(w.ctx, keyOf("k"), 1, nil)
			w.is("Incr", err, driver.ErrMiss)
			same(w, "Incr from 7", w.incr("k", 1, integer("7")), 7)
		}},
		{"incr does not see an invalid integer, a placeholder or a remembered not found", nothing, func(w *world) {
			w.set("tagged", integer("1", "t"))
			w.invalidate("t")
			w.set("cleared", integer("1"))
			w.invalidate(driver.TagAll)
			w.fence("placeholder")
			w.set("negative", negative())
			for _, k := range []string{"tagged", "cleared", "placeholder", "negative"} {
				_, err := w.store.Incr(w.ctx, keyOf(k), 1, nil)
				w.is("Incr of "+k, err, driver.ErrMiss)
				same(w, "Incr of "+k+" from 7", w.incr(k, 1, integer("7")), 7)
				same(w, "Incr of "+k+" again", w.incr(k, 1, integer("7")), 8)
				same(w, "Get of "+k, w.read(k), "8")
			}
		}},
		{"LL-070 incr of what is no integer is refused and changes nothing", nothing, func(w *world) {
			w.set("text", entry("5"))
			_, err := w.store.Incr(w.ctx, keyOf("text"), 1, integer("1"))
			w.is("Incr of the bytes 5", err, driver.ErrNotInteger)
			same(w, "Get", w.read("text"), "5")

			c := w.client(nil)
			w.must("Set", cache.For[string](c).Set(w.ctx, "string", "5"))
			w.must("Set", cache.For[float64](c).Set(w.ctx, "float", 1.5))
			w.must("Set", cache.For[bool](c).Set(w.ctx, "bool", true))
			w.must("Set", c.Set(w.ctx, "bytes", []byte("5")))
			for _, k := range []string{"string", "float", "bool", "bytes"} { // LL-071, LL-072
				_, err := c.Incr(w.ctx, k, 1)
				w.is("Incr of a "+k, err, cache.ErrNotInteger)
			}
			b, err := cache.For[bool](c).Get(w.ctx, "bool")
			w.must("Get", err)
			same(w, "the bool afterwards", b, true)
		}},
		{"LL-073 incr by 0 returns the value", nothing, func(w *world) {
			w.set("k", integer("7"))
			same(w, "Incr", w.incr("k", 0, nil), 7)
		}},
		{"LL-074 decr goes below zero", nothing, func(w *world) {
			w.set("k", integer("1"))
			same(w, "Incr by -5", w.incr("k", -5, nil), -4)
			same(w, "Get", w.read("k"), "-4")
		}},
		{"LL-075 a negative integer can be incremented", nothing, func(w *world) {
			w.set("k", integer("-5"))
			same(w, "Incr", w.incr("k", 2, nil), -3)
			same(w, "Incr", w.incr("k", 3, nil), 0)
		}},
		{"LL-076 an overflow is an error and changes nothing", nothing, func(w *world) {
			for _, x := range []struct{ value, delta int64 }{
				{math.MaxInt64, 1},
				{1, math.MaxInt64},
				{math.MaxInt64, math.MaxInt64},
				{math.MinInt64, -1},
				{-2, math.MinInt64 + 1},
				{math.MinInt64, math.MinInt64},
			} {
				text := strconv.FormatInt(x.value, 10)
				w.set("k", integer(text))
				_, err := w.store.Incr(w.ctx, keyOf("k"), x.delta, nil)
				w.is("Incr of "+text, err, driver.ErrOverflow)
				same(w, "Get", w.read("k"), text)
			}
			w.set("k", integer(strconv.FormatInt(math.MaxInt64-1, 10)))
			same(w, "Incr up to the greatest", w.incr("k", 1, nil), math.MaxInt64)
			w.set("k", integer(strconv.FormatInt(math.MinInt64+1, 10)))
			same(w, "Incr down to the least", w.incr("k", -1, nil), math.MinInt64)
			same(w, "Incr across all", w.incr("k", math.MaxInt64, nil), -1)
			c := w.client(nil)
			_, err := c.Decr(w.ctx, "d", math.MinInt64, cache.Initial(0))
			w.is("Decr by the least", err, cache.ErrOverflow)
			_, err = c.Incr(w.ctx, "d", 1, cache.Initial(math.MaxInt64))
			w.is("Incr from the greatest", err, cache.ErrOverflow)
			same(w, "Get", w.look(c, "d"), nowhere)
		}},
		{"integers beyond 2^53 are counted exactly", nothing, func(w *world) {
			w.set("k", integer("9007199254740993"))
			same(w, "Incr", w.incr("k", 2, nil), 9007199254740995)
			same(w, "Incr by much", w.incr("k", 9007199254740993, nil), 18014398509481988)
		}},
		{"LL-078 incr keeps the lifetime, tags and schema", nothing, func(w *world) {
			e := integer("1", "t")
			e.Schema = 9
			life := e.Life
			stamp := w.set("k", e)
			w.invalidate("other") // the clock goes on, the entry's stamp does not
			w.incr("k", 1, living(integer("1"), w.h.Moment))
			got := w.stands("k")
			w.sameLife("Life", got.Life, life)
			same(w, "Schema", got.Schema, 9)
			same(w, "Stamp", got.Stamp, stamp)
			w.pass(w.h.Moment)
			same(w, "Get after the initial's lifetime", w.read("k"), "2")
			w.invalidate("t")
			same(w, "Get after its tag was invalidated", w.read("k"), nowhere)
		}},
		{"LL-079 an integer ends when it would have without the incr", nothing, func(w *world) {
			w.set("k", living(integer("1"), w.h.Moment))
			_, _ = w.store.Incr(w.ctx, keyOf("k"), 1, nil) // on a slow machine it has ended
			w.pass(w.h.Moment)
			same(w, "Get", w.read("k"), nowhere)
		}},
		{"BUG-06 incr of an absent key starts from Initial, with the call's lifetime", nothing, func(w *world) {
			c := w.client(nil)
			from := time.Now()
			for i, want := range []int64{13, 16} {
				ttl := time.Duration(i+1) * time.Minute
				n, err := c.Incr(w.ctx, "k", 3, cache.Initial(10), cache.TTL(ttl))
				w.must("Incr", err)
				same(w, "Incr", n, want)
				w.lives([]string{"k"}, from, time.Minute)
			}
			v, err := cache.For[int64](c).Get(w.ctx, "k")
			w.must("Get", err)
			same(w, "Typed.Get", v, 16)
		}},
		{"incr says whether it created, and advances the clock only then", nothing, func(w *world) {
			w.set("k", integer("1"))
			for _, x := range []struct {
				name    string
				created bool
			}{{"k", false}, {"new", true}, {"new", false}} {
				want := w.clock()
				if x.created {
					want.N++
				}
				r, err := w.store.Incr(w.ctx, keyOf(x.name), 1, integer("1"))
				w.must("Incr", err)
				same(w, "Created", r.Created, x.created)
				same(w, "the clock it returned", r.Clock, want)
				same(w, "clock", w.clock(), want)
			}
			w.is("Incr of an absent key", func() error { _, err := w.store.Incr(w.ctx, keyOf("absent"), 1, nil); return err }(), driver.ErrMiss)
		}},
		{"an integer that incr stored is valid, and cleared like all others", nothing, func(w *world) {
			w.invalidate("t", driver.TagAll)
			w.incr("k", 1, integer("1", "t"))
			same(w, "Get", w.read("k"), "1")
			w.invalidate("t")
			same(w, "Get after its tag was invalidated", w.read("k"), nowhere)
		}},
	}
}

package drivertest

import (
	"context"
	"math"
	"time"

	"github.com/stratacache/strata/cache"
	"github.com/stratacache/strata/cache/driver"
)

// writers are the ways in which an application gives a lifetime, each to a key
// of its own.
func (w *world) writers(c cache.Cache, opts ...cache.Option) []string {
	w.t.Helper()
	v := []byte("v")
	w.must("Set", c.Set(w.ctx, "set", v, opts...))
	_, err := c.Add(w.ctx, "add", v, opts...)
	w.must("Add", err)
	w.must("SetMany", c.SetMany(w.ctx, map[string][]byte{"many": v}, opts...))
	_, err = c.GetOrSet(w.ctx, "load", func(context.Context) ([]byte, error) { return v, nil }, opts...)
	w.must("GetOrSet", err)
	f, err := c.Fence(w.ctx, "fill")
	w.must("Fence", err)
	_, err = c.Fill(w.ctx, "fill", v, f, opts...)
	w.must("Fill", err)
	f, err = c.Fence(w.ctx, "fenced")
	w.must("Fence", err)
	w.must("Set with a fence", c.Set(w.ctx, "fenced", v, append(opts, cache.Fenced(f))...))
	_, err = c.Incr(w.ctx, "incr", 1, append(opts, cache.Initial(0))...)
	w.must("Incr", err)
	w.must("Set", c.Set(w.ctx, "touch", v))
	_, err = c.Touch(w.ctx, "touch", opts...)
	w.must("Touch", err)
	return []string{"set", "add", "many", "load", "fill", "fenced", "incr", "touch"}
}

// lives checks how long the entries live that the client stored between two
// instants.
func (w *world) lives(names []string, from time.Time, ttl time.Duration) {
	w.t.Helper()
	to := time.Now()
	for _, n := range names {
		// The client's root view has version 1 and no prefix.
		r, err := w.store.Get(w.ctx, driver.Key{Scope: ":1:", Name: n}, 0)
		w.must("Get", err)
		switch {
		case r.Entry == nil:
			w.fail("%s: nothing is stored", n)
		case ttl == cache.Forever:
			same(w, n+": Expires", r.Entry.Life.Expires, driver.Forever)
		default:
			got := time.Unix(0, r.Entry.Life.Expires)
			const grain = time.Millisecond
			if got.Before(from.Add(ttl-grain)) || got.After(to.Add(ttl+grain)) {
				w.fail("%s: got an end in %v, want %v", n, got.Sub(to), ttl)
			}
		}
	}
}

func lifetimes() []rule {
	return []rule{
		{"LL-029 without a lifetime an entry lives 5 minutes", nothing, func(w *world) {
			from := time.Now()
			w.lives(w.writers(w.client(nil)), from, 5*time.Minute)
		}},
		{"LL-030 with Options.TTL Forever entries do not expire", nothing, func(w *world) {
			from := time.Now()
			w.lives(w.writers(w.client(&cache.Options{TTL: cache.Forever})), from, cache.Forever)
		}},
		{"LL-031 TTL Forever never expires, whatever the default is", nothing, func(w *world) {
			from := time.Now()
			w.lives(w.writers(w.client(nil), cache.TTL(cache.Forever)), from, cache.Forever)
		}},
		{"LL-032 no lifetime means the default, a given one means itself", nothing, func(w *world) {
			from := time.Now()
			c := w.client(&cache.Options{TTL: 42 * time.Minute})
			w.lives(w.writers(c), from, 42*time.Minute)
			w.must("Clear", c.Clear(w.ctx))
			from = time.Now()
			w.lives(w.writers(c, cache.TTL(17*time.Hour)), from, 17*time.Hour)
		}},
		{"LL-033 a lifetime of 0 stores nothing and removes what stood there", nothing, func(w *world) {
			w.endsAtOnce(0)
		}},
		{"LL-034 a negative lifetime is one of 0", nothing, func(w *world) {
			w.endsAtOnce(-1)
			w.endsAtOnce(-100_000 * time.Second)
			w.endsAtOnce(math.MinInt64)
		}},
		{"LL-035 Options.TTL Never stores nothing unless a call says how long", nothing, func(w *world) {
			c := w.client(&cache.Options{TTL: cache.Never})
			for _, k := range w.writers(c) {
				same(w, "Get of "+k, w.look(c, k), nowhere)
			}
			w.write(c, "k", "v", cache.TTL(time.Hour))
			same(w, "Get of one with a lifetime", w.look(c, "k"), "v")
		}},
		{"LL-036 lifetimes shorter than a second are kept", nothing, func(w *world) {
			c := w.client(nil)
			w.inTime(w.h.Moment, func() {
				for _, k := range w.writers(c, cache.TTL(w.h.Moment)) {
					if got := w.look(c, k); got == nowhere && w.h.Bubble {
						w.fail("%s: got %v before its end", k, got)
					}
				}
			})
			w.inTime(500*time.Millisecond, func() {
				w.write(c, "half", "v", cache.TTL(500*time.Millisecond))
				if got := w.look(c, "half"); got != "v" && w.h.Bubble {
					w.fail("half a second: got %v at once", got)
				}
			})
			w.pass(w.h.Moment)
			for _, k := range []string{"set", "add", "many", "load", "fill", "fenced", "incr", "touch"} {
				same(w, "Get of "+k+" after its end", w.look(c, k), nowhere)
			}
		}},
		{"LL-037 a lifetime is not cut to whole seconds", nothing, func(w *world) {
			w.inTime(900*time.Millisecond, func() {
				began := time.Now()
				w.set("k", living(entry("v"), 900*time.Millisecond))
				got := w.read("k")
				if time.Since(began) < 900*time.Millisecond {
					same(w, "Get at once of one for 0.9 s", got, "v")
				}
			})
			from := time.Now()
			c := w.client(nil)
			w.write(c, "long", "v", cache.TTL(1900*time.Millisecond))
			if r, err := w.store.Get(w.ctx, driver.Key{Scope: ":1:", Name: "long"}, 0); err == nil && r.Entry != nil {
				got := time.Unix(0, r.Entry.Life.Expires)
				same(w, "1.9 s end no earlier", got.Before(from.Add(1899*time.Millisecond)), false)
			}
		}},
		{"LL-040 a lifetime beyond the end of time is clamped to none", nothing, func(w *world) {
			from := time.Now()
			c := w.client(nil)
			w.lives(w.writers(c, cache.TTL(cache.Forever-1)), from, cache.Forever)
			from = time.Now()
			w.must("Clear", c.Clear(w.ctx))
			w.lives(w.writers(c, cache.TTL(100*365*24*time.Hour)), from, 100*365*24*time.Hour)
			w.set("k", &driver.Entry{Life: driver.Life{Fresh: driver.Forever - 1, Expires: driver.Forever - 1}, Payload: []byte("v")})
			same(w, "Get of an entry that ends a nanosecond before the end of time", w.read("k"), "v")
			same(w, "Touch with such a life", w.touch("k", driver.Life{Fresh: driver.Forever - 1, Expires: driver.Forever - 1}), true)
			same(w, "Get after it", w.read("k"), "v")
		}},
		{"LL-040 a lifetime of 2^31 seconds is kept", nothing, func(w *world) {
			c := w.client(nil)
			from := time.Now()
			w.lives(w.writers(c, cache.TTL((1<<31)*time.Second)), from, (1<<31)*time.Second)
		}},
		{"LL-043 at the instant of its end an entry is gone", nothing, func(w *world) {
			if !w.h.Bubble {
				w.pointless("only in a Bubble can a test be at an instant")
			}
			w.set("k", living(entry("v"), w.h.Moment))
			w.pass(w.h.Moment - 1)
			same(w, "Get one nanosecond before", w.read("k"), "v")
			w.pass(1)
			same(w, "Get at the instant", w.read("k"), nowhere)
		}},
		{"an entry that has ended before it arrives is no error and not stored", nothing, func(w *world) {
			ended := func() *driver.Entry { return living(entry("new"), -time.Millisecond) }
			w.set("set", entry("old"))
			w.put("set", ended(), driver.Set, 0)
			w.put("add", ended(), driver.Add, 0)
			f := w.fence("fill")
			w.fill("fill", ended(), f)
			f = w.fence("fenced")
			w.setFenced("fenced", ended(), f)
			w.set("touch", entry("old"))
			w.touch("touch", lifeOf(-time.Millisecond))
			w.putMany(setOf("many", ended()), setOf("other", entry("v")))
			e := integer("1")
			e.Life = lifeOf(-time.Millisecond)
			w.incr("incr", 1, e)
			w.pass(time.Millisecond) // what a server rounds up to
			for _, k := range []string{"set", "add", "fill", "fenced", "touch", "many", "incr"} {
				same(w, "Get of "+k, w.read(k), nowhere)
			}
			same(w, "Get of the other of PutMany", w.read("other"), "v")
		}},
		{"not found is remembered for its own time, and no longer than a value", nothing, func(w *world) {
			gone := func(context.Context) ([]byte, error) { return nil, cache.ErrNotFound }
			for _, x := range []struct {
				name string
				opts []cache.Option
				want time.Duration
			}{
				{"default", nil, 30 * time.Second},
				{"given", []cache.Option{cache.NegativeTTL(time.Minute)}, time.Minute},
				{"capped", []cache.Option{cache.TTL(10 * time.Second), cache.NegativeTTL(time.Minute)}, 10 * time.Second},
			} {
				c := w.client(nil)
				from := time.Now()
				_, err := c.GetOrSet(w.ctx, x.name, gone, x.opts...)
				w.is("GetOrSet", err, cache.ErrNotFound)
				w.lives([]string{x.name}, from, x.want)
			}
			c := w.client(&cache.Options{NegativeTTL: cache.Never})
			_, err := c.GetOrSet(w.ctx, "never", gone)
			w.is("GetOrSet", err, cache.ErrNotFound)
			same(w, "Get with NegativeTTL Never", w.look(c, "never"), nowhere)
		}},
	}
}

// endsAtOnce writes live keys again with a lifetime that is not positive.
func (w *world) endsAtOnce(ttl time.Duration) {
	w.t.Helper()
	c := w.client(nil)
	w.must("Clear", c.Clear(w.ctx))
	for _, k := range w.writers(c) {
		w.must("Set", c.Set(w.ctx, k, []byte("old")))
	}
	opt := cache.TTL(ttl)
	w.must("Set", c.Set(w.ctx, "set", []byte("new"), opt))
	w.must("SetMany", c.SetMany(w.ctx, map[string][]byte{"many": []byte("new")}, opt))
	f, err := c.Fence(w.ctx, "fenced")
	w.must("Fence", err)
	w.must("Set with a fence", c.Set(w.ctx, "fenced", []byte("new"), opt, cache.Fenced(f)))
	ok, err := c.Touch(w.ctx, "touch", opt)
	w.must("Touch", err)
	same(w, "LL-050: Touch of a live key", ok, true)
	for _, k := range []string{"set", "many", "fenced", "touch"} {
		same(w, "Get of "+k, w.look(c, k), nowhere)
	}
	loaded, err := c.GetOrSet(w.ctx, "loaded", func(context.Context) ([]byte, error) { return []byte("v"), nil }, opt)
	w.must("GetOrSet", err)
	same(w, "LL-091: what GetOrSet returns", string(loaded), "v")
	same(w, "LL-091: Get after it", w.look(c, "loaded"), nowhere)
	n, err := c.Incr(w.ctx, "counted", 2, cache.Initial(3), opt)
	w.must("Incr", err)
	same(w, "Incr from an initial value", n, 5)
	same(w, "Get after it", w.look(c, "counted"), nowhere)
}

package drivertest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"pgregory.net/rapid"

	"github.com/stratacache/strata/cache"
	"github.com/stratacache/strata/cache/driver"
)

// walk is one random sequence.
func (w *world) walk(t *rapid.T) {
	store := w.h.Open(w.t)
	defer store.Close(context.WithoutCancel(w.ctx))
	m := &naive{things: make(map[place]*thing), turns: make(map[place]int), dropped: make(map[string]int)}
	// A load that waited for a fence of another client would let time pass that the
	// model does not know of.
	opts := &cache.Options{TTL: modelTTL, NegativeTTL: modelNegative, LoadTimeout: 24 * time.Hour, LeaseWait: cache.Never}
	second := store
	if w.h.Again != nil {
		second = w.h.Again(w.t, store)
		defer second.Close(context.WithoutCancel(w.ctx))
	}
	var views [2][len(under)]cache.Cache
	ctx := w.ctx
	ok := func(what string, err error) {
		if err != nil {
			t.Fatalf("%s: %s: got error %v, want none", w.rule, what, err)
		}
	}
	for i, s := range []driver.Store{store, second} {
		c, err := cache.New(s, opts)
		ok("cache.New", err)
		p := c.WithPrefix("p")
		views[i] = [...]cache.Cache{c, p, p.WithPrefix("q"), p.WithVersion(2)}
	}
	equal := func(what string, got, want any) {
		if got != want {
			t.Fatalf("%s: %s: got %v, want %v", w.rule, what, got, want)
		}
	}
	anyPlace := func() place {
		return place{rapid.IntRange(0, len(under)-1).Draw(t, "view"), rapid.SampledFrom([]string{"a", "b"}).Draw(t, "key")}
	}
	anyView := func(p place) cache.Cache { return views[rapid.IntRange(0, 1).Draw(t, "client")][p.view] }
	anyTags := func() []string {
		return rapid.SampledFrom([][]string{nil, {"s"}, {"t"}, {"s", "t"}}).Draw(t, "tags")
	}
	values := 0
	newValue := func() string { values++; return fmt.Sprint("v", values) }
	// anyTTL draws a lifetime: its option, when it ends, and whether it is one.
	anyTTL := func() (opt []cache.Option, ends time.Duration, positive bool) {
		switch ttl := rapid.SampledFrom([]time.Duration{1, time.Minute + half, time.Hour + half, cache.Forever, 0, -1}).Draw(t, "ttl"); ttl {
		case 1: // none given
			return nil, m.now + modelTTL, true
		case cache.Forever:
			return []cache.Option{cache.TTL(ttl)}, 0, true
		default:
			return []cache.Option{cache.TTL(ttl)}, m.now + ttl, ttl > 0
		}
	}
	look := func(c cache.Cache, key string) string {
		b, err := c.Get(ctx, key)
		switch {
		case errors.Is(err, cache.ErrMiss):
			return nowhere
		case errors.Is(err, cache.ErrNotFound):
			return "(not found)"
		}
		ok("Get", err)
		return string(b)
	}
	anyMark := func() *mark {
		if len(m.marks) == 0 {
			t.Skip("no fence was taken")
		}
		return m.marks[rapid.IntRange(0, len(m.marks)-1).Draw(t, "fence")]
	}

	actions := map[string]func(*rapid.T){
		"": func(*rapid.T) { // after each step all is as the model says
			m.step++
			for v := range under {
				got, err := views[m.step%2][v].GetMany(ctx, "a", "b")
				ok("GetMany", err)
				for _, k := range []string{"a", "b"} {
					p := place{v, k}
					if x := m.value(p); (got[k] != nil) != (x != nil) || x != nil && string(got[k]) != x.value {
						t.Fatalf("%s: %v: GetMany has %q, want %s", w.rule, p, got[k], m.show(x))
					}
				}
			}
		},
		"get": func(*rapid.T) {
			p := anyPlace()
			equal("Get", look(anyView(p), p.key), m.show(m.at(p)))
		},
		"set": func(*rapid.T) {
			p, v := anyPlace(), newValue()
			opts, ends, positive := anyTTL()
			ok("Set", anyView(p).Set(ctx, p.key, []byte(v), opts...))
			if m.put(p, nil); positive {
				m.put(p, &thing{value: v, ends: ends})
			}
		},
		"set many": func(*rapid.T) {
			p, v := anyPlace(), newValue()
			opts, ends, positive := anyTTL()
			ok("SetMany", anyView(p).SetMany(ctx, map[string][]byte{"a": []byte(v), "b": []byte(v)}, opts...))
			for _, k := range []string{"a", "b"} {
				if m.put(place{p.view, k}, nil); positive {
					m.put(place{p.view, k}, &thing{value: v, ends: ends})
				}
			}
		},
		"add": func(*rapid.T) {
			p, v := anyPlace(), newValue()
			opts, ends, positive := anyTTL()
			done, err := anyView(p).Add(ctx, p.key, []byte(v), opts...)
			ok("Add", err)
			equal("Add", done, m.value(p) == nil)
			if done && positive {
				m.put(p, &thing{value: v, ends: ends})
			}
		},
		"touch": func(*rapid.T) {
			p := anyPlace()
			opts, ends, positive := anyTTL()
			done, err := anyView(p).Touch(ctx, p.key, opts...)
			ok("Touch", err)
			x := m.value(p)
			equal("Touch", done, x != nil)
			switch {
			case !positive:
				m.put(p, nil)
			case x != nil:
				x.ends = ends
			}
		},
		"delete": func(*rapid.T) {
			p := anyPlace()
			done, err := anyView(p).Delete(ctx, p.key)
			ok("Delete", err)
			equal("Delete", done, m.value(p) != nil)
			m.put(p, nil)
		},
		"incr": func(*rapid.T) {
			p, delta := anyPlace(), rapid.Int64Range(-3, 3).Draw(t, "delta")
			opts, ends, positive := anyTTL()
			initial := rapid.Bool().Draw(t, "initial")
			if initial {
				opts = append(opts, cache.Initial(100))
			}
			n, err := anyView(p).Incr(ctx, p.key, delta, opts...)
			switch x := m.value(p); {
			case x == nil && !initial:
				equal("Incr of nothing is a miss", errors.Is(err, cache.ErrMiss), true)
			case x == nil:
				ok("Incr", err)
				equal("Incr", n, 100+delta)
				if positive {
					m.put(p, &thing{value: strconv.FormatInt(n, 10), integer: true, ends: ends})
				}
			case !x.integer:
				equal("Incr of bytes is refused", errors.Is(err, cache.ErrNotInteger), true)
			default:
				ok("Incr", err)
				before, _ := strconv.ParseInt(x.value, 10, 64)
				equal("Incr", n, before+delta)
				m.put(p, &thing{value: strconv.FormatInt(n, 10), integer: true, ends: x.ends, tags: x.tags})
			}
		},
		"get or set": func(*rapid.T) {
			p, v, tags := anyPlace(), newValue(), anyTags()
			opts, ends, positive := anyTTL()
			found := rapid.Bool().Draw(t, "found")
			b, err := anyView(p).GetOrSet(ctx, p.key, func(context.Context) ([]byte, error) {
				if !found {
					return nil, cache.ErrNotFound
				}
				return []byte(v), nil
			}, append(opts, cache.Tags(tags...))...)
			want := m.at(p)
			if want == nil {
				want = &thing{value: v, ends: ends, tags: tags, negative: !found}
				if latest := m.now + modelNegative; !found && (ends == 0 || ends > latest) {
					want.ends = latest
				}
				if positive {
					m.put(p, want)
				}
			}
			if want.negative {
				equal("GetOrSet is not found", errors.Is(err, cache.ErrNotFound), true)
				return
			}
			ok("GetOrSet", err)
			equal("GetOrSet", string(b), want.value)
		},
		"invalidate": func(*rapid.T) {
			tag := rapid.SampledFrom([]string{"s", "t"}).Draw(t, "tag")
			ok("Invalidate", anyView(anyPlace()).Invalidate(ctx, tag))
			m.dropped[tag] = m.step
			m.drop(func(_ place, x *thing) bool { return slices.Contains(x.tags, tag) })
		},
		"clear": func(*rapid.T) {
			p := anyPlace()
			ok("Clear", anyView(p).Clear(ctx))
			for _, v := range under[p.view] {
				m.cleared[v] = m.step
			}
			m.drop(func(q place, _ *thing) bool { return slices.Contains(under[p.view], q.view) })
		},
		"move": func(*rapid.T) {
			from := place{1, rapid.SampledFrom([]string{"a", "b"}).Draw(t, "key")}
			to := place{3, from.key}
			move := cache.Cache.IncrVersion
			if rapid.Bool().Draw(t, "back") {
				from, to, move = to, from, cache.Cache.DecrVersion
			}
			_, err := move(anyView(from), ctx, from.key, 1)
			x := m.value(from)
			if x == nil {
				equal("moving nothing is a miss", errors.Is(err, cache.ErrMiss), true)
				return
			}
			ok("move", err)
			m.put(from, nil)
			m.put(to, x)
		},
		"fence": func(*rapid.T) {
			p := anyPlace()
			view := anyView(p)
			f, err := view.Fence(ctx, p.key)
			ok("Fence", err)
			if len(m.marks) == 4 {
				m.marks = m.marks[1:]
			}
			m.marks = append(m.marks, &mark{fence: f, view: view, at: p, turn: m.turns[p], step: m.step})
		},
		"fill": func(*rapid.T) {
			f, v, tags := anyMark(), newValue(), anyTags()
			opts, ends, positive := anyTTL()
			done, err := f.view.Fill(ctx, f.at.key, []byte(v), f.fence, append(opts, cache.Tags(tags...))...)
			ok("Fill", err)
			stored, refused := m.may(f, tags)
			if !positive {
				stored, refused = false, true
			}
			if done && !stored || !done && !refused {
				t.Fatalf("%s: Fill of %v: got %v", w.rule, f.at, done)
			}
			if done {
				m.put(f.at, &thing{value: v, ends: ends, tags: tags})
			}
		},
		"set fenced": func(*rapid.T) {
			f, v, tags := anyMark(), newValue(), anyTags()
			opts, ends, positive := anyTTL()
			ok("Set", f.view.Set(ctx, f.at.key, []byte(v), append(opts, cache.Tags(tags...), cache.Fenced(f.fence))...))
			stored, refused := m.may(f, tags)
			if !positive {
				stored, refused = false, true
			}
			m.put(f.at, nil)
			got := look(anyView(f.at), f.at.key)
			if got == v && !stored || got == nowhere && !refused || got != v && got != nowhere {
				t.Fatalf("%s: Set of %v with a fence: got %s", w.rule, f.at, got)
			}
			if got == v {
				m.put(f.at, &thing{value: v, ends: ends, tags: tags})
			}
		},
	}
	if w.h.Bubble || w.h.Advance != nil {
		actions["wait"] = func(*rapid.T) {
			d := time.Duration(rapid.SampledFrom([]int{1, 20, 50, 200, 3000}).Draw(t, "seconds")) * time.Second
			w.pass(d)
			m.now += d
			for _, f := range m.marks {
				f.loose = true
			}
		}
	}
	if w.h.LoseMeta != nil {
		actions["lose the meta record"] = func(t *rapid.T) {
			if rapid.IntRange(0, 3).Draw(t, "luck") > 0 { // not so often that nothing else is seen
				t.Skip()
			}
			w.h.LoseMeta(w.t, store)
			clear(m.things)
			for v := range under {
				m.cleared[v] = m.step
			}
		}
	}
	t.Repeat(actions)
}

package drivertest

import (
	"context"

	"github.com/stratacache/strata/cache"
	"github.com/stratacache/strata/cache/driver"
)

func closing() []rule {
	return []rule{
		{"LL-063 Close may be called twice", nothing, func(w *world) {
			w.must("Close", w.store.Close(w.ctx))
			w.must("second Close", w.store.Close(w.ctx))
			w.race(4, func(int) {
				if err := w.store.Close(w.ctx); err != nil {
					w.fail("concurrent Close: got error %v", err)
				}
			})
		}},
		{"an unused store can be closed", nothing, func(w *world) { // LL-062
			w.must("Client.Close", w.client(nil).Close(w.ctx))
		}},
		{"after Close every call of the store is ErrClosed", nothing, func(w *world) {
			w.set("k", entry("v"))
			w.must("Close", w.store.Close(w.ctx))
			for name, call := range w.calls(w.ctx) {
				w.is(name, call(), driver.ErrClosed)
			}
		}},
		{"after Close every call of the client is ErrClosed", nothing, func(w *world) {
			c := w.client(nil)
			w.write(c, "k", "v")
			f, err := c.Fence(w.ctx, "k")
			w.must("Fence", err)
			view := c.WithPrefix("p")
			w.must("Close", c.Close(w.ctx))
			w.must("second Close", c.Close(w.ctx))
			for name, call := range clientCalls(w.ctx, c, f) {
				w.is(name, call(), cache.ErrClosed)
			}
			_, err = view.Get(w.ctx, "k")
			w.is("Get of a view", err, cache.ErrClosed)
			_, err = c.GetOrSet(w.ctx, "k", new(loads).of("v"))
			w.is("GetOrSet", err, cache.ErrClosed)
			w.is("Ping", c.Ping(w.ctx), cache.ErrClosed)
		}},
		{"Close waits for the loads in flight", nothing, func(w *world) {
			c := w.client(nil)
			began, finish, answered := make(chan struct{}), make(chan struct{}), make(chan error, 1)
			go func() {
				_, err := c.GetOrSet(w.ctx, "k", func(context.Context) ([]byte, error) {
					close(began)
					<-finish
					return []byte("v"), nil
				})
				answered <- err
			}()
			<-began
			closed := make(chan error, 1)
			go func() { closed <- c.Close(w.ctx) }()
			close(finish)
			w.must("GetOrSet", <-answered)
			w.must("Close", <-closed)
		}},
	}
}

// calls are all calls of the store, by name, each returning its error.
func (w *world) calls(ctx context.Context) map[string]func() error {
	s, k := w.store, keyOf("k")
	put := func(mode driver.Mode) func() error {
		return func() error { _, err := s.Put(ctx, k, entry("v"), mode, 1); return err }
	}
	return map[string]func() error{
		"Get":         func() error { _, err := s.Get(ctx, k, 0); return err },
		"Get to hold": func() error { _, err := s.Get(ctx, k, long); return err },
		"Set":         put(driver.Set), "Add": put(driver.Add), "Fill": put(driver.Fill), "SetFenced": put(driver.SetFenced),
		"Touch":              func() error { _, err := s.Touch(ctx, k, lifeOf(long)); return err },
		"Incr":               func() error { _, err := s.Incr(ctx, k, 1, nil); return err },
		"Incr from initial":  func() error { _, err := s.Incr(ctx, k, 1, integer("1")); return err },
		"Invalidate of keys": func() error { _, err := s.Invalidate(ctx, driver.Invalidation{Keys: keysOf("k")}); return err },
		"Invalidate of tags": func() error { _, err := s.Invalidate(ctx, driver.Invalidation{Tags: []string{"t"}}); return err },
		"Ping":               func() error { return s.Ping(ctx) },
		"GetMany": func() error {
			rs, err := driver.GetMany(ctx, s, keysOf("k", "l"), long)
			if err == nil && len(rs) > 0 {
				err = rs[len(rs)-1].Err
			}
			return err
		},
		"PutMany": func() error {
			rs := driver.PutMany(ctx, s, []driver.Item{setOf("k", entry("v")), setOf("l", entry("v"))})
			return rs[len(rs)-1].Err
		},
		"Move": func() error { _, err := driver.Move(ctx, s, k, keyOf("l")); return err },
	}
}

// clientCalls are all calls of a client that need the store, but GetOrSet.
func clientCalls(ctx context.Context, c *cache.Client, f cache.Fence) map[string]func() error {
	return map[string]func() error{
		"Get":              func() error { _, err := c.Get(ctx, "k"); return err },
		"GetMany":          func() error { _, err := c.GetMany(ctx, "k", "l"); return err },
		"Has":              func() error { _, err := c.Has(ctx, "k"); return err },
		"Set":              func() error { return c.Set(ctx, "k", nil) },
		"Set with a fence": func() error { return c.Set(ctx, "k", nil, cache.Fenced(f)) },
		"Set for 0":        func() error { return c.Set(ctx, "k", nil, cache.TTL(0)) },
		"SetMany":          func() error { return c.SetMany(ctx, map[string][]byte{"k": nil, "l": nil}) },
		"Add":              func() error { _, err := c.Add(ctx, "k", nil); return err },
		"Add for 0":        func() error { _, err := c.Add(ctx, "k", nil, cache.TTL(0)); return err },
		"Fill":             func() error { _, err := c.Fill(ctx, "k", nil, f); return err },
		"Fence":            func() error { _, err := c.Fence(ctx, "k"); return err },
		"Touch":            func() error { _, err := c.Touch(ctx, "k"); return err },
		"Delete":           func() error { _, err := c.Delete(ctx, "k"); return err },
		"DeleteMany":       func() error { _, err := c.DeleteMany(ctx, "k", "l"); return err },
		"Incr":             func() error { _, err := c.Incr(ctx, "k", 1); return err },
		"Decr":             func() error { _, err := c.Decr(ctx, "k", 1, cache.Initial(5)); return err },
		"IncrVersion":      func() error { _, err := c.IncrVersion(ctx, "k", 1); return err },
		"DecrVersion":      func() error { _, err := c.DecrVersion(ctx, "k", 1); return err },
		"Invalidate":       func() error { return c.Invalidate(ctx, "t") },
		"Clear":            func() error { return c.Clear(ctx) },
		"Typed.Get":        func() error { _, err := cache.For[int](c).Get(ctx, "k"); return err },
		"Typed.Set":        func() error { return cache.For[int](c).Set(ctx, "k", 1) },
	}
}

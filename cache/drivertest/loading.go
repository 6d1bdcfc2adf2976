package drivertest

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"

	"github.com/stratacache/strata/cache"
)

// loads is a loader that counts its calls.
type loads struct{ n atomic.Int64 }

func (l *loads) of(value string) func(context.Context) ([]byte, error) {
	return func(context.Context) ([]byte, error) {
		l.n.Add(1)
		return []byte(value), nil
	}
}

func loading() []rule {
	return []rule{
		{"LL-086 get-or-set of a present key does not load", nothing, func(w *world) {
			c := w.client(nil)
			w.write(c, "k", "v")
			var l loads
			b, err := c.GetOrSet(w.ctx, "k", l.of("new"))
			w.must("GetOrSet", err)
			same(w, "GetOrSet", string(b), "v")
			same(w, "loads", l.n.Load(), 0)
		}},
		{"LL-087 get-or-set of an absent key loads once and stores", nothing, func(w *world) {
			c := w.client(nil)
			var l loads
			for range 3 {
				b, err := c.GetOrSet(w.ctx, "k", l.of("v"), cache.Tags("t"))
				w.must("GetOrSet", err)
				same(w, "GetOrSet", string(b), "v")
			}
			same(w, "loads", l.n.Load(), 1)
			same(w, "Get", w.look(c, "k"), "v")
			w.must("Invalidate", c.Invalidate(w.ctx, "t"))
			same(w, "Get after its tag was invalidated", w.look(c, "k"), nowhere)
			b, err := c.GetOrSet(w.ctx, "k", l.of("new"), cache.Tags("t"))
			w.must("GetOrSet", err)
			same(w, "GetOrSet after it", string(b), "new")
			same(w, "Get after that", w.look(c, "k"), "new")
		}},
		{"LL-088 an empty value that was loaded is a value", nothing, func(w *world) {
			c := w.client(nil)
			var l loads
			for range 3 {
				_, err := c.GetOrSet(w.ctx, "k", l.of(""))
				w.must("GetOrSet", err)
			}
			same(w, "loads", l.n.Load(), 1)
		}},
		{"LL-090 get-or-set keeps to its version", nothing, func(w *world) {
			c := w.client(nil)
			var l loads
			for _, view := range []cache.Cache{c.WithVersion(1), c.WithVersion(2)} {
				_, err := view.GetOrSet(w.ctx, "k", l.of("v"))
				w.must("GetOrSet", err)
			}
			same(w, "loads", l.n.Load(), 2)
		}},
		{"LL-092 an error of the loader is returned and not stored", nothing, func(w *world) {
			c := w.client(nil)
			boom := errors.New("boom")
			for range 2 {
				_, err := c.GetOrSet(w.ctx, "k", func(context.Context) ([]byte, error) { return []byte("v"), boom })
				w.is("GetOrSet", err, boom)
			}
			same(w, "Get", w.look(c, "k"), nowhere)
			same(w, "failed loads", c.Stats().LoadErrors, 2)
		}},
		{"LL-093 what another writes during a load stays", nothing, func(w *world) {
			c := w.client(nil)
			_, err := c.GetOrSet(w.ctx, "k", func(ctx context.Context) ([]byte, error) {
				return []byte("loaded"), c.Set(ctx, "k", []byte("written"))
			})
			w.must("GetOrSet", err)
			same(w, "Get", w.look(c, "k"), "written")
		}},
		{"LL-094 a load whose key is deleted meanwhile returns its value and stores nothing", nothing, func(w *world) {
			c := w.client(nil)
			b, err := c.GetOrSet(w.ctx, "k", func(ctx context.Context) ([]byte, error) {
				_, err := c.Delete(ctx, "k")
				return []byte("v"), err
			})
			w.must("GetOrSet", err)
			same(w, "GetOrSet", string(b), "v")
			same(w, "Get", w.look(c, "k"), nowhere)
			same(w, "loads that were not stored", c.Stats().Refused+c.Stats().Unstored, 1) // without a fence nothing is refused
		}},
		{"LL-095 of 16 concurrent misses one loads", nothing, func(w *world) {
			c := w.client(nil)
			const callers = 16
			var l loads
			var wg sync.WaitGroup
			results := make([]string, callers)
			for i := range callers {
				wg.Go(func() {
					b, err := c.GetOrSet(w.ctx, "k", func(ctx context.Context) ([]byte, error) {
						// The first waits for the others: their misses must not become
						// loads.
						w.until("joining of the others", func() bool { return c.Stats().Joins == callers-1 })
						return l.of("v")(ctx)
					})
					if err == nil {
						results[i] = string(b)
					}
				})
			}
			wg.Wait()
			same(w, "loads", l.n.Load(), 1)
			for _, r := range results { // LL-096
				same(w, "what a caller got", r, "v")
			}
		}},
		{"a caller whose context ends leaves the load to the others", nothing, func(w *world) {
			c := w.client(nil)
			ctx, cancel := context.WithCancel(w.ctx)
			defer cancel()
			joined := make(chan struct{})
			var wg sync.WaitGroup
			began := make(chan struct{})
			wg.Go(func() {
				_, err := c.GetOrSet(ctx, "k", func(lctx context.Context) ([]byte, error) {
					close(began)
					<-joined
					cancel()
					return []byte("v"), lctx.Err()
				})
				if err != nil && !errors.Is(err, context.Canceled) {
					w.fail("the caller that left: got error %v, want none or %v", err, context.Canceled)
				}
			})
			<-began
			wg.Go(func() {
				b, err := c.GetOrSet(w.ctx, "k", func(context.Context) ([]byte, error) { return []byte("second"), nil })
				if err != nil || string(b) != "v" {
					w.fail("the caller that stayed: got %q, %v", b, err)
				}
			})
			w.until("joining of the second caller", func() bool { return c.Stats().Joins == 1 })
			close(joined)
			wg.Wait()
		}},
		{"a load whose callers have all gone is cancelled and not stored", nothing, func(w *world) {
			c := w.client(nil)
			ctx, cancel := context.WithCancel(w.ctx)
			ended := make(chan error, 1)
			_, err := c.GetOrSet(ctx, "k", func(lctx context.Context) ([]byte, error) {
				cancel()
				<-lctx.Done()
				ended <- lctx.Err()
				return nil, lctx.Err()
			})
			w.is("GetOrSet", err, context.Canceled)
			w.is("the loader's context", <-ended, context.Canceled)
			same(w, "Get", w.look(c, "k"), nowhere)
		}},
		{"a load that panics is an error to its callers", nothing, func(w *world) {
			c := w.client(nil)
			_, err := c.GetOrSet(w.ctx, "k", func(context.Context) ([]byte, error) { panic("ouch") })
			if p, ok := errors.AsType[*cache.PanicError](err); !ok || p.Value != "ouch" {
				w.fail("got error %v, want a PanicError of ouch", err)
			}
			same(w, "Get", w.look(c, "k"), nowhere)
			b, err := c.GetOrSet(w.ctx, "k", func(context.Context) ([]byte, error) { return []byte("v"), nil })
			w.must("GetOrSet afterwards", err)
			same(w, "GetOrSet afterwards", string(b), "v")
		}},
		{"get-or-set loads anew over a value that is not of its type", nothing, func(w *world) {
			c := w.client(nil)
			w.must("Set", cache.For[string](c).Set(w.ctx, "k", "text"))
			n := cache.For[[]int](c)
			for range 2 {
				v, err := n.GetOrSet(w.ctx, "k", func(context.Context) ([]int, error) { return []int{1, 2}, nil })
				w.must("GetOrSet", err)
				same(w, "length", len(v), 2)
			}
			v, err := n.Get(w.ctx, "k")
			w.must("Get", err)
			same(w, "length in the store", len(v), 2)
		}},
		{"a value whose tag was expired is stale, and gone once the tag is invalidated", nothing, func(w *world) {
			c := w.client(&cache.Options{Stale: long})
			texts := cache.For[string](c)
			for _, v := range []string{"v", "w"} {
				got, err := texts.GetOrSet(w.ctx, "k", func(context.Context) (string, error) { return v, nil },
					cache.Tags("t"), cache.SoftTimeout(cache.Forever))
				w.must("GetOrSet", err)
				same(w, "GetOrSet", got, v)
				w.must("Expire", c.Expire(w.ctx, "t"))
				same(w, "Get of an expired value", w.look(c, "k"), nowhere)
				got, fresh, err := texts.GetStale(w.ctx, "k")
				w.must("GetStale", err)
				same(w, "GetStale", got, v)
				same(w, "fresh", fresh, false)
			}
			w.must("Invalidate", c.Invalidate(w.ctx, "t"))
			_, _, err := texts.GetStale(w.ctx, "k")
			w.is("GetStale of an invalidated value", err, cache.ErrMiss)
		}},
	}
}

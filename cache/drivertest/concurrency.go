package drivertest

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/stratacache/strata/cache"
	"github.com/stratacache/strata/cache/driver"
)

func concurrency() []rule {
	return []rule{
		{"LL-025 exactly one of 16 adders wins", nothing, func(w *world) {
			for round := range 10 {
				name := fmt.Sprint("k", round)
				var wins atomic.Int64
				w.race(16, func(i int) {
					r, err := w.store.Put(w.ctx, keyOf(name), entry(fmt.Sprint(i)), driver.Add, 0)
					if err != nil {
						w.fail("Add: got error %v", err)
					} else if r.Done {
						wins.Add(1)
					}
				})
				same(w, "winners", wins.Load(), 1)
			}
		}},
		{"LL-080 8 times 50 concurrent increments make 400", nothing, func(w *world) {
			w.set("k", integer("0"))
			w.race(8, func(int) {
				for range 50 {
					if _, err := w.store.Incr(w.ctx, keyOf("k"), 1, nil); err != nil {
						w.fail("Incr: got error %v", err)
					}
				}
			})
			same(w, "Get", w.read("k"), "400")
		}},
		{"of concurrent increments of an absent key one creates it", nothing, func(w *world) {
			w.race(16, func(int) {
				if _, err := w.store.Incr(w.ctx, keyOf("k"), 1, integer("1")); err != nil {
					w.fail("Incr: got error %v", err)
				}
			})
			same(w, "Get", w.read("k"), "16")
		}},
		{"of 16 concurrent fills with one fence at most one is stored", nothing, func(w *world) {
			for round := range 10 {
				name := fmt.Sprint("k", round)
				f := w.fence(name)
				var stored atomic.Int64
				var winner atomic.Value
				w.race(16, func(i int) {
					e := entry(fmt.Sprint(i))
					e.Stamp = f.Stamp
					if r, err := w.store.Put(w.ctx, keyOf(name), e, driver.Fill, f.Token); err != nil {
						w.fail("Fill: got error %v", err)
					} else if r.Done {
						stored.Add(1)
						winner.Store(fmt.Sprint(i))
					}
				})
				same(w, "fills stored", stored.Load(), 1)
				same(w, "Get", w.read(name), winner.Load().(string))
			}
		}},
		{"concurrent loaders of a key see one token", nothing, func(w *world) {
			tokens := make([]driver.Token, 16)
			var planted atomic.Int64
			w.race(16, func(i int) {
				r, err := w.store.Get(w.ctx, keyOf("k"), long)
				if err != nil {
					w.fail("Get: got error %v", err)
				}
				tokens[i] = r.Fence.Token
				if r.Planted {
					planted.Add(1)
				}
			})
			same(w, "loaders that planted it", planted.Load(), 1)
			for _, t := range tokens {
				same(w, "token", t, tokens[0])
			}
		}},
		{"each concurrent write advances the clock", nothing, func(w *world) {
			before := w.clock()
			const each = 25
			var mu sync.Mutex
			seen := make(map[uint64]bool) // whether Sets have the number
			w.race(8, func(i int) {
				for j := range each {
					var n uint64
					switch j % 3 {
					case 0:
						r, err := w.store.Invalidate(w.ctx, driver.Invalidation{Tags: []string{fmt.Sprint(i)}})
						if err != nil {
							w.fail("Invalidate: got error %v", err)
						}
						n = r.Clock.N
					case 1:
						r, err := w.store.Invalidate(w.ctx, driver.Invalidation{Keys: keysOf(fmt.Sprint(i))})
						if err != nil {
							w.fail("Invalidate: got error %v", err)
						}
						n = r.Clock.N
					default: // each of its own key
						r, err := w.store.Put(w.ctx, keyOf(fmt.Sprint(i)), entry("v"), driver.Set, 0)
						if err != nil {
							w.fail("Set: got error %v", err)
						}
						n = r.Clock.N
					}
					mu.Lock()
					// Several of a kind may be one step, but these are of different keys.
					if sets, twice := seen[n]; twice && sets != (j%3 == 2) {
						w.fail("a Set and an invalidation have the number %d", n)
					}
					seen[n] = j%3 == 2
					mu.Unlock()
				}
			})
			same(w, "n", w.clock().N, before.N+8*each)
		}},
		{"an invalidated tag never gets an older stamp", nothing, func(w *world) {
			for range 20 {
				w.race(4, func(int) {
					if _, err := w.store.Invalidate(w.ctx, driver.Invalidation{Tags: []string{"t"}}); err != nil {
						w.fail("Invalidate: got error %v", err)
					}
				})
				now := w.fence("k")
				late := driver.Fence{Token: now.Token, Stamp: driver.Stamp{Epoch: now.Stamp.Epoch, N: now.Stamp.N - 1}}
				same(w, "Fill of a load that began before the last", w.fill("k", entry("old", "t"), late), false)
			}
		}},
		{"of 16 concurrent deletes one removes the entry", nothing, func(w *world) {
			for range 10 {
				w.set("k", entry("v"))
				var removed atomic.Int64
				w.race(16, func(int) {
					r, err := w.store.Invalidate(w.ctx, driver.Invalidation{Keys: keysOf("k")})
					if err != nil {
						w.fail("Invalidate: got error %v", err)
					}
					removed.Add(int64(r.Removed))
				})
				same(w, "Removed, in all", removed.Load(), 1)
			}
		}},
		{"of 16 concurrent moves one moves the entry", nothing, func(w *world) {
			if _, ok := w.store.(driver.Mover); !ok {
				w.pointless("the store is no Mover: driver.Move takes several steps")
			}
			for range 10 {
				w.set("from", entry("v"))
				var moved atomic.Int64
				w.race(16, func(i int) {
					r, err := w.store.(driver.Mover).Move(w.ctx, keyOf("from"), keyOf(fmt.Sprint("to ", i)))
					if err != nil {
						w.fail("Move: got error %v", err)
					} else if r.Done {
						moved.Add(1)
					}
				})
				same(w, "moves", moved.Load(), 1)
				found := 0
				for i := range 16 {
					found += w.delete(fmt.Sprint("to ", i))
				}
				same(w, "entries at the targets", found, 1)
			}
		}},
		{"a reading reflects all up to its clock", nothing, func(w *world) {
			w.reflects(func() (driver.Reading, error) { return w.store.Get(w.ctx, keyOf("k"), 0) })
		}},
		{"the readings of a get-many reflect all up to their clocks", nothing, func(w *world) {
			w.reflects(func() (driver.Reading, error) {
				rs, err := driver.GetMany(w.ctx, w.store, keysOf("j", "k"), 0)
				if err != nil {
					return driver.Reading{}, err
				}
				return rs[1].Reading, rs[1].Err
			})
		}},
		{"no read returns what was invalidated before it began, by delete", nothing, func(w *world) {
			w.stress(nil, func(ctx context.Context, c cache.Cache, _ int64, commit func()) error {
				commit()
				_, err := c.Delete(ctx, "k")
				return err
			})
		}},
		{"no read returns what was invalidated before it began, by tag", nothing, func(w *world) {
			w.stress([]string{"row", "table"}, func(ctx context.Context, c cache.Cache, v int64, commit func()) error {
				commit()
				return c.Invalidate(ctx, []string{"row", "table"}[v%2])
			})
		}},
		{"no read returns what was invalidated before it began, by clear", nothing, func(w *world) {
			w.stress(nil, func(ctx context.Context, c cache.Cache, _ int64, commit func()) error {
				commit()
				return c.Clear(ctx)
			})
		}},
		{"no read returns what was replaced before it began, by a fenced Set", nothing, func(w *world) {
			w.stress([]string{"row"}, func(ctx context.Context, c cache.Cache, v int64, commit func()) error {
				if v%2 == 0 { // now and then the key is empty, and readers load
					commit()
					return c.Invalidate(ctx, "row")
				}
				f, err := c.Fence(ctx, "k")
				if err != nil {
					return err
				}
				commit()
				return cache.For[int64](c).Set(ctx, "k", v, cache.Fenced(f), cache.Tags("row"))
			})
		}},
		{"no read returns what a lost meta record has made invalid", metaLoss, func(w *world) {
			w.stress(nil, func(_ context.Context, _ cache.Cache, _ int64, commit func()) error {
				commit()
				w.h.LoseMeta(w.t, w.store)
				return nil
			})
		}},
	}
}

// race runs n goroutines that begin together.
func (w *world) race(n int, do func(i int)) {
	var wg sync.WaitGroup
	start := make(chan struct{})
	for i := range n {
		wg.Go(func() {
			<-start
			do(i)
		})
	}
	close(start)
	wg.Wait()
}

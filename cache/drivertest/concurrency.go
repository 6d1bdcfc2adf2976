package drivertest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

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
		{"each concurrent invalidation has a number of its own", nothing, func(w *world) {
			before := w.clock()
			const each = 25
			var mu sync.Mutex
			seen := make(map[uint64]bool)
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
					default:
						r, err := w.store.Put(w.ctx, keyOf(fmt.Sprint(i)), entry("v"), driver.Set, 0)
						if err != nil {
							w.fail("Set: got error %v", err)
						}
						n = r.Clock.N
					}
					mu.Lock()
					if seen[n] {
						w.fail("two steps have the number %d", n)
					}
					seen[n] = true
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
		{"no read returns what was invalidated before it began, by delete", nothing, func(w *world) {
			w.stress(nil, func(ctx context.Context, c cache.Cache, _ int64) error {
				_, err := c.Delete(ctx, "k")
				return err
			})
		}},
		{"no read returns what was invalidated before it began, by tag", nothing, func(w *world) {
			w.stress([]string{"row", "table"}, func(ctx context.Context, c cache.Cache, v int64) error {
				return c.Invalidate(ctx, []string{"row", "table"}[v%2])
			})
		}},
		{"no read returns what was invalidated before it began, by clear", nothing, func(w *world) {
			w.stress(nil, func(ctx context.Context, c cache.Cache, _ int64) error { return c.Clear(ctx) })
		}},
		{"no read returns what a lost meta record has made invalid", metaLoss, func(w *world) {
			w.stress(nil, func(context.Context, cache.Cache, int64) error {
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

// stress has readers load a row of a database through two clients, while a
// writer commits new versions of it and invalidates. The row's version only
// grows, so a read that returns less than was invalidated before it began is
// stale.
func (w *world) stress(tags []string, invalidate func(context.Context, cache.Cache, int64) error) {
	const (
		readers = 6
		commits = 60
	)
	var row, invalidated atomic.Int64 // the version in the database, and up to which it was invalidated
	var reads, stale atomic.Int64
	clients := []*cache.Client{w.client(nil), w.client(nil)}
	opts := []cache.Option{cache.Tags(tags...), cache.TTL(long)}
	pause := func(atMost time.Duration) { time.Sleep(rand.N(atMost)) }
	stop := make(chan struct{})
	var wg sync.WaitGroup
	for i := range readers {
		v := cache.For[int64](clients[i%2])
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				since := invalidated.Load()
				got, err := v.GetOrSet(w.ctx, "k", func(context.Context) (int64, error) {
					pause(200 * time.Microsecond)
					seen := row.Load()
					pause(800 * time.Microsecond)
					return seen, nil
				}, opts...)
				reads.Add(1)
				switch {
				case err != nil:
					w.fail("GetOrSet: got error %v", err)
					return
				case got < since:
					if stale.Add(1) <= 3 {
						w.fail("a read that began after version %d was invalidated got version %d", since, got)
					}
				}
				pause(50 * time.Microsecond)
			}
		})
	}
	for v := int64(1); v <= commits; v++ {
		row.Store(v)
		w.must("invalidate", invalidate(w.ctx, clients[v%2], v))
		invalidated.Store(v)
		pause(2 * time.Millisecond)
	}
	close(stop)
	wg.Wait()
	got, err := cache.For[int64](clients[0]).GetOrSet(w.ctx, "k", func(context.Context) (int64, error) { return row.Load(), nil }, opts...)
	w.must("GetOrSet", err)
	same(w, "the version at rest", got, commits)
	var sum cache.Stats
	for _, c := range clients {
		s := c.Stats()
		sum.Stored += s.Stored
		sum.Hits += s.Hits
		sum.Refused += s.Refused
	}
	w.t.Logf("%d reads, %d hits, %d loads stored, %d refused, %d stale", reads.Load(), sum.Hits, sum.Stored, sum.Refused, stale.Load())
	if sum.Stored == 0 || sum.Hits == 0 {
		w.fail("got %d loads stored and %d hits: nothing was cached", sum.Stored, sum.Hits)
	}
}

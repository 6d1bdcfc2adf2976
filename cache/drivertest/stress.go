package drivertest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/stratacache/strata/cache"
	"github.com/stratacache/strata/cache/driver"
)

// reflects has readings made while the key is set and deleted again and again,
// and checks that none has a clock that is ahead of what it shows.
func (w *world) reflects(read func() (driver.Reading, error)) {
	var steps []uint64 // the number of each; the value that step i sets is i+1
	stop := make(chan struct{})
	readings := make([][]driver.Reading, 4)
	var wg sync.WaitGroup
	for i := range readings {
		wg.Go(func() {
			for {
				r, err := read()
				if err != nil {
					w.fail("got error %v", err)
					return
				}
				readings[i] = append(readings[i], r)
				select {
				case <-stop:
					return
				default:
				}
				time.Sleep(rand.N(20 * time.Microsecond))
			}
		})
	}
	for v := 1; v <= 200; v++ {
		var n uint64
		var err error
		if v%3 > 0 {
			var r driver.Result
			r, err = w.store.Put(w.ctx, keyOf("k"), entry(fmt.Sprint(v)), driver.Set, 0)
			n = r.Clock.N
		} else {
			var r driver.Invalidated
			r, err = w.store.Invalidate(w.ctx, driver.Invalidation{Keys: keysOf("k")})
			n = r.Clock.N
		}
		if err != nil {
			w.fail("step %d: got error %v", v, err)
			break
		}
		steps = append(steps, n)
		time.Sleep(rand.N(20 * time.Microsecond))
	}
	close(stop)
	wg.Wait()
	for _, r := range slices.Concat(readings...) {
		if r.Entry == nil {
			continue
		}
		shown, _ := strconv.Atoi(string(r.Entry.Payload))
		for i, s := range steps {
			// A later step than the one that set what is shown, which the clock says
			// was done.
			if i >= shown && s <= r.Fence.Stamp.N {
				w.fail("a reading with the clock %d shows the value of step %d, but step %d had the number %d", r.Fence.Stamp.N, shown, i+1, s)
				return
			}
		}
	}
}

// stress has readers load a row of a database through two clients, while a
// writer commits new versions of it and invalidates. The row's version only
// grows, so a read that returns less than was invalidated before it began is
// stale.
func (w *world) stress(tags []string, write func(_ context.Context, _ cache.Cache, version int64, commit func()) error) {
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
		if err := write(w.ctx, clients[v%2], v, func() { row.Store(v) }); err != nil {
			w.fail("the write: got error %v", err)
			break
		}
		invalidated.Store(v)
		pause(2 * time.Millisecond)
	}
	close(stop)
	wg.Wait()
	for _, c := range clients { // at rest the second finds what the first stored
		got, err := cache.For[int64](c).GetOrSet(w.ctx, "k", func(context.Context) (int64, error) { return row.Load(), nil }, opts...)
		w.must("GetOrSet", err)
		same(w, "the version at rest", got, commits)
	}
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

package redisstore_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stratacache/strata/backends/redisstore"
	"github.com/stratacache/strata/cache"
)

// storm has writers change rows of a database and invalidate them, through one
// store or the other, and readers load them, until during has returned. A read
// that began after a version was invalidated, and that returns an older one, is
// wrong: there is none, whatever happens to the servers.
func storm(t *testing.T, stores []*redisstore.Store, during func()) {
	t.Helper()
	const rows, writers, readers = 24, 2, 4
	var row, invalidated [rows]atomic.Int64
	var reads, wrong, failed atomic.Int64
	clients := make([]*cache.Client, len(stores))
	for i, s := range stores {
		c, err := cache.New(s, &cache.Options{LoadTimeout: 5 * time.Second})
		if err != nil {
			t.Fatal(err)
		}
		clients[i] = c
	}
	name := func(i int) string { return fmt.Sprint("row ", i) }
	tag := func(i int) string { return fmt.Sprint("tag ", i) }
	stop := make(chan struct{})
	going := func() bool {
		select {
		case <-stop:
			return false
		default:
			return true
		}
	}
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for n := 0; going(); n++ {
				i := rand.IntN(rows/writers)*writers + w // each row has one writer
				v := row[i].Add(1)
				for going() { // until it is acknowledged
					ctx, cancel := context.WithTimeout(t.Context(), time.Second)
					c := clients[rand.IntN(len(clients))]
					var err error
					if n%2 == 0 {
						err = c.Invalidate(ctx, tag(i))
					} else {
						_, err = c.Delete(ctx, name(i))
					}
					cancel()
					if err == nil {
						invalidated[i].Store(v)
						break
					}
					failed.Add(1)
				}
				time.Sleep(time.Millisecond)
			}
		})
	}
	for r := range readers {
		v := cache.For[int64](clients[r%len(clients)])
		wg.Go(func() {
			for going() {
				i := rand.IntN(rows)
				since := invalidated[i].Load()
				ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
				got, err := v.GetOrSet(ctx, name(i), func(context.Context) (int64, error) {
					seen := row[i].Load()
					time.Sleep(rand.N(500 * time.Microsecond))
					return seen, nil
				}, cache.Tags(tag(i)), cache.TTL(time.Hour))
				cancel()
				reads.Add(1)
				if err == nil && got < since && wrong.Add(1) <= 3 {
					t.Errorf("row %d: a read that began after version %d was invalidated got version %d", i, since, got)
				}
			}
		})
	}
	during()
	close(stop)
	wg.Wait()
	var hits int64
	for _, c := range clients {
		hits += int64(c.Stats().Hits)
	}
	t.Logf("%d reads, %d hits, %d wrong; %d invalidations were refused and repeated", reads.Load(), hits, wrong.Load(), failed.Load())
	if hits == 0 {
		t.Error("nothing was cached")
	}
}

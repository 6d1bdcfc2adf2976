package redisstore_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stratacache/strata/backends/locmem"
	"github.com/stratacache/strata/backends/redisstore"
	"github.com/stratacache/strata/cache"
	"github.com/stratacache/strata/cache/driver"
	"github.com/stratacache/strata/internal/nodetest"
	"github.com/stratacache/strata/internal/servertest"
)

// A thousand callers of one cold key, in four processes that share a server,
// make one load; batches that overlap load each key once; and what gets stale is
// refreshed once.
func TestFourProcessesMakeOneLoad(t *testing.T) {
	if addr := os.Getenv("STRATA_LOADER"); addr != "" {
		loader(t, addr)
		return
	}
	t.Parallel()
	addr := servertest.SharedRedis(t)
	said := nodetest.Together(t, 4, "STRATA_LOADER="+addr, fmt.Sprintf("STRATA_NAMESPACE=processes-%d", namespaces.Add(1)))
	var sum [3]int
	for i, s := range said {
		var n [3]int
		if _, err := fmt.Sscan(s, &n[0], &n[1], &n[2]); err != nil {
			t.Fatalf("process %d said %q", i, s)
		}
		for j := range n {
			sum[j] += n[j]
		}
	}
	if want := [3]int{1, batchKeys, 2}; sum != want {
		t.Errorf("loads of the processes: got %q, want %v in all", said, want)
	}
}

const batchKeys = 50

// loader is one of the processes.
func loader(t *testing.T, addr string) {
	s, err := redisstore.New(client(t, addr), &redisstore.Options{Namespace: os.Getenv("STRATA_NAMESPACE")})
	if err != nil {
		t.Fatal(err)
	}
	const patience = time.Minute // what is given up is another test's
	c, err := cache.New(s, &cache.Options{Near: []cache.Tier{{Store: locmem.New(nil)}}, Stale: time.Hour, LeaseWait: patience})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close(context.WithoutCancel(t.Context()))
	if err := c.Ping(t.Context()); err != nil {
		t.Fatal(err)
	}
	nodetest.Ready()
	var loads, keys, refreshes atomic.Int64
	var wg sync.WaitGroup
	for range 250 {
		wg.Go(func() {
			v, err := c.GetOrSet(t.Context(), "cold", func(context.Context) ([]byte, error) {
				loads.Add(1)
				time.Sleep(50 * time.Millisecond)
				return []byte("v"), nil
			})
			if string(v) != "v" || err != nil {
				t.Errorf("got %q, %v", v, err)
			}
		})
	}
	wg.Wait()

	for range 10 {
		wg.Go(func() {
			var names []string
			for _, i := range rand.Perm(batchKeys) {
				names = append(names, fmt.Sprint(i))
			}
			for part := range slices.Chunk(names, 20) {
				got, err := c.GetOrSetMany(t.Context(), part, func(_ context.Context, missing []string) (map[string][]byte, error) {
					keys.Add(int64(len(missing)))
					time.Sleep(20 * time.Millisecond)
					out := make(map[string][]byte)
					for _, k := range missing {
						out[k] = []byte(k)
					}
					return out, nil
				})
				if len(got) != len(part) || err != nil {
					t.Errorf("got %d of %d keys, %v", len(got), len(part), err)
				}
			}
		})
	}
	wg.Wait()

	// The first value is soon stale, the second is not.
	for began := time.Now(); time.Since(began) < patience; time.Sleep(time.Millisecond) {
		v, err := c.GetOrSet(t.Context(), "stale", func(ctx context.Context) ([]byte, error) {
			refreshes.Add(1)
			if _, ok := cache.Previous[[]byte](ctx); !ok {
				cache.Loading(ctx).SetTTL(200 * time.Millisecond)
				return []byte("first"), nil
			}
			time.Sleep(50 * time.Millisecond)
			return []byte("second"), nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if string(v) == "second" {
			break
		}
	}
	nodetest.Say(loads.Load(), keys.Load(), refreshes.Load())
}

// Also while the server is frozen for a while, and killed and started again, with
// another history.
func TestFourProcessesFollowTheLog(t *testing.T) {
	nodetest.Run(t, func() (string, []func()) {
		server := servertest.Redis(t)
		freeze := func() {
			server.Freeze()
			time.Sleep(time.Second) // longer than the processes trust what they have in memory
			server.Thaw()
		}
		return server.Addr, []func(){freeze, server.Restart}
	}, func(addr string) driver.Store {
		s, err := redisstore.New(client(t, addr), &redisstore.Options{Namespace: "nodes"})
		if err != nil {
			t.Fatal(err)
		}
		return s
	})
}

package cache_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stratacache/strata/backends/locmem"
	"github.com/stratacache/strata/cache"
	"github.com/stratacache/strata/cache/driver"
)

// minuteAndHour has entries that live a minute and are kept an hour more.
func minuteAndHour() *cache.Options { return &cache.Options{TTL: time.Minute, Stale: time.Hour} }

// getAll calls GetOrSet in all processes at once, and wants one of these values,
// at once.
func getAll(t *testing.T, clients []*cache.Client, s *source, want ...string) {
	t.Helper()
	var wg sync.WaitGroup
	for _, c := range clients {
		wg.Go(func() {
			began := time.Now()
			got, err := cache.For[string](c).GetOrSet(t.Context(), "k", s.load)
			if err != nil || !strings.Contains(strings.Join(want, " "), got) {
				t.Errorf("got %q, %v, want one of %v", got, err, want)
			}
			if took := time.Since(began); took != 0 && s.loads.Load() > 1 {
				t.Errorf("a stale value took %v", took)
			}
		})
	}
	wg.Wait()
}

// One process refreshes a stale entry, the others return it meanwhile; and so in
// each of its lives.
func TestProcessesRefreshOnce(t *testing.T) {
	inProcesses(t, 4, minuteAndHour(), func(t *testing.T, c []*cache.Client) {
		var s source
		getAll(t, c, &s, "v1")
		for life := int64(2); life < 5; life++ {
			time.Sleep(2 * time.Minute)
			s.slow(time.Second)
			before, after := "v"+string(rune('0'+life-1)), "v"+string(rune('0'+life))
			for range 200 {
				getAll(t, c, &s, before, after)
				time.Sleep(7 * time.Millisecond)
			}
			getAll(t, c, &s, after)
			if n := s.loads.Load(); n != life {
				t.Fatalf("loads: got %d, want %d", n, life)
			}
		}
	})
}

// asked counts the questions to a store, those for claims apart.
type asked struct {
	driver.Store
	claims, others atomic.Int64
}

func (s *asked) Close(context.Context) error { return nil }

func (s *asked) Get(ctx context.Context, key driver.Key, hold time.Duration) (driver.Reading, error) {
	if strings.HasPrefix(key.String(), "!") {
		s.claims.Add(1)
	} else {
		s.others.Add(1)
	}
	return s.Store.Get(ctx, key, hold)
}

// A claim costs the process that has it one question, the others a few, and a
// hit none.
func TestWhatAClaimCosts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		shared := locmem.New(nil)
		defer shared.Close(t.Context())
		stores := []*asked{{Store: shared}, {Store: shared}}
		var c []*cache.Client
		for _, s := range stores {
			c = append(c, open(t, s, minuteAndHour()))
		}
		var s source
		get := func(i int) {
			if _, err := cache.For[string](c[i]).GetOrSet(t.Context(), "k", s.load); err != nil {
				t.Error(err)
			}
		}
		get(0)
		for range 10 {
			get(0)
		}
		if n := stores[0].claims.Load(); n != 0 {
			t.Errorf("a miss and ten hits asked for %d claims", n)
		}
		time.Sleep(2 * time.Minute)
		s.slow(time.Second)
		get(0)
		synctest.Wait()
		for range 900 {
			get(0)
			get(1)
			time.Sleep(time.Millisecond)
		}
		if n := stores[0].claims.Load(); n != 1 {
			t.Errorf("who refreshed asked for the claim %d times, want once", n)
		}
		if n := stores[1].claims.Load(); n < 1 || n > 5 {
			t.Errorf("who did not asked %d times, want a few", n)
		}
		time.Sleep(time.Second)
	})
}

// A process that dies while it refreshes holds the others up for LeaseWait.
func TestClaimOfADeadProcess(t *testing.T) {
	inProcesses(t, 3, minuteAndHour(), func(t *testing.T, c []*cache.Client) {
		var s, dead source
		getAll(t, c, &s, "v1")
		time.Sleep(2 * time.Minute)
		dead.slow(time.Hour)
		getAll(t, c[:1], &dead, "v1")
		synctest.Wait()
		began := time.Now()
		for s.loads.Load() == 1 {
			getAll(t, c[1:], &s, "v1", "v2")
			time.Sleep(10 * time.Millisecond)
		}
		if took := time.Since(began); took < 3*time.Second || took > 7*time.Second {
			t.Errorf("refreshed after %v, want soon after LeaseWait", took)
		}
	})
}

// A refresh that fails, or is not stored, is given back.
func TestClaimIsGivenBack(t *testing.T) {
	inProcesses(t, 2, minuteAndHour(), func(t *testing.T, c []*cache.Client) {
		var s, failing source
		getAll(t, c, &s, "v1")
		time.Sleep(2 * time.Minute)
		failing.fail(errSource)
		getAll(t, c[:1], &failing, "v1")
		synctest.Wait()
		getAll(t, c[1:], &s, "v1")
		synctest.Wait()
		getAll(t, c, &s, "v2")
	})
}

// Whoever waits a while for a fresh value gets the one of another process.
func TestSoftTimeoutWaitsForAnotherProcess(t *testing.T) {
	for name, tt := range map[string]struct {
		takes, soft time.Duration
		want        string
	}{
		"it comes in time": {time.Second, 2 * time.Second, "v2"},
		"it does not":      {2 * time.Second, time.Second, "v1"},
	} {
		t.Run(name, func(t *testing.T) {
			inProcesses(t, 2, minuteAndHour(), func(t *testing.T, c []*cache.Client) {
				var s source
				getAll(t, c[:1], &s, "v1")
				time.Sleep(2 * time.Minute)
				s.slow(tt.takes)
				getAll(t, c[:1], &s, "v1")
				synctest.Wait()
				got, err := cache.For[string](c[1]).GetOrSet(t.Context(), "k", s.load, cache.SoftTimeout(tt.soft))
				if got != tt.want || err != nil {
					t.Errorf("got %q, %v, want %s", got, err, tt.want)
				}
				if n := c[1].Stats().Awaited; n != uint64(tt.want[1]-'1') {
					t.Errorf("Awaited: got %d", n)
				}
				time.Sleep(5 * time.Second)
				if n := s.loads.Load(); n != 2 {
					t.Errorf("loads: got %d, want 2", n)
				}
			})
		})
	}
}

// Whoever waits for another process's refresh is not given what was invalidated
// meanwhile, nor loads on the ground of it.
func TestInvalidationWhileAnotherProcessRefreshes(t *testing.T) {
	opts := minuteAndHour()
	opts.SoftTimeout = 10 * time.Second
	inProcesses(t, 3, opts, func(t *testing.T, c []*cache.Client) {
		var db database
		db.write()
		load := func(ctx context.Context) (string, error) {
			v := db.read()
			time.Sleep(time.Second)
			if old, ok := cache.Previous[string](ctx); ok && old == v {
				return "", cache.ErrNotModified
			}
			return v, nil
		}
		get := func(i int) (string, error) { return cache.For[string](c[i]).GetOrSet(t.Context(), "k", load) }
		_, _ = get(0)
		time.Sleep(2 * time.Minute)
		var wg sync.WaitGroup
		wg.Go(func() { _, _ = get(0) })
		synctest.Wait()
		wg.Go(func() { _, _ = get(1) }) // began before the invalidation
		time.Sleep(100 * time.Millisecond)
		db.write()
		if _, err := c[2].Delete(t.Context(), "k"); err != nil {
			t.Fatal(err)
		}
		for i := range c {
			wg.Go(func() {
				if got, err := get(i); got != "v2" || err != nil {
					t.Errorf("process %d: got %q, %v, want v2", i, got, err)
				}
			})
		}
		wg.Wait()
	})
}

// "Not modified" is said once as well.
func TestProcessesRenewOnce(t *testing.T) {
	inProcesses(t, 4, minuteAndHour(), func(t *testing.T, c []*cache.Client) {
		var loads atomic.Int64
		for life := range int64(4) {
			for range 20 {
				for _, c := range c {
					got, err := cache.For[string](c).GetOrSet(t.Context(), "k", func(ctx context.Context) (string, error) {
						loads.Add(1)
						if _, ok := cache.Previous[string](ctx); ok {
							time.Sleep(50 * time.Millisecond)
							return "", cache.ErrNotModified
						}
						return "v", nil
					})
					if got != "v" || err != nil {
						t.Errorf("got %q, %v", got, err)
					}
				}
				time.Sleep(10 * time.Millisecond)
			}
			if n := loads.Load(); n != life+1 {
				t.Fatalf("loads: got %d, want %d", n, life+1)
			}
			time.Sleep(2 * time.Minute)
		}
	})
}

// An entry that is refreshed early is refreshed by one process, also where the
// others have near copies of it.
func TestProcessesRefreshEarlyOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		shared := locmem.New(nil)
		defer shared.Close(t.Context())
		var c []*cache.Client
		for range 4 {
			c = append(c, open(t, remote{shared}, &cache.Options{
				TTL: time.Minute, EarlyRefresh: 1, Near: []cache.Tier{{Store: locmem.New(nil)}},
			}))
		}
		var s source
		s.slow(time.Second)
		began := time.Now()
		for time.Since(began) < 5*time.Minute {
			for _, c := range c {
				if _, err := cache.For[string](c).GetOrSet(t.Context(), "k", s.load); err != nil {
					t.Error(err)
				}
			}
			time.Sleep(50 * time.Millisecond)
		}
		// In 5 minutes an entry of a minute is refreshed 5 times, in the last seconds
		// of its life, and once was loaded.
		if n := s.loads.Load(); n > 6 {
			t.Errorf("loads: got %d, want no more than 6", n)
		}
	})
}

// What became of finding another process at work is told.
func TestLeaseHook(t *testing.T) {
	var mu sync.Mutex
	var seen []cache.LeaseInfo
	opts := minuteAndHour()
	opts.Prefix = "p"
	opts.Hooks.Lease = func(_ context.Context, i cache.LeaseInfo) {
		mu.Lock()
		defer mu.Unlock()
		seen = append(seen, i)
	}
	want := func(t *testing.T, end cache.LeaseEnd, atLeast time.Duration) {
		t.Helper()
		synctest.Wait()
		mu.Lock()
		defer mu.Unlock()
		if len(seen) != 1 || seen[0].End != end || seen[0].Key != "k" || seen[0].Prefix != "p" || seen[0].Took < atLeast {
			t.Errorf("hook: got %+v, want one %q of k after %v", seen, end, atLeast)
		}
		seen = nil
	}
	inProcesses(t, 2, opts, func(t *testing.T, c []*cache.Client) {
		var s, other source
		s.slow(time.Second)
		both := func() {
			var wg sync.WaitGroup
			wg.Go(func() { _, _ = cache.For[string](c[0]).GetOrSet(t.Context(), "k", s.load) })
			synctest.Wait()
			_, _ = cache.For[string](c[1]).GetOrSet(t.Context(), "k", other.load)
			wg.Wait()
		}
		both()
		want(t, cache.LeaseServed, time.Second)
		time.Sleep(2 * time.Minute)
		both()
		want(t, cache.LeaseLeft, 0)
		time.Sleep(2 * time.Hour)
		s.fail(errSource)
		both()
		want(t, cache.LeaseGivenBack, time.Second)
		_, _ = c[0].Delete(t.Context(), "k")
		s.slow(10 * time.Second)
		both()
		want(t, cache.LeaseGivenUp, 3*time.Second)
		if n := c[1].Stats().LeasesLost; n != 4 {
			t.Errorf("LeasesLost: got %d, want 4", n)
		}
	})
}

// Who has read the old entry before another process had refreshed it, and comes
// to claim it afterwards, does not refresh it again.
func TestARefreshThatComesTooLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		shared := locmem.New(nil)
		defer shared.Close(t.Context())
		var held atomic.Bool
		slow := &tapped{Store: remote{shared}, get: func(ctx context.Context, key driver.Key, hold time.Duration, next driver.Store) (driver.Reading, error) {
			r, err := next.Get(ctx, key, hold)
			if held.Swap(false) {
				time.Sleep(2 * time.Second)
			}
			return r, err
		}}
		c := []*cache.Client{open(t, remote{shared}, minuteAndHour()), open(t, slow, minuteAndHour())}
		var s source
		getAll(t, c[:1], &s, "v1")
		time.Sleep(2 * time.Minute)
		s.slow(time.Second)
		held.Store(true)
		var wg sync.WaitGroup
		wg.Go(func() {
			if got, err := cache.For[string](c[1]).GetOrSet(t.Context(), "k", s.load); got != "v1" || err != nil {
				t.Errorf("got %q, %v", got, err)
			}
		})
		synctest.Wait()
		getAll(t, c[:1], &s, "v1")
		wg.Wait()
		time.Sleep(2 * time.Second)
		getAll(t, c, &s, "v2")
		if n := s.loads.Load(); n != 2 {
			t.Errorf("loads: got %d, want 2", n)
		}
	})
}

// A lease is held by one process at a time.
func TestLease(t *testing.T) {
	inProcesses(t, 3, nil, func(t *testing.T, c []*cache.Client) {
		lease := func(i int) *cache.Lease {
			t.Helper()
			l, err := c[i].Lease(t.Context(), "k")
			if err != nil {
				t.Fatal(err)
			}
			return l
		}
		held := func(what string, l *cache.Lease, want bool) {
			t.Helper()
			if got := l.Held(); got != want {
				t.Errorf("%s: held %v, want %v", what, got, want)
			}
		}
		first, second := lease(0), lease(1)
		held("the first", first, true)
		held("the second", second, false)
		if _, err := c[2].Get(t.Context(), "k"); !errors.Is(err, cache.ErrMiss) {
			t.Errorf("a key of the name: got %v", err)
		}
		if took := loadsAfter(t, c[2]); took != 0 {
			t.Errorf("a load of a key of the name waited %v", took)
		}
		second.Release() // is not its to release
		time.AfterFunc(time.Second, first.Release)
		began := time.Now()
		if err := second.Wait(t.Context()); err != nil || time.Since(began) > 1200*time.Millisecond {
			t.Errorf("Wait: %v, after %v", err, time.Since(began))
		}
		held("the second, once it is released", second, false)
		third := lease(2)
		held("the next", third, true)

		// One that is not released is taken over.
		second = lease(1)
		began = time.Now()
		if err := second.Wait(t.Context()); err != nil || time.Since(began) != 3*time.Second {
			t.Errorf("Wait: %v, after %v", err, time.Since(began))
		}
		held("the second, after LeaseWait", second, true)
		second.Release()
		second.Release()
		synctest.Wait()
		held("after all", lease(0), true)

		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := lease(1).Wait(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Wait of a context that ends: %v", err)
		}
		_ = c[2].Close(t.Context())
		third.Release()
		if _, err := c[2].Lease(t.Context(), "k"); !errors.Is(err, cache.ErrClosed) {
			t.Errorf("after Close: %v", err)
		}
		var none *cache.Lease
		none.Release()
	})
}

// Where no other process is, there is nobody to wait for.
func TestLeaseInMemory(t *testing.T) {
	c := open(t, nil, nil)
	for range 2 {
		l, err := c.Lease(t.Context(), "k")
		if err != nil || !l.Held() || l.Wait(t.Context()) != nil {
			t.Errorf("got %v, %v, want it held", l, err)
		}
	}
}

// Without an answer about the claim a refresh goes on, and a lease says so.
func TestClaimWhileTheStoreFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		shared := locmem.New(nil)
		defer shared.Close(t.Context())
		var down atomic.Bool
		failing := &tapped{Store: remote{shared}, get: func(ctx context.Context, key driver.Key, hold time.Duration, next driver.Store) (driver.Reading, error) {
			if down.Load() && strings.HasPrefix(key.String(), "!") {
				return driver.Reading{}, errSource
			}
			return next.Get(ctx, key, hold)
		}}
		c := []*cache.Client{open(t, failing, minuteAndHour()), open(t, remote{shared}, minuteAndHour())}
		var s source
		getAll(t, c, &s, "v1")
		lost := func() *cache.Lease {
			if _, err := c[1].Lease(t.Context(), "k"); err != nil {
				t.Fatal(err)
			}
			l, err := c[0].Lease(t.Context(), "k")
			if err != nil || l.Held() {
				t.Fatalf("got %v, want it lost", err)
			}
			return l
		}()
		down.Store(true)
		if err := lost.Wait(t.Context()); !errors.Is(err, cache.ErrUnavailable) || lost.Held() {
			t.Errorf("Wait: got %v", err)
		}
		if _, err := c[0].Lease(t.Context(), "other"); !errors.Is(err, cache.ErrUnavailable) {
			t.Errorf("Lease: got %v", err)
		}
		time.Sleep(2 * time.Minute)
		getAll(t, c[:1], &s, "v1")
		synctest.Wait()
		getAll(t, c[:1], &s, "v2")
	})
}

// Asking later and later must not pass the time at which it is taken over.
func TestClaimOfADeadProcessIsTakenOverInTime(t *testing.T) {
	for _, wait := range []time.Duration{time.Second, 3 * time.Second, 10 * time.Second} {
		inProcesses(t, 2, &cache.Options{TTL: time.Minute, Stale: time.Hour, LeaseWait: wait}, func(t *testing.T, cs []*cache.Client) {
			a, b := cache.For[string](cs[0]), cache.For[string](cs[1])
			_, _ = a.GetOrSet(t.Context(), "k", value("v1"))
			time.Sleep(2 * time.Minute)
			// a begins a refresh that hangs
			hang := make(chan struct{})
			_, _ = a.GetOrSet(t.Context(), "k", func(ctx context.Context) (string, error) { <-hang; return "v2", nil })
			synctest.Wait()
			began := time.Now()
			if _, err := b.GetOrSet(t.Context(), "k", value("v3"), cache.SoftTimeout(time.Hour)); err != nil {
				t.Error(err)
			}
			took := time.Since(began)
			if took > wait+500*time.Millisecond {
				t.Errorf("LeaseWait %v: waited %v", wait, took)
			}
			close(hang)
		})
	}
}

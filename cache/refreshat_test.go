package cache_test

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stratacache/strata/backends/locmem"
	"github.com/stratacache/strata/cache"
)

// The first hit after that part of the life starts one refresh, and none before
// it does; the whole is what the entry got, not what the call says.
func TestRefreshAt(t *testing.T) {
	for name, near := range map[string]bool{"one tier": false, "with a near tier": true} {
		t.Run(name, func(t *testing.T) {
			opts := cache.Options{RefreshAt: 0.8}
			if near {
				opts.Near = []cache.Tier{{}}
			}
			inStaleWorld(t, opts, func(w *staleWorld) {
				w.source.slow(time.Second)
				w.get("v1")
				time.Sleep(47 * time.Second) // 48 s are four fifths
				for range 100 {
					w.get("v1")
				}
				w.loaded(1)
				time.Sleep(2 * time.Second)
				for range 100 {
					w.get("v1")
				}
				w.loaded(2)
				time.Sleep(2 * time.Second)
				for range 100 {
					w.get("v2")
				}
				w.loaded(2)

				// A Touch begins a life, and ends one.
				if ok, err := w.values.Touch(w.t.Context(), "k", cache.TTL(10*time.Second)); !ok || err != nil {
					w.t.Fatal(ok, err)
				}
				time.Sleep(7 * time.Second)
				w.get("v2")
				w.loaded(2)
				time.Sleep(1500 * time.Millisecond)
				w.get("v2")
				w.loaded(3)
			})
		})
	}
}

// A loader may give its result a shorter life: then that is the whole.
func TestRefreshAtOfALifeThatTheLoaderGave(t *testing.T) {
	inStaleWorld(t, cache.Options{RefreshAt: 0.5}, func(w *staleWorld) {
		var loads atomic.Int64
		for range 100 {
			_, err := w.values.GetOrSet(w.t.Context(), "k", func(ctx context.Context) (string, error) {
				loads.Add(1)
				cache.Loading(ctx).SetTTL(time.Second)
				return "v", nil
			})
			if err != nil {
				w.t.Error(err)
			}
			time.Sleep(100 * time.Millisecond)
		}
		if n := loads.Load(); n < 15 || n > 20 { // in 10 s, one each half second
			w.t.Errorf("loads: got %d", n)
		}
	})
}

// It refreshes what would otherwise end, and leaves what has no end.
func TestRefreshAtWithoutStale(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := open(t, nil, &cache.Options{RefreshAt: 0.5})
		var s source
		for ttl, want := range map[time.Duration]int64{time.Second: 2, time.Hour: 2, 1000 * time.Hour: 2, cache.Forever: 1} {
			s.loads.Store(0)
			key := ttl.String()
			for range 100 {
				if _, err := cache.For[string](c).GetOrSet(t.Context(), key, s.load, cache.TTL(ttl)); err != nil {
					t.Error(err)
				}
				time.Sleep(min(ttl, 1000*time.Hour) / 140) // five sevenths of a life in all
			}
			synctest.Wait()
			if n := s.loads.Load(); n != want {
				t.Errorf("TTL %v: got %d loads, want %d", ttl, n, want)
			}
		}
	})
}

// Four processes refresh once for each life.
func TestProcessesRefreshAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		shared := locmem.New(nil)
		defer shared.Close(t.Context())
		var c []*cache.Client
		for range 4 {
			c = append(c, open(t, remote{shared}, &cache.Options{
				TTL: time.Minute, RefreshAt: 0.8, Near: []cache.Tier{{Store: locmem.New(nil)}},
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
		if n := s.loads.Load(); n < 6 || n > 7 { // each 49 s
			t.Errorf("loads: got %d", n)
		}
	})
}

func TestRefreshAtContradicts(t *testing.T) {
	t.Parallel()
	for want, o := range map[string]cache.Options{
		"RefreshAt is 1:":            {RefreshAt: 1},
		"RefreshAt is -0.5:":         {RefreshAt: -0.5},
		"RefreshAt and EarlyRefresh": {RefreshAt: 0.5, EarlyRefresh: 1},
	} {
		if _, err := cache.New(locmem.New(nil), &o); err == nil || !strings.Contains(fmt.Sprint(err), "cache.Options."+want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

// Whatever has expired is refreshed by one process, too.
func TestProcessesRefreshOnceWhatExpired(t *testing.T) {
	inProcesses(t, 4, minuteAndHour(), func(t *testing.T, c []*cache.Client) {
		var s source
		get := func(want ...string) {
			for _, c := range c {
				got, err := cache.For[string](c).GetOrSet(t.Context(), "k", s.load, cache.Tags("t"))
				if err != nil || !strings.Contains(strings.Join(want, " "), got) {
					t.Errorf("got %q, %v, want one of %v", got, err, want)
				}
			}
		}
		get("v1")
		s.slow(time.Second)
		for n := int64(2); n < 5; n++ {
			if err := c[n%4].Expire(t.Context(), "t"); err != nil {
				t.Fatal(err)
			}
			before, after := fmt.Sprintf("v%d", n-1), fmt.Sprintf("v%d", n)
			for range 150 {
				get(before, after)
				time.Sleep(10 * time.Millisecond)
			}
			get(after)
			if got := s.loads.Load(); got != n {
				t.Errorf("loads: got %d, want %d", got, n)
			}
		}
	})
}

package cache_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stratacache/strata/backends/locmem"
	"github.com/stratacache/strata/cache"
	"github.com/stratacache/strata/cache/driver"
)

// peekable is a store with a log that says how it was read.
type peekable struct {
	*logged
	gets, peeks atomic.Int64
	lag         atomic.Pointer[driver.Entry] // what a peek returns in place of what stands
	hangs       atomic.Bool
}

func (p *peekable) Get(ctx context.Context, key driver.Key, hold time.Duration) (driver.Reading, error) {
	p.gets.Add(1)
	if p.hangs.Load() {
		<-ctx.Done()
		return driver.Reading{}, ctx.Err()
	}
	return p.logged.Get(ctx, key, hold)
}

func (p *peekable) Peek(ctx context.Context, key driver.Key) (*driver.Entry, error) {
	p.peeks.Add(1)
	if p.hangs.Load() {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	if e := p.lag.Load(); e != nil {
		return e, nil
	}
	r, err := p.logged.Get(ctx, key, 0)
	return r.Entry, err
}

// inPeekWorld is a process that has no place in memory for what it reads.
func inPeekWorld(t *testing.T, test func(t *testing.T, s *peekable, c *cache.Client, read func(want string) (gets int64))) {
	withAndWithoutLog(t, func(t *testing.T, shared *logged) {
		if !shared.withLog {
			return
		}
		s := &peekable{logged: shared}
		c := open(t, s, &cache.Options{Near: []cache.Tier{{Store: locmem.New(&locmem.Options{MaxBytes: 1})}}})
		values := cache.For[string](c)
		_, _ = values.Get(t.Context(), "the first read starts the reading of the log")
		time.Sleep(time.Millisecond)
		test(t, s, c, func(want string) int64 {
			t.Helper()
			before := s.gets.Load()
			got, err := values.GetOrSet(t.Context(), "k", func(context.Context) (string, error) { return want, nil }, cache.Tags("t"))
			if got != want || err != nil {
				t.Errorf("got %q, %v; want %s", got, err, want)
			}
			return s.gets.Load() - before
		})
	})
}

func TestPeekIsAllThatAHitTakes(t *testing.T) {
	inPeekWorld(t, func(t *testing.T, s *peekable, c *cache.Client, read func(string) int64) {
		if n := read("v1"); n != 1 {
			t.Errorf("a miss asked %d times", n)
		}
		for range 3 {
			if n := read("v1"); n != 0 {
				t.Errorf("a hit asked the store to judge, %d times", n)
			}
		}
		if st := c.Stats(); st.Hits != 3 || st.Misses != 2 {
			t.Errorf("got %+v", st)
		}
	})
}

// What this process knows counts, whatever stands there.
func TestPeekIsJudged(t *testing.T) {
	drops := map[string]func(context.Context, *cache.Client) error{
		"a tag":   func(ctx context.Context, c *cache.Client) error { return c.Invalidate(ctx, "t") },
		"expired": func(ctx context.Context, c *cache.Client) error { return c.Expire(ctx, "t") },
		"all":     func(ctx context.Context, c *cache.Client) error { return c.Clear(ctx) },
		"the key": func(ctx context.Context, c *cache.Client) error { _, err := c.Delete(ctx, "k"); return err },
	}
	for name, drop := range drops {
		t.Run(name, func(t *testing.T) {
			inPeekWorld(t, func(t *testing.T, s *peekable, c *cache.Client, read func(string) int64) {
				read("v1")
				r, _ := s.logged.Get(t.Context(), driver.Key{Scope: ":1:", Name: "k"}, 0)
				if r.Entry == nil {
					t.Fatal("nothing stands")
				}
				s.lag.Store(r.Entry) // as on a server that lost its last changes
				if err := drop(t.Context(), c); err != nil {
					t.Fatal(err)
				}
				if n := read("v2"); n == 0 {
					t.Error("the store was not asked")
				}
			})
		})
	}
}

// Within the bound of the log's last reading, and no longer.
func TestPeekNeedsTheLog(t *testing.T) {
	inPeekWorld(t, func(t *testing.T, s *peekable, _ *cache.Client, read func(string) int64) {
		read("v1")
		s.silent.Store(true)
		time.Sleep(time.Second)
		before := s.peeks.Load()
		if n := read("v1"); n != 1 || s.peeks.Load() != before {
			t.Errorf("asked %d times, peeked %d times", n, s.peeks.Load()-before)
		}
		s.silent.Store(false)
	})
}

// A store that hangs is waited for once.
func TestPeekThatHangs(t *testing.T) {
	inPeekWorld(t, func(t *testing.T, s *peekable, _ *cache.Client, read func(string) int64) {
		read("v")
		const timeout = 100 * time.Millisecond
		c := open(t, s, &cache.Options{Near: []cache.Tier{{Store: locmem.New(&locmem.Options{MaxBytes: 1})}}, StoreTimeout: timeout})
		values := cache.For[string](c)
		for range 2 { // the first one starts the reading of the log
			_, _ = values.Get(t.Context(), "k")
			time.Sleep(time.Millisecond)
		}
		s.hangs.Store(true)
		defer s.hangs.Store(false)
		gets, peeks, began := s.gets.Load(), s.peeks.Load(), time.Now()
		got, err := values.GetOrSet(t.Context(), "k", func(context.Context) (string, error) { return "own", nil })
		if got != "own" || err != nil || time.Since(began) != timeout || s.gets.Load() != gets || s.peeks.Load() != peeks+1 {
			t.Errorf("got %q, %v, after %v, %d times asked and %d peeked", got, err, time.Since(began), s.gets.Load()-gets, s.peeks.Load()-peeks)
		}
	})
}

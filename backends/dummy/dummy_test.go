package dummy_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stratacache/strata/backends/dummy"
	"github.com/stratacache/strata/backends/locmem"
	"github.com/stratacache/strata/cache"
	"github.com/stratacache/strata/cache/driver"
)

func client(t *testing.T, opts *cache.Options) *cache.Client {
	t.Helper()
	c, err := cache.New(dummy.New(), opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(context.Background()); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return c
}

func is(t *testing.T, what string, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("%s: got error %v, want %v", what, err, want)
	}
}

func same[T comparable](t *testing.T, what string, got T, err error, want T) {
	t.Helper()
	if err != nil || got != want {
		t.Errorf("%s: got %v, %v, want %v", what, got, err, want)
	}
}

func TestNothingIsFound(t *testing.T) {
	t.Parallel()
	c, ctx := client(t, nil), t.Context()
	is(t, "Set", c.Set(ctx, "k", []byte("v")), nil)
	t.Run("LL-153", func(t *testing.T) {
		_, err := c.Get(ctx, "k")
		is(t, "Get", err, cache.ErrMiss)
		ok, err := c.Has(ctx, "k")
		same(t, "Has", ok, err, false)
		many, err := c.GetMany(ctx, "k", "l")
		same(t, "GetMany", len(many), err, 0)
	})
	t.Run("LL-154", func(t *testing.T) {
		for range 2 {
			ok, err := c.Add(ctx, "k", []byte("v"))
			same(t, "Add", ok, err, true)
		}
		ok, err := c.Delete(ctx, "k")
		same(t, "Delete", ok, err, false)
		n, err := c.DeleteMany(ctx, "k", "l")
		same(t, "DeleteMany", n, err, 0)
		ok, err = c.Touch(ctx, "k")
		same(t, "Touch", ok, err, false)
		is(t, "SetMany", c.SetMany(ctx, map[string][]byte{"k": nil, "l": nil}), nil)
		is(t, "Clear", c.Clear(ctx), nil)
		is(t, "Invalidate", c.Invalidate(ctx, "t"), nil)
	})
	t.Run("LL-155", func(t *testing.T) {
		is(t, "Set", cache.For[int](c).Set(ctx, "n", 5), nil)
		_, err := c.Incr(ctx, "n", 1)
		is(t, "Incr", err, cache.ErrMiss)
		_, err = c.Decr(ctx, "n", 1)
		is(t, "Decr", err, cache.ErrMiss)
		_, err = c.IncrVersion(ctx, "n", 1)
		is(t, "IncrVersion", err, cache.ErrMiss)
		_, err = c.DecrVersion(ctx, "n", 1)
		is(t, "DecrVersion", err, cache.ErrMiss)
		for range 2 {
			n, err := c.Incr(ctx, "n", 1, cache.Initial(7))
			same(t, "Incr with Initial", n, err, 8)
		}
	})
	t.Run("LL-156", func(t *testing.T) {
		loads := 0
		for i := range 3 {
			b, err := c.GetOrSet(ctx, "k", func(context.Context) ([]byte, error) {
				loads++
				return fmt.Appendf(nil, "load %d", loads), nil
			})
			same(t, "GetOrSet", string(b), err, fmt.Sprint("load ", i+1))
		}
	})
	t.Run("LL-157", func(t *testing.T) {
		c := client(t, &cache.Options{ValidateKey: cache.PortableKeys})
		for _, bad := range []string{"", "a b", strings.Repeat("k", 201)} {
			_, err := c.Get(ctx, bad)
			is(t, "Get", err, cache.ErrKey)
			_, err = c.GetMany(ctx, "ok", bad)
			is(t, "GetMany", err, cache.ErrKey)
			is(t, "Set", c.Set(ctx, bad, nil), cache.ErrKey)
			is(t, "SetMany", c.SetMany(ctx, map[string][]byte{"ok": nil, bad: nil}), cache.ErrKey)
			_, err = c.DeleteMany(ctx, "ok", bad)
			is(t, "DeleteMany", err, cache.ErrKey)
			_, err = c.Add(ctx, bad, nil)
			is(t, "Add", err, cache.ErrKey)
			_, err = c.Incr(ctx, bad, 1)
			is(t, "Incr", err, cache.ErrKey)
		}
		is(t, "a tag without a fence", c.Set(ctx, "k", nil, cache.Tags("t")), cache.ErrUnfenced)
		is(t, "an empty tag", c.Invalidate(ctx, ""), cache.ErrKey)
		is(t, "a value that is too large", client(t, &cache.Options{MaxValue: 1}).Set(ctx, "k", make([]byte, 2)), cache.ErrTooLarge)
	})
	t.Run("a fenced Set", func(t *testing.T) {
		f, err := c.Fence(ctx, "k")
		is(t, "Fence", err, nil)
		is(t, "Set", c.Set(ctx, "k", nil, cache.Fenced(f), cache.Tags("t")), nil)
		ok, err := c.Fill(ctx, "k", nil, f)
		same(t, "Fill", ok, err, false)
	})
}

// Callers at the same time share a load; one that comes after an invalidation of
// this process does not get what began to load before.
func TestConcurrentCallersShareALoad(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c, ctx := client(t, nil), t.Context()
		var loads, row atomic.Int64
		row.Store(1)
		load := func(context.Context) (int64, error) {
			loads.Add(1)
			seen := row.Load()
			time.Sleep(time.Second)
			return seen, nil
		}
		v := cache.For[int64](c)
		got := make(chan int64, 9)
		ask := func() {
			n, err := v.GetOrSet(ctx, "k", load)
			is(t, "GetOrSet", err, nil)
			got <- n
		}
		for range 8 {
			go ask()
		}
		synctest.Wait()
		if n := loads.Load(); n != 1 {
			t.Errorf("loads of 8 callers: got %d, want 1", n)
		}
		row.Store(2)
		is(t, "Invalidate", c.Invalidate(ctx, "t"), nil)
		n, err := v.GetOrSet(ctx, "k", load)
		same(t, "GetOrSet after the invalidation", n, err, 2)
		for range 8 {
			if n := <-got; n != 1 {
				t.Errorf("a caller from before: got %d, want 1", n)
			}
		}
		for name, write := range map[string]func() error{
			"Set":    func() error { return c.Set(ctx, "x", nil) },
			"Delete": func() error { _, err := c.Delete(ctx, "x"); return err },
			"Clear":  func() error { return c.Clear(ctx) },
		} {
			go ask()
			synctest.Wait()
			row.Add(1)
			is(t, name, write(), nil)
			n, err := v.GetOrSet(ctx, "k", load)
			same(t, "GetOrSet after "+name, n, err, row.Load())
			<-got
		}
	})
}

// A near tier in front of it stays empty.
func TestNearTierStaysEmpty(t *testing.T) {
	t.Parallel()
	near := locmem.New(nil)
	c, ctx := client(t, &cache.Options{Near: []cache.Tier{{Store: near}}}), t.Context()
	for i := range 3 {
		is(t, "Set", c.Set(ctx, "k", []byte("set")), nil)
		_, err := c.Get(ctx, "k")
		is(t, "Get", err, cache.ErrMiss)
		b, err := c.GetOrSet(ctx, "k", func(context.Context) ([]byte, error) { return fmt.Append(nil, i), nil })
		same(t, "GetOrSet", string(b), err, fmt.Sprint(i))
	}
	if n := near.Len(); n != 0 {
		t.Errorf("the near tier holds %d entries, want none", n)
	}
}

// The clock advances as that of any store, and what is unknown is refused.
func TestClock(t *testing.T) {
	t.Parallel()
	s, ctx, k := dummy.New(), t.Context(), driver.Key{Name: "k"}
	get := func() driver.Reading {
		r, err := s.Get(ctx, k, time.Hour)
		is(t, "Get", err, nil)
		return r
	}
	first := get()
	if first.Entry != nil || first.Fence.Token != 0 || first.Planted || first.Fence.Stamp.Epoch == 0 {
		t.Errorf("Get: got %+v, want a miss with an epoch and no token", first)
	}
	if dummy.New().Close(ctx) != nil || get() != first {
		t.Error("a read moved the clock")
	}
	one := &driver.Entry{Kind: driver.Integer, Payload: []byte("1")}
	put := func(m driver.Mode) func() (driver.Stamp, error) {
		return func() (driver.Stamp, error) { r, err := s.Put(ctx, k, &driver.Entry{}, m, 1); return r.Clock, err }
	}
	for _, step := range []struct {
		name     string
		do       func() (driver.Stamp, error)
		advances uint64
	}{
		{"Set", put(driver.Set), 1},
		{"Add", put(driver.Add), 1},
		{"Fill", put(driver.Fill), 0},
		{"SetFenced", put(driver.SetFenced), 1},
		{"Touch", func() (driver.Stamp, error) { r, err := s.Touch(ctx, k, driver.Life{}); return r.Clock, err }, 0},
		{"Incr", func() (driver.Stamp, error) { r, err := s.Incr(ctx, k, 1, one); return r.Clock, err }, 1},
		{"Invalidate", func() (driver.Stamp, error) { r, err := s.Invalidate(ctx, driver.Invalidation{}); return r.Clock, err }, 1},
	} {
		want := get().Fence.Stamp
		want.N += step.advances
		got, err := step.do()
		same(t, step.name, got, err, want)
		same(t, "clock after "+step.name, get().Fence.Stamp, nil, want)
	}
	_, err := s.Put(ctx, k, &driver.Entry{}, driver.SetFenced+1, 0)
	is(t, "an unknown mode", err, errors.ErrUnsupported)
	_, err = s.Put(ctx, k, &driver.Entry{Kind: driver.Coded + 1}, driver.Set, 0)
	is(t, "an unknown kind", err, errors.ErrUnsupported)
	_, err = s.Incr(ctx, k, 1, &driver.Entry{Payload: []byte("1")})
	is(t, "Incr from what is no integer", err, driver.ErrNotInteger)
	ended, cancel := context.WithCancel(ctx)
	cancel()
	_, err = s.Get(ended, k, 0)
	is(t, "Get with a context that has ended", err, context.Canceled)
}

// CFG-033
func TestURL(t *testing.T) {
	t.Parallel()
	for _, good := range []string{"dummy://", "dummycache://", "dummy:///", "locmem:// dummy://", "dummy://name"} {
		c, err := cache.Open(t.Context(), good, nil)
		if err != nil {
			t.Errorf("%s: %v", good, err)
			continue
		}
		is(t, good, c.Ping(t.Context()), nil)
		is(t, good, c.Close(t.Context()), nil)
	}
	for bad, want := range map[string]string{
		"dummy://?size=1": `"size"`, "dummy:///path": "no more than", "dummy://u:secret@host": "no more than", "dummy:x": "no more than",
	} {
		_, err := cache.Open(t.Context(), bad, nil)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: got %v, want an error with %s", bad, err, want)
		}
	}
}

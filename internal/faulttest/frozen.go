package faulttest

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/stratacache/strata/cache/driver"
)

// testFrozen: a server that hangs keeps nobody longer than until the deadline,
// and serves again once it goes on.
func testFrozen(t *testing.T, h Harness) {
	server := h.Start(t)
	s := h.Open(t, server.Addr)
	ctx := t.Context()
	if _, err := s.Put(ctx, keyOf("k"), &driver.Entry{Payload: []byte("v"), Life: long()}, driver.Set, 0); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Incr(ctx, keyOf("n"), 1, &driver.Entry{Kind: driver.Integer, Payload: []byte("1"), Life: long()}); err != nil {
		t.Fatal(err)
	}
	server.Freeze()
	var wg sync.WaitGroup
	for what, call := range calls(s) {
		wg.Go(func() {
			ctx, cancel := context.WithTimeout(ctx, 300*time.Millisecond)
			defer cancel()
			began := time.Now()
			err := call(ctx)
			late := time.Since(began) - 300*time.Millisecond
			switch {
			case err == nil:
				t.Errorf("%s of a frozen server: got no error", what)
			case late > patience/4:
				t.Errorf("%s of a frozen server: returned %v after its deadline", what, late)
			default:
				t.Logf("%s: %v after its deadline: %v", what, late.Round(time.Millisecond), err)
			}
		})
	}
	wg.Wait()
	server.Thaw()
	// The calls may have been done after all, but no answer to one of them may be
	// taken for the answer to another.
	again := until(t, "service after the thaw", func() bool {
		call, cancel := context.WithTimeout(ctx, time.Second)
		defer cancel()
		return s.Ping(call) == nil
	})
	t.Logf("served again %v after the thaw", again.Round(time.Millisecond))
	for i := range 50 {
		want := time.Now().String()
		name := name(i % 5)
		if _, err := s.Put(ctx, keyOf(name), &driver.Entry{Payload: []byte(want), Life: long()}, driver.Set, 0); err != nil {
			t.Fatal(err)
		}
		if r, err := s.Get(ctx, keyOf(name), 0); err != nil || r.Entry == nil || string(r.Entry.Payload) != want {
			t.Fatalf("after the thaw: got %v, %v, want %q", r.Entry, err, want)
		}
	}
}

// calls is one of each.
func calls(s driver.Store) map[string]func(context.Context) error {
	entry := func() *driver.Entry { return &driver.Entry{Payload: []byte("w"), Life: long()} }
	return map[string]func(context.Context) error{
		"Get":    func(ctx context.Context) error { _, err := s.Get(ctx, keyOf("k"), 0); return err },
		"a miss": func(ctx context.Context) error { _, err := s.Get(ctx, keyOf("none"), time.Minute); return err },
		"Set":    func(ctx context.Context) error { _, err := s.Put(ctx, keyOf("k"), entry(), driver.Set, 0); return err },
		"Add":    func(ctx context.Context) error { _, err := s.Put(ctx, keyOf("a"), entry(), driver.Add, 0); return err },
		"Fill":   func(ctx context.Context) error { _, err := s.Put(ctx, keyOf("k"), entry(), driver.Fill, 7); return err },
		"Touch":  func(ctx context.Context) error { _, err := s.Touch(ctx, keyOf("k"), long()); return err },
		"Incr":   func(ctx context.Context) error { _, err := s.Incr(ctx, keyOf("n"), 1, nil); return err },
		"Ping":   s.Ping,
		"GetMany": func(ctx context.Context) error {
			return firstReading(driver.GetMany(ctx, s, []driver.Key{keyOf("k"), keyOf("n")}, 0))
		},
		"PutMany": func(ctx context.Context) error {
			return driver.PutMany(ctx, s, []driver.Item{{Key: keyOf("p"), Entry: entry()}, {Key: keyOf("q"), Entry: entry()}})[0].Err
		},
		"Delete": func(ctx context.Context) error {
			_, err := s.Invalidate(ctx, driver.Invalidation{Keys: []driver.Key{keyOf("d")}})
			return err
		},
		"Invalidate": func(ctx context.Context) error {
			_, err := s.Invalidate(ctx, driver.Invalidation{Tags: []string{"t"}})
			return err
		},
		"Move": func(ctx context.Context) error { _, err := driver.Move(ctx, s, keyOf("k"), keyOf("m")); return err },
	}
}

// firstReading is the error of a batch, or of the first of its keys.
func firstReading(rs []driver.KeyReading, err error) error {
	if err != nil {
		return err
	}
	return rs[0].Err
}

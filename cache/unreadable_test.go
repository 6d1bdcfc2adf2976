package cache_test

import (
	"context"
	"errors"
	"testing"

	"github.com/stratacache/strata/backends/locmem"
	"github.com/stratacache/strata/cache"
	"github.com/stratacache/strata/cache/driver"
)

// What a wrapper has stored is a miss for a client that has it no more, and can
// be loaded anew.
func TestCodedEntryWithoutItsWrapper(t *testing.T) {
	t.Parallel()
	wrapped := true
	store := &tapped{Store: locmem.New(nil), put: func(ctx context.Context, key driver.Key, e *driver.Entry, mode driver.Mode, token driver.Token, next driver.Store) (driver.Result, error) {
		if wrapped {
			e = e.Clone()
			e.Kind, e.Payload = driver.Coded, append([]byte{byte(driver.Compressed)}, e.Payload...)
		}
		return next.Put(ctx, key, e, mode, token)
	}}
	var odd error
	c := open(t, store, &cache.Options{Hooks: cache.Hooks{Read: func(_ context.Context, i cache.ReadInfo) { odd = i.Odd }}})
	if err := c.Set(t.Context(), "k", []byte("old")); err != nil {
		t.Fatal(err)
	}
	wrapped = false

	if b, err := c.Get(t.Context(), "k"); !errors.Is(err, cache.ErrMiss) || !errors.Is(odd, driver.ErrNewer) {
		t.Errorf("Get: got %q, %v, odd %v, want a miss that was of a newer format", b, err, odd)
	}
	if m, err := c.GetMany(t.Context(), "k"); err != nil || len(m) != 0 {
		t.Errorf("GetMany: got %q, %v, want nothing", m, err)
	}
	load := func(context.Context) ([]byte, error) { return []byte("new"), nil }
	if b, err := c.GetOrSet(t.Context(), "k", load); string(b) != "new" || err != nil {
		t.Errorf("GetOrSet: got %q, %v", b, err)
	}
	if b, err := c.Get(t.Context(), "k"); string(b) != "new" || err != nil {
		t.Errorf("Get after the load: got %q, %v", b, err)
	}
}

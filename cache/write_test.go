package cache_test

import (
	"errors"
	"testing"
	"testing/synctest"

	"github.com/stratacache/strata/cache"
)

func TestALoadIsStampedBeforeItReads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client := open(t, nil, nil)
		c := cache.For[string](client)
		f, err := c.Fence(t.Context(), "k")
		if err != nil {
			t.Fatal(err)
		}
		old := "read before the invalidation"
		if err := client.Invalidate(t.Context(), "discovered"); err != nil {
			t.Fatal(err)
		}
		stored, err := c.Fill(t.Context(), "k", old, f, cache.Tags("discovered"))
		if stored || err != nil {
			t.Errorf("Fill after the invalidation of a tag that was discovered: got %v, %v; want false", stored, err)
		}
		f, _ = c.Fence(t.Context(), "k")
		if stored, err := c.Fill(t.Context(), "k", "new", f, cache.Tags("discovered")); !stored || err != nil {
			t.Errorf("Fill under a newer fence: got %v, %v; want true (equal is valid)", stored, err)
		}
		if got, err := c.Get(t.Context(), "k"); got != "new" || err != nil {
			t.Errorf("Get: got %q, %v; want new", got, err)
		}
	})
}

func TestWriteThrough(t *testing.T) {
	client := open(t, nil, nil)
	c := cache.For[string](client)
	ctx := t.Context()
	if err := c.Set(ctx, "k", "v", cache.Tags("t")); !errors.Is(err, cache.ErrUnfenced) {
		t.Errorf("Set with tags and no fence: got %v, want ErrUnfenced", err)
	}
	f, _ := c.Fence(ctx, "k")
	if err := c.Set(ctx, "k", "v1", cache.Tags("t"), cache.Fenced(f)); err != nil {
		t.Fatal(err)
	}
	if got, _ := c.Get(ctx, "k"); got != "v1" {
		t.Errorf("a fenced Set: got %q, want v1", got)
	}
	f, _ = c.Fence(ctx, "k")
	_ = client.Invalidate(ctx, "t") // another writer
	if err := c.Set(ctx, "k", "v2", cache.Tags("t"), cache.Fenced(f)); err != nil {
		t.Fatal(err)
	}
	if got, err := c.Get(ctx, "k"); !errors.Is(err, cache.ErrMiss) {
		t.Errorf("a fenced Set that was overtaken: got %q, %v; want ErrMiss: the key is removed", got, err)
	}
	other, _ := c.Fence(ctx, "other")
	if err := c.Set(ctx, "k", "v", cache.Fenced(other)); !errors.Is(err, cache.ErrKey) {
		t.Errorf("a fence of another key: got %v, want ErrKey", err)
	}
	if err := c.Set(ctx, "k", "v", cache.Fenced(cache.Fence{})); !errors.Is(err, cache.ErrKey) {
		t.Errorf("no fence at all: got %v, want ErrKey", err)
	}
}

package redisstore_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stratacache/strata/backends/locmem"
	"github.com/stratacache/strata/cache"
	"github.com/stratacache/strata/internal/servertest"
)

// A primary that lost its replicas answers reads and refuses every write: the
// worst outage for a cache, whose old values are all there. What this process
// wanted to be invalidated is not served here, and is gone everywhere when the
// server takes writes again.
func TestInvalidationsSurviveAServerThatRefusesThem(t *testing.T) {
	t.Parallel()
	server := servertest.Redis(t)
	rdb := client(t, server.Addr)
	replicas := func(n string) {
		t.Helper()
		if err := rdb.ConfigSet(t.Context(), "min-replicas-to-write", n).Err(); err != nil {
			t.Fatal(err)
		}
	}
	var clients []cache.Typed[string]
	var owing *cache.Client
	for range 2 {
		c, err := cache.New(over(t, client(t, server.Addr), "recovery"), &cache.Options{
			StoreTimeout: 10 * time.Second, Near: []cache.Tier{{Store: locmem.New(nil)}, {Store: over(t, client(t, server.Addr), "middle"), Timeout: 10 * time.Second}},
		})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Close(context.Background()) })
		clients, owing = append(clients, cache.For[string](c)), c
	}
	other, own := clients[0], clients[1]
	for _, k := range []string{"key", "tag", "bystander"} {
		if _, err := other.GetOrSet(t.Context(), k, func(context.Context) (string, error) { return "old", nil }, cache.Tags("t:"+k)); err != nil {
			t.Fatal(err)
		}
		if got, err := own.Get(t.Context(), k); got != "old" || err != nil {
			t.Fatalf("%s: got %q, %v", k, got, err)
		}
	}
	replicas("1")
	if _, err := own.Delete(t.Context(), "key"); !errors.Is(err, cache.ErrUnavailable) {
		t.Errorf("Delete: got %v, want an outage", err)
	}
	if err := owing.Invalidate(t.Context(), "t:tag"); !errors.Is(err, cache.ErrUnavailable) {
		t.Errorf("Invalidate: got %v, want an outage", err)
	}
	for range 5 {
		for k, want := range map[string]string{"key": "", "tag": "", "bystander": "old"} {
			got, err := own.Get(t.Context(), k)
			if got != want || want == "" && !errors.Is(err, cache.ErrMiss) {
				t.Errorf("in the outage, %s: got %q, %v; want %q", k, got, err, want)
			}
		}
	}
	if got, err := own.GetOrSet(t.Context(), "key", func(context.Context) (string, error) { return "new", nil }); got != "new" || err != nil {
		t.Errorf("in the outage: got %q, %v; want what the loader has", got, err)
	}
	if s := owing.Stats(); s.Owed != 2 {
		t.Errorf("in the outage: got %+v; want 2 owed", s)
	}
	replicas("0")
	until(t, "what is owed to be taken", func() bool { return owing.Stats().Owed == 0 })
	until(t, "the other process to see it", func() bool {
		_, err1 := other.Get(t.Context(), "key")
		_, err2 := other.Get(t.Context(), "tag")
		return errors.Is(err1, cache.ErrMiss) && errors.Is(err2, cache.ErrMiss)
	})
	if got, err := other.Get(t.Context(), "bystander"); got != "old" || err != nil {
		t.Errorf("bystander: got %q, %v; want old", got, err)
	}
}

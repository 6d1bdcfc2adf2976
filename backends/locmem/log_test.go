package locmem_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stratacache/strata/backends/locmem"
	"github.com/stratacache/strata/cache"
)

// Clients of one process, each with a tier of its own before a store that they
// share, as processes before a server: what one writes leaves the other's tier at
// once, and what concerns others does not.
func TestClientsOfOneProcessFollowTheLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		shared := locmem.New(nil)
		client := func() *cache.Client {
			c, err := cache.New(shared, &cache.Options{Near: []cache.Tier{{Store: locmem.New(nil)}}, Staleness: 24 * time.Hour})
			if err != nil {
				t.Fatal(err)
			}
			return c
		}
		a, b := client(), client()
		defer a.Close(t.Context())
		defer b.Close(t.Context())
		set := func(key, value string) {
			t.Helper()
			if err := a.Set(t.Context(), key, []byte(value)); err != nil {
				t.Fatal(err)
			}
		}
		read := func(key, want string) (near bool) {
			t.Helper()
			before := b.Stats().NearHits
			if got, err := b.Get(t.Context(), key); err != nil || string(got) != want {
				t.Errorf("%s: got %q, %v, want %q", key, got, err, want)
			}
			return b.Stats().NearHits > before
		}
		set("k", "old")
		for range 3 { // until the log is followed
			read("k", "old")
			time.Sleep(10 * time.Millisecond)
		}
		if !read("k", "old") {
			t.Fatal("there is no copy that is trusted")
		}
		for range 20 {
			set("other", "v")
			if err := a.Invalidate(t.Context(), "tag"); err != nil {
				t.Fatal(err)
			}
			time.Sleep(10 * time.Millisecond)
		}
		if !read("k", "old") {
			t.Error("what concerns other keys cost a copy")
		}
		set("k", "new")
		time.Sleep(10 * time.Millisecond) // of the bubble; a day is the bound
		if read("k", "new") {
			t.Error("a copy outlived what replaced it")
		}
	})
}

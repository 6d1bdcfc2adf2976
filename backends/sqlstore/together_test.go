package sqlstore_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stratacache/strata/cache/driver"
)

// Values that a server would not take in one packet are stored all the same.
func TestManyLargeValues(t *testing.T) {
	onAll(t, func(t *testing.T, d database) {
		s := d.open(t)
		items := make([]driver.Item, 20)
		keys := make([]driver.Key, len(items))
		for i := range items {
			keys[i] = key(fmt.Sprint(i))
			items[i] = driver.Item{Key: keys[i], Entry: value(strings.Repeat(string(rune('a'+i)), 1<<20))}
		}
		for i, r := range s.PutMany(t.Context(), items) {
			if r.Err != nil || !r.Done {
				t.Fatalf("item %d: %+v, %v", i, r.Result, r.Err)
			}
		}
		rs, err := s.GetMany(t.Context(), keys, 0)
		if err != nil {
			t.Fatal(err)
		}
		for i, r := range rs {
			if r.Entry == nil || !bytes.Equal(r.Entry.Payload, bytes.Repeat([]byte{byte('a' + i)}, 1<<20)) {
				t.Errorf("key %d is not what was set", i)
			}
		}
	})
}

// Callers that come at once each get what is theirs: large values and small, keys of
// others and their own, with holds and without.
func TestManyCallers(t *testing.T) {
	onAll(t, func(t *testing.T, d database) {
		s := d.open(t)
		before := get(t, s, "none", 0).Fence.Stamp.N
		const callers, rounds = 24, 8
		var wg sync.WaitGroup
		for g := range callers {
			wg.Go(func() {
				name := fmt.Sprint("key ", g)
				for i := range rounds {
					payload := strings.Repeat(fmt.Sprintf("%d/%d ", g, i), 1+i%2*5000)
					if r, err := s.Put(t.Context(), key(name), value(payload), driver.Set, 0); err != nil || !r.Done {
						t.Errorf("Set: %+v, %v", r, err)
						return
					}
					r, err := s.Get(t.Context(), key(name), time.Duration(i%3)*time.Minute)
					if err != nil || r.Entry == nil || string(r.Entry.Payload) != payload {
						t.Errorf("Get of what %d set: %+v, %v", g, r, err)
						return
					}
					absent := fmt.Sprint("absent ", i)
					if r, err := s.Get(t.Context(), key(absent), time.Duration(g%2)*time.Minute); err != nil || r.Entry != nil {
						t.Errorf("Get of what is not there: %+v, %v", r, err)
						return
					}
				}
			})
		}
		wg.Wait()
		if n := get(t, s, "none", 0).Fence.Stamp.N; n != before+callers*rounds {
			t.Errorf("the clock went from %d to %d, by %d Sets", before, n, callers*rounds)
		}
	})
}

// Who leaves says so as anybody whose context ended.
func TestLeaving(t *testing.T) {
	onAll(t, func(t *testing.T, d database) {
		s := d.open(t)
		set(t, s, "k", value("v"))
		var wg sync.WaitGroup
		for g := range 32 {
			wg.Go(func() {
				ctx, cancel := context.WithTimeout(t.Context(), time.Duration(g)*100*time.Microsecond)
				defer cancel()
				r, err := s.Get(ctx, key("k"), 0)
				switch {
				case err == nil && (r.Entry == nil || string(r.Entry.Payload) != "v"):
					t.Errorf("Get: %+v", r)
				case err != nil && (!errors.Is(err, context.DeadlineExceeded) || !strings.HasPrefix(err.Error(), "sqlstore: get")):
					t.Errorf("Get: %v", err)
				}
			})
		}
		wg.Wait()
		want(t, s, "k", "v")
	})
}

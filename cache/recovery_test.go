package cache_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stratacache/strata/backends/locmem"
	"github.com/stratacache/strata/cache"
	"github.com/stratacache/strata/cache/driver"
)

// outage is a store that takes no invalidations while it is deaf: the worst kind
// of outage, because reads and fills still work.
type outage struct {
	*tapped
	deaf   atomic.Bool
	poison atomic.Value // a key that it never takes
	taken  atomic.Int64
	steps  atomic.Int64 // invalidations that it was asked for
}

func newOutage() *outage {
	o := &outage{tapped: &tapped{Store: locmem.New(nil)}}
	o.poison.Store("")
	o.invalidate = func(ctx context.Context, what driver.Invalidation, next driver.Store) (driver.Invalidated, error) {
		o.steps.Add(1)
		if o.deaf.Load() {
			return driver.Invalidated{}, errDown
		}
		for _, k := range what.Keys {
			if k.Name == o.poison.Load() {
				return driver.Invalidated{}, errDown
			}
		}
		o.taken.Add(int64(len(what.Keys) + len(what.Tags)))
		return next.Invalidate(ctx, what)
	}
	return o
}

func value(v string) func(context.Context) (string, error) {
	return func(context.Context) (string, error) { return v, nil }
}

func TestWhatIsOwedIsNotServed(t *testing.T) {
	for _, near := range []int{0, 2} {
		synctest.Test(t, func(t *testing.T) {
			store := newOutage()
			opts := &cache.Options{Stale: time.Hour}
			for range near {
				opts.Near = append(opts.Near, cache.Tier{Store: locmem.New(nil)})
			}
			client := open(t, store, opts)
			c := cache.For[string](client)
			must := func(key, loads, want string) {
				t.Helper()
				began := time.Now()
				got, err := c.GetOrSet(t.Context(), key, value(loads), cache.Tags("t:"+key))
				if got != want || err != nil {
					t.Errorf("%d near tiers, %s: got %q, %v; want %s", near, key, got, err, want)
				}
				if took := time.Since(began); took != 0 {
					t.Errorf("%d near tiers, %s: waited %v for nobody", near, key, took)
				}
			}
			for _, key := range []string{"key", "tag", "prefix", "other"} {
				must(key, "old", "old")
				must(key, "lost", "old")
			}
			shop := cache.For[string](client.WithPrefix("shop"))
			_, _ = shop.GetOrSet(t.Context(), "p", value("old"))
			store.deaf.Store(true)
			if _, err := client.Delete(t.Context(), "key"); !errors.Is(err, errDown) || !errors.Is(err, cache.ErrUnavailable) {
				t.Errorf("Delete: got %v, want the outage", err)
			}
			if err := client.Invalidate(t.Context(), "t:tag"); !errors.Is(err, errDown) {
				t.Errorf("Invalidate: got %v, want the outage", err)
			}
			if err := client.WithPrefix("shop").Clear(t.Context()); !errors.Is(err, errDown) {
				t.Errorf("Clear: got %v, want the outage", err)
			}
			for round := range 3 { // what is loaded meanwhile is not served as known
				new := fmt.Sprintf("new %d", round)
				must("key", new, new)
				must("tag", new, new)
				must("other", new, "old")
				if got, err := shop.GetOrSet(t.Context(), "p", value(new)); got != new || err != nil {
					t.Errorf("under the prefix: got %q, %v; want %s", got, err, new)
				}
				if got, err := c.Get(t.Context(), "key"); !errors.Is(err, cache.ErrMiss) {
					t.Errorf("Get: got %q, %v; want ErrMiss", got, err)
				}
				if got, err := c.GetMany(t.Context(), "key", "tag", "other"); len(got) != 1 || got["other"] != "old" || err != nil {
					t.Errorf("GetMany: got %v, %v; want the other key alone", got, err)
				}
				time.Sleep(time.Second)
			}
			if s := client.Stats(); s.Owed != 3 || s.Queued != 3 || s.Replayed != 0 || s.Stored != 5 {
				t.Errorf("during the outage: got %+v; want 3 owed, 3 queued, none replayed, 5 stored as before", s)
			}
			store.deaf.Store(false)
			time.Sleep(10 * time.Second)
			if s := client.Stats(); s.Owed != 0 || s.Queued != 3 || s.Replayed != 3 {
				t.Errorf("after it: got %+v; want none owed, 3 replayed", s)
			}
			must("key", "newest", "newest")
			must("key", "lost", "newest") // it is stored again
			must("tag", "newest", "newest")
			must("other", "lost", "old")
		})
	}
}

// A load from before the invalidation is no good for a caller from after it,
// though the store knows of nothing.
func TestWhatIsOwedIsNotJoined(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := newOutage()
		client := open(t, store, nil)
		c := cache.For[string](client)
		var db database
		db.write()
		load := func(context.Context) (string, error) {
			v := db.read()
			time.Sleep(time.Second)
			return v, nil
		}
		store.deaf.Store(true)
		for range 2 {
			go func() { _, _ = c.GetOrSet(t.Context(), "k", load, cache.Tags("t")) }()
		}
		synctest.Wait()
		db.write()
		_ = client.Invalidate(t.Context(), "t")
		for range 2 {
			go func() {
				if got, err := c.GetOrSet(t.Context(), "k", load, cache.Tags("t")); got != "v2" || err != nil {
					t.Errorf("after the invalidation: got %q, %v; want v2", got, err)
				}
			}()
		}
		time.Sleep(3 * time.Second)
		if s := client.Stats(); s.Loads != 2 {
			t.Errorf("loads: got %d, want 2: one before the invalidation, one after", s.Loads)
		}
		store.deaf.Store(false)
		time.Sleep(10 * time.Second)
	})
}

// The first reader that the store answers has what is owed sent, whatever the
// pause was.
func TestWhatIsOwedIsSentWhenTheStoreAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := newOutage()
		client := open(t, store, nil)
		store.deaf.Store(true)
		_, _ = client.Delete(t.Context(), "k")
		time.Sleep(time.Minute)
		before := store.steps.Load()
		time.Sleep(time.Minute)
		if n := store.steps.Load() - before; n < 5 || n > 30 {
			t.Errorf("during a minute of outage: %d tries, want about 12", n)
		}
		store.deaf.Store(false)
		_, _ = client.Get(t.Context(), "other")
		time.Sleep(100 * time.Millisecond)
		if s := client.Stats(); s.Owed != 0 {
			t.Errorf("after an answer: %d owed, want none", s.Owed)
		}
	})
}

func TestTooMuchOwedBecomesAClear(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := newOutage()
		var overflowed []cache.EventInfo
		client := open(t, store, &cache.Options{Recovery: 10, Hooks: cache.Hooks{Event: func(_ context.Context, i cache.EventInfo) {
			if i.Event == cache.Overflowed {
				overflowed = append(overflowed, i)
			}
		}}})
		_ = client.Set(t.Context(), "bystander", []byte("v"))
		_ = client.Set(t.Context(), "k3", []byte("v"))
		store.deaf.Store(true)
		for i := range 10 {
			_, _ = client.Delete(t.Context(), fmt.Sprint("k", i))
			_, _ = client.Delete(t.Context(), fmt.Sprint("k", i)) // once is enough
		}
		if _, err := client.Get(t.Context(), "bystander"); err != nil {
			t.Errorf("within the bound: got %v, want the value", err)
		}
		_, _ = client.Delete(t.Context(), "one more")
		_, _ = client.Delete(t.Context(), "and more")
		if s := client.Stats(); s.Owed != 1 || s.Overflows != 1 || len(overflowed) != 1 || overflowed[0].Names != 11 {
			t.Errorf("over the bound: got %+v, %+v; want one Clear owed, for 11 names", s, overflowed)
		}
		if _, err := client.Get(t.Context(), "bystander"); !errors.Is(err, cache.ErrMiss) {
			t.Errorf("over the bound: got %v, want ErrMiss: everything is cleared", err)
		}
		store.deaf.Store(false)
		time.Sleep(10 * time.Second)
		if n := store.taken.Load(); n != 1 {
			t.Errorf("the store was sent %d names, want the Clear", n)
		}
		for _, key := range []string{"bystander", "k3"} {
			if _, err := client.Get(t.Context(), key); !errors.Is(err, cache.ErrMiss) {
				t.Errorf("%s: got %v, want ErrMiss", key, err)
			}
		}
	})
}

// A Clear that is owed stands for what comes after it, and the books balance.
func TestAClearThatIsOwed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := newOutage()
		client := open(t, store, nil)
		_ = client.Set(t.Context(), "bystander", []byte("v"))
		store.deaf.Store(true)
		_, _ = client.Delete(t.Context(), "before")
		_ = client.Clear(t.Context())
		_, _ = client.Delete(t.Context(), "after")
		if s := client.Stats(); s.Owed != 2 || s.Queued != 2 {
			t.Errorf("got %+v; want a key and the Clear owed", s)
		}
		if got, err := client.Get(t.Context(), "bystander"); !errors.Is(err, cache.ErrMiss) {
			t.Errorf("got %q, %v; want ErrMiss", got, err)
		}
		store.deaf.Store(false)
		time.Sleep(10 * time.Second)
		if s := client.Stats(); s.Owed != 0 || s.Replayed != 2 || store.taken.Load() != 2 {
			t.Errorf("got %+v; want both taken", s)
		}
	})
}

// A thousand invalidations during an outage are all sent, in few steps; one
// that the store never takes holds up none of the others.
func TestAPoisonousKeyHoldsUpNone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := newOutage()
		client := open(t, store, nil)
		store.deaf.Store(true)
		store.poison.Store("k17")
		for i := range 1000 {
			_, _ = client.Delete(t.Context(), fmt.Sprint("k", i))
		}
		time.Sleep(10 * time.Second)
		before := store.steps.Load()
		store.deaf.Store(false)
		time.Sleep(time.Minute)
		if s := client.Stats(); s.Owed != 1 || s.Replayed != 999 {
			t.Errorf("got %+v; want all but one replayed", s)
		}
		if n := store.steps.Load() - before; n > 60 {
			t.Errorf("%d steps, want few", n)
		}
		store.poison.Store("")
		time.Sleep(10 * time.Second)
		if s := client.Stats(); s.Owed != 0 {
			t.Errorf("got %+v; want none owed", s)
		}
	})
}

// What the store takes otherwise is not owed any more.
func TestWhatIsPaidIsNotOwed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for name, pay := range map[string]func(*cache.Client) error{
			"the same again": func(c *cache.Client) error { _, err := c.Delete(t.Context(), "k"); return err },
			"a Clear":        func(c *cache.Client) error { return c.Clear(t.Context()) },
			"a Set":          func(c *cache.Client) error { return c.Set(t.Context(), "k", []byte("new")) },
			"a batch":        func(c *cache.Client) error { return c.SetMany(t.Context(), map[string][]byte{"k": []byte("new")}) },
		} {
			store := newOutage()
			client := open(t, store, nil)
			_ = client.Set(t.Context(), "k", []byte("old"))
			store.deaf.Store(true)
			_, _ = client.Delete(t.Context(), "k")
			store.deaf.Store(false)
			if err := pay(client); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			if s := client.Stats(); s.Owed != 0 || s.Replayed != 1 {
				t.Errorf("%s: got %+v; want nothing owed", name, s)
			}
			steps := store.steps.Load()
			time.Sleep(10 * time.Second)
			if n := store.steps.Load() - steps; n != 0 {
				t.Errorf("%s: %d more steps, want none", name, n)
			}
			if got, err := client.Get(t.Context(), "k"); strings.Contains(name, "a ") && name != "a Clear" && (string(got) != "new" || err != nil) {
				t.Errorf("%s: got %q, %v; want what was set", name, got, err)
			}
		}
	})
}

// Steps whose outcome depends on what stands there first send what is owed.
func TestWhatIsOwedIsSettledFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := newOutage()
		client := open(t, store, nil)
		numbers := cache.For[int64](client)
		owe := func() {
			t.Helper()
			store.deaf.Store(false)
			if err := numbers.Set(t.Context(), "k", 41); err != nil {
				t.Fatal(err)
			}
			store.deaf.Store(true)
			_, _ = client.Delete(t.Context(), "k")
		}
		owe()
		if _, err := client.Add(t.Context(), "k", []byte("v")); !errors.Is(err, errDown) {
			t.Errorf("Add in the outage: got %v, want the outage", err)
		}
		if added, err := client.Add(t.Context(), "free", []byte("v")); !added || err != nil {
			t.Errorf("Add of another key: got %v, %v; want it added", added, err)
		}
		store.deaf.Store(false)
		if added, err := client.Add(t.Context(), "k", []byte("v")); !added || err != nil {
			t.Errorf("Add: got %v, %v; want it added: what stood there was deleted", added, err)
		}
		owe()
		store.deaf.Store(false)
		if n, err := client.Incr(t.Context(), "k", 1, cache.Initial(0)); n != 1 || err != nil {
			t.Errorf("Incr: got %d, %v; want 1", n, err)
		}
		owe()
		store.deaf.Store(false)
		if done, err := client.Touch(t.Context(), "k"); done || err != nil {
			t.Errorf("Touch: got %v, %v; want nothing touched", done, err)
		}
		owe()
		store.deaf.Store(false)
		if _, err := client.IncrVersion(t.Context(), "k", 1); !errors.Is(err, cache.ErrMiss) {
			t.Errorf("IncrVersion: got %v, want ErrMiss", err)
		}
	})
}

func TestAFencedSetThatFailsIsOwed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := newOutage()
		client := open(t, store, nil)
		_ = client.Set(t.Context(), "fenced", []byte("old"))
		_ = client.Set(t.Context(), "set", []byte("old"))
		f, err := client.Fence(t.Context(), "fenced")
		if err != nil {
			t.Fatal(err)
		}
		store.put = func(context.Context, driver.Key, *driver.Entry, driver.Mode, driver.Token, driver.Store) (driver.Result, error) {
			return driver.Result{}, errDown
		}
		if err := client.Set(t.Context(), "fenced", []byte("new"), cache.Fenced(f)); !errors.Is(err, errDown) {
			t.Errorf("fenced: got %v, want the outage", err)
		}
		if err := client.Set(t.Context(), "set", []byte("new")); !errors.Is(err, errDown) {
			t.Errorf("plain: got %v, want the outage", err)
		}
		if got, err := client.Get(t.Context(), "fenced"); !errors.Is(err, cache.ErrMiss) {
			t.Errorf("fenced: got %q, %v; want ErrMiss: the value is known to be outdated", got, err)
		}
		if got, err := client.Get(t.Context(), "set"); string(got) != "old" || err != nil {
			t.Errorf("plain: got %q, %v; want what stood there", got, err)
		}
		time.Sleep(10 * time.Second)
		if n := store.taken.Load(); n != 1 {
			t.Errorf("the store was sent %d names, want the fenced key", n)
		}
	})
}

func TestCloseSendsWhatIsOwed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := newOutage()
		client := open(t, store, nil)
		store.deaf.Store(true)
		_, _ = client.DeleteMany(t.Context(), "a", "b", "c")
		_ = client.Invalidate(t.Context(), "t")
		go func() {
			time.Sleep(5 * time.Second)
			store.deaf.Store(false)
		}()
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if err := client.Close(ctx); err != nil {
			t.Errorf("Close: got %v, want nil", err)
		}
		if n := store.taken.Load(); n != 5 { // a tag has a twin
			t.Errorf("the store was sent %d names, want 5", n)
		}
	})
}

func TestCloseTellsWhatIsLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, patience := range []time.Duration{time.Minute, cache.Forever} {
			store := newOutage()
			client := open(t, store, nil)
			store.deaf.Store(true)
			_, _ = client.DeleteMany(t.Context(), "a", "b", "c")
			_ = client.Invalidate(t.Context(), "t")
			ctx, cancel := context.Background(), func() {}
			if patience != cache.Forever {
				ctx, cancel = context.WithTimeout(ctx, patience)
			}
			began := time.Now()
			err := client.Close(ctx)
			cancel()
			if !errors.Is(err, cache.ErrUndelivered) || !errors.Is(err, errDown) || !strings.Contains(err.Error(), "3 keys and 1 tags") {
				t.Errorf("Close: got %v, want what is left, and why", err)
			}
			if took := time.Since(began); patience == cache.Forever && took > time.Second || patience != cache.Forever && took < patience {
				t.Errorf("Close: took %v of %v", took, patience)
			}
		}
	})
}

func TestWithoutRecoveryNothingIsOwed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := newOutage()
		client := open(t, store, &cache.Options{Recovery: -1})
		store.deaf.Store(true)
		_, _ = client.Delete(t.Context(), "k")
		store.deaf.Store(false)
		time.Sleep(time.Minute)
		if s := client.Stats(); s.Owed != 0 || s.Queued != 0 || store.steps.Load() != 1 {
			t.Errorf("got %+v; want nothing remembered", s)
		}
	})
}

// What was replayed is taken in here like any invalidation, before it counts as
// paid: a near tier still has the copy, and was verified a moment ago.
func TestWhatWasReplayedIsKnownHere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := newOutage()
		client := open(t, store, &cache.Options{Near: []cache.Tier{{Store: locmem.New(nil)}}})
		c := cache.For[string](client)
		_, _ = c.GetOrSet(t.Context(), "k", value("old"), cache.Tags("t"))
		store.deaf.Store(true)
		_ = client.Invalidate(t.Context(), "t")
		store.deaf.Store(false)
		time.Sleep(time.Millisecond)
		_, _ = client.Get(t.Context(), "other") // verifies the near tier
		time.Sleep(200 * time.Millisecond)
		if s := client.Stats(); s.Owed != 0 {
			t.Fatalf("got %+v; want it replayed", s)
		}
		if got, err := c.GetOrSet(t.Context(), "k", value("new"), cache.Tags("t")); got != "new" || err != nil {
			t.Errorf("got %q, %v; want new", got, err)
		}
	})
}

// Between the two the old value would be served.
func TestDebtIsPaidOnceTheNearTiersKnow(t *testing.T) {
	for _, many := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			store := newOutage()
			var c *cache.Client
			var window string
			c = open(t, store, &cache.Options{Near: []cache.Tier{{Store: locmem.New(nil)}}, Hooks: cache.Hooks{Event: func(ctx context.Context, i cache.EventInfo) {
				if i.Event == cache.Replayed {
					b, _ := c.Get(context.Background(), "k")
					window = string(b)
				}
			}}})
			ctx := t.Context()
			_ = c.Set(ctx, "k", []byte("old"))
			_, _ = c.Get(ctx, "k")
			time.Sleep(time.Second)
			_, _ = c.Get(ctx, "k")
			store.deaf.Store(true)
			_, _ = c.Delete(ctx, "k")
			for range 20 {
				time.Sleep(100 * time.Millisecond)
				_, _ = c.Get(ctx, "other")
				_, _ = c.Get(ctx, "k")
			}
			if many {
				_ = c.SetMany(ctx, map[string][]byte{"k": []byte("new")})
			} else {
				_ = c.Set(ctx, "k", []byte("new"))
			}
			if window == "old" {
				t.Errorf("many=%v: the old value was served once the debt was paid", many)
			}
			store.deaf.Store(false)
		})
	}
}

// The debt of the target must not take what was moved there.
func TestMoveOntoADebt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := newOutage()
		c := open(t, store, nil)
		ctx := t.Context()
		v1, v2 := c.WithVersion(1), c.WithVersion(2)
		_ = v1.Set(ctx, "k", []byte("session"))
		store.deaf.Store(true)
		if _, err := v2.Delete(ctx, "k"); err == nil {
			t.Fatal("the Delete was told, and is owed by nobody")
		}
		store.deaf.Store(false)
		if _, err := v1.IncrVersion(ctx, "k", 1); err != nil {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Second)
		if got, err := v2.Get(ctx, "k"); string(got) != "session" {
			t.Errorf("what was moved over a debt is gone: %q %v", got, err)
		}
	})
}

// Where nobody may store, no placeholder is left for others to wait for.
func TestNoFenceForWhatIsOwed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOutage()
		_ = o.Store.Close(t.Context())
		shared := locmem.New(nil)
		defer shared.Close(context.Background())
		o.Store = remote{shared}
		client := open(t, o, nil)
		other := cache.For[string](open(t, remote{shared}, nil))
		o.deaf.Store(true)
		if _, err := client.Delete(t.Context(), "k"); err == nil {
			t.Fatal("Delete: got no error")
		}
		if got, err := cache.For[string](client).GetOrSet(t.Context(), "k", value("a")); got != "a" || err != nil {
			t.Errorf("got %q, %v", got, err)
		}
		began := time.Now()
		if got, err := other.GetOrSet(t.Context(), "k", value("b")); got != "b" || err != nil || time.Since(began) != 0 {
			t.Errorf("another process got %q, %v after %v: it waited for a load that is over", got, err, time.Since(began))
		}
		o.deaf.Store(false)
		time.Sleep(time.Minute) // it is replayed
	})
}

// downReads is an outage in which reads fail, or hang.
type downReads struct {
	*outage
	down, hangs atomic.Bool
}

func (s *downReads) Get(ctx context.Context, key driver.Key, hold time.Duration) (driver.Reading, error) {
	if s.hangs.Load() {
		<-ctx.Done()
		return driver.Reading{}, ctx.Err()
	}
	if s.down.Load() {
		return driver.Reading{}, errDown
	}
	return s.outage.Get(ctx, key, hold)
}

// Reads that fail do not have what is owed sent more often.
func TestReadsThatFailHurryNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &downReads{outage: newOutage()}
		c := open(t, s, nil)
		s.deaf.Store(true)
		if _, err := c.Delete(t.Context(), "k"); err == nil {
			t.Fatal("Delete: got no error")
		}
		s.down.Store(true)
		before := s.steps.Load()
		for began := time.Now(); time.Since(began) < 2*time.Minute; time.Sleep(20 * time.Millisecond) {
			_, _ = cache.For[string](c).GetOrSet(t.Context(), "other", value("a"))
		}
		if sent := s.steps.Load() - before; sent > 40 {
			t.Errorf("%d invalidations were sent within two minutes to a store that is down", sent)
		}
		s.down.Store(false)
		s.deaf.Store(false)
		time.Sleep(10 * time.Minute)
	})
}

// A key that is owed is waited for no longer than another.
func TestSoftTimeoutOfWhatIsOwed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const soft = 100 * time.Millisecond
		s := &downReads{outage: newOutage()}
		c := open(t, s, &cache.Options{StoreTimeout: 2 * time.Second, StoreSoftTimeout: soft})
		s.deaf.Store(true)
		if _, err := c.Delete(t.Context(), "k"); err == nil {
			t.Fatal("Delete: got no error")
		}
		s.hangs.Store(true)
		for _, name := range []string{"k", "other"} {
			began := time.Now()
			if got, err := cache.For[string](c).GetOrSet(t.Context(), name, value("a")); got != "a" || err != nil || time.Since(began) != soft {
				t.Errorf("%s: got %q, %v after %v, want it after %v", name, got, err, time.Since(began), soft)
			}
		}
		s.hangs.Store(false)
		s.deaf.Store(false)
		time.Sleep(time.Minute)
	})
}

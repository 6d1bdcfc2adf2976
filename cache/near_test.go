package cache_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stratacache/strata/backends/locmem"
	"github.com/stratacache/strata/cache"
	"github.com/stratacache/strata/cache/driver"
)

// process is one of several that share an authoritative store, each with a
// memory tier of its own.
type process struct {
	*cache.Client
	values cache.Typed[string]
	tap    *tapped
	asked  atomic.Int64 // reads that reached the shared store
	delay  func()       // in the reply of a read
}

func start(t *testing.T, shared driver.Store) *process {
	t.Helper()
	p := &process{}
	p.tap = &tapped{Store: shared}
	p.tap.get = func(ctx context.Context, key driver.Key, hold time.Duration, next driver.Store) (driver.Reading, error) {
		p.asked.Add(1)
		r, err := next.Get(ctx, key, hold)
		if p.delay != nil {
			p.delay()
		}
		return r, err
	}
	var store driver.Store = p.tap
	if log, ok := shared.(driver.LogReader); ok {
		store = tappedLog{p.tap, log}
	}
	p.Client = open(t, store, &cache.Options{Near: []cache.Tier{{Store: locmem.New(nil)}}})
	p.values = cache.For[string](p.Client)
	return p
}

// unlogged is a store that keeps no log, by whose one number near tiers go.
func unlogged() driver.Store { return struct{ driver.Store }{locmem.New(nil)} }

func (p *process) must(t *testing.T, want string, db *database) {
	t.Helper()
	got, err := p.values.GetOrSet(t.Context(), "k", func(context.Context) (string, error) { return db.read(), nil }, cache.Tags("t"))
	if got != want || err != nil {
		t.Errorf("got %q, %v; want %s", got, err, want)
	}
}

func TestNearTierServesWithoutAsking(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		shared := unlogged()
		var db database
		db.write()
		a := start(t, shared)
		a.must(t, "v1", &db)
		before := a.asked.Load()
		for range 100 {
			a.must(t, "v1", &db)
		}
		if n := a.asked.Load() - before; n != 0 {
			t.Errorf("within the bound: the shared store was asked %d times, want 0", n)
		}
		if s := a.Stats(); s.NearHits != 100 || s.Misses != 1 || s.Loads != 1 {
			t.Errorf("stats: got %+v; want 100 near hits, 1 miss, 1 load", s)
		}
		time.Sleep(501 * time.Millisecond) // past the bound, the store must be asked, once
		for range 100 {
			a.must(t, "v1", &db)
		}
		if n := a.asked.Load() - before; n != 1 {
			t.Errorf("after the bound: the shared store was asked %d times, want 1", n)
		}
	})
}

// On the process that invalidated at once, on others within the bound.
func TestNearTierForgetsWhatWasInvalidated(t *testing.T) {
	for name, invalidate := range map[string]func(context.Context, *process) error{
		"key":   func(ctx context.Context, p *process) error { _, err := p.Delete(ctx, "k"); return err },
		"tag":   func(ctx context.Context, p *process) error { return p.Invalidate(ctx, "t") },
		"clear": func(ctx context.Context, p *process) error { return p.Clear(ctx) },
		"set":   func(ctx context.Context, p *process) error { return p.values.Set(ctx, "k", "v2") },
	} {
		t.Run(name, func(t *testing.T) {
			withAndWithoutLog(t, func(t *testing.T, shared *logged) {
				var db database
				db.write()
				a, b := startOn(t, shared), startOn(t, shared)
				a.must(t, "v1", &db)
				b.must(t, "v1", &db)
				db.write()
				if err := invalidate(t.Context(), a); err != nil {
					t.Fatal(err)
				}
				a.must(t, "v2", &db)
				time.Sleep(501 * time.Millisecond)
				b.must(t, "v2", &db)
			})
		})
	}
}

// A copy that was read before an invalidation and arrives after it must not
// enter the near tier as if it were newer.
func TestNearTierRefusesACopyThatWasOvertaken(t *testing.T) {
	withAndWithoutLog(t, func(t *testing.T, shared *logged) {
		var db database
		db.write()
		a, b := startOn(t, shared), startOn(t, shared)
		b.must(t, "v1", &db) // it is in the shared store
		read, goOn := make(chan struct{}), make(chan struct{})
		var first atomic.Bool
		a.delay = func() {
			if first.CompareAndSwap(false, true) {
				close(read)
				<-goOn
			}
		}
		var wg sync.WaitGroup
		wg.Go(func() { a.must(t, "v1", &db) }) // begun before the invalidation
		<-read
		db.write()
		if err := a.Invalidate(t.Context(), "t"); err != nil {
			t.Fatal(err)
		}
		close(goOn)
		wg.Wait()
		a.must(t, "v2", &db)
	})
}

// The same for the result of a load of this process, whose reply is late.
func TestNearTierRefusesALoadThatWasOvertaken(t *testing.T) {
	withAndWithoutLog(t, func(t *testing.T, shared *logged) {
		var db database
		db.write()
		a := startOn(t, shared)
		stored, goOn := make(chan struct{}), make(chan struct{})
		var first atomic.Bool
		a.tap.put = func(ctx context.Context, key driver.Key, e *driver.Entry, mode driver.Mode, token driver.Token, next driver.Store) (driver.Result, error) {
			r, err := next.Put(ctx, key, e, mode, token)
			if first.CompareAndSwap(false, true) {
				close(stored)
				<-goOn
			}
			return r, err
		}
		var wg sync.WaitGroup
		wg.Go(func() { a.must(t, "v1", &db) })
		<-stored
		db.write()
		if err := a.Invalidate(t.Context(), "t"); err != nil {
			t.Fatal(err)
		}
		close(goOn)
		wg.Wait()
		a.must(t, "v2", &db)
	})
}

// The bound counts from when a request was sent: what happened while its reply
// was under way is not in it.
func TestNearTierCountsFromTheRequest(t *testing.T) {
	withAndWithoutLog(t, func(t *testing.T, shared *logged) {
		var db database
		db.write()
		a, b := startOn(t, shared), startOn(t, shared)
		a.must(t, "v1", &db)
		_, _ = b.values.Get(t.Context(), "another key")
		b.delay = func() { time.Sleep(400 * time.Millisecond) }
		var wg sync.WaitGroup
		wg.Go(func() { b.must(t, "v1", &db) })
		synctest.Wait() // it has been answered, and the answer takes its time
		db.write()
		if err := a.Invalidate(t.Context(), "t"); err != nil {
			t.Fatal(err)
		}
		time.Sleep(501 * time.Millisecond)
		wg.Wait()
		b.must(t, "v2", &db)
	})
}

// An invalidation whose reply is lost is an error, and may have happened: the
// near tier does not serve on as if it had not.
func TestNearTierDoubtsALostReply(t *testing.T) {
	withAndWithoutLog(t, func(t *testing.T, shared *logged) {
		var db database
		db.write()
		a := startOn(t, shared)
		a.tap.invalidate = func(ctx context.Context, what driver.Invalidation, next driver.Store) (driver.Invalidated, error) {
			_, _ = next.Invalidate(ctx, what)
			return driver.Invalidated{}, errDown
		}
		a.must(t, "v1", &db)
		db.write()
		if err := a.Invalidate(t.Context(), "t"); !errors.Is(err, errDown) {
			t.Errorf("got %v, want the outage", err)
		}
		a.must(t, "v2", &db)
	})
}

// The same for a Set, which is not sent again.
func TestNearTierDoubtsASetWhoseReplyIsLost(t *testing.T) {
	withAndWithoutLog(t, func(t *testing.T, shared *logged) {
		var db database
		db.write()
		a := startOn(t, shared)
		a.must(t, "v1", &db)
		a.tap.put = func(ctx context.Context, key driver.Key, e *driver.Entry, mode driver.Mode, token driver.Token, next driver.Store) (driver.Result, error) {
			_, _ = next.Put(ctx, key, e, mode, token)
			return driver.Result{}, errDown
		}
		if err := a.values.Set(t.Context(), "k", "v2"); !errors.Is(err, errDown) {
			t.Errorf("got %v, want the outage", err)
		}
		a.must(t, "v2", &db) // from the store
	})
}

func TestNearTierIsBypassedWhileTheStoreIsSilent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var down atomic.Bool
		shared := &tapped{Store: locmem.New(nil)}
		shared.get = func(ctx context.Context, key driver.Key, hold time.Duration, next driver.Store) (driver.Reading, error) {
			if down.Load() {
				return driver.Reading{}, errDown
			}
			return next.Get(ctx, key, hold)
		}
		var db database
		db.write()
		a := start(t, shared)
		a.must(t, "v1", &db)
		down.Store(true)
		a.must(t, "v1", &db) // still within the bound
		time.Sleep(501 * time.Millisecond)
		if _, err := a.values.Get(t.Context(), "k"); !errors.Is(err, errDown) {
			t.Errorf("unverified: got %v, want the outage", err)
		}
		db.write()
		a.must(t, "v2", &db) // from the loader
		down.Store(false)
	})
}

// The shared store lost its meta record: nothing that was copied before counts.
func TestNearTierDropsAnotherEpoch(t *testing.T) {
	withAndWithoutLog(t, func(t *testing.T, shared *logged) {
		var db database
		db.write()
		a := startOn(t, shared)
		a.must(t, "v1", &db)
		db.write()
		shared.newEpoch()
		_, _ = a.values.Get(t.Context(), "another key") // any reply tells
		a.must(t, "v2", &db)
	})
}

// Two replies of different epochs to requests that overlapped: which one is the
// newer cannot be told, so the near tier counts for nothing until a request
// that was sent afterwards is answered.
func TestOverlappingRepliesOfTwoEpochs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		shared := newLogged()
		var db database
		db.write()
		a := startOn(t, shared)
		a.must(t, "v1", &db)
		time.Sleep(501 * time.Millisecond) // the next read asks
		read, goOn := make(chan struct{}), make(chan struct{})
		var first atomic.Bool
		a.delay = func() {
			if first.CompareAndSwap(false, true) {
				close(read)
				<-goOn
			}
		}
		var wg sync.WaitGroup
		wg.Go(func() { a.must(t, "v1", &db) }) // a reply of the old epoch, under way
		<-read
		time.Sleep(time.Millisecond)
		db.write()
		shared.newEpoch()
		a.must(t, "v2", &db) // the new epoch is adopted
		time.Sleep(time.Millisecond)
		close(goOn)
		wg.Wait() // the old reply arrives late
		a.must(t, "v2", &db)
		a.must(t, "v2", &db)
	})
}

func TestNearTierNeverOutlivesTheStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		shared := unlogged()
		client := open(t, shared, &cache.Options{
			Near:      []cache.Tier{{Store: locmem.New(nil), TTL: 2 * time.Second}},
			Staleness: time.Hour,
		})
		c := cache.For[string](client)
		set := func(ttl time.Duration) {
			t.Helper()
			if err := c.Set(t.Context(), "k", "v", cache.TTL(ttl)); err != nil {
				t.Fatal(err)
			}
			if _, err := c.Get(t.Context(), "k"); err != nil { // into the near tier
				t.Fatal(err)
			}
		}
		set(time.Second)
		if _, err := c.Get(t.Context(), "k"); err != nil || client.Stats().NearHits != 1 {
			t.Errorf("got %v and %d near hits, want one", err, client.Stats().NearHits)
		}
		time.Sleep(time.Second)
		if _, err := c.Get(t.Context(), "k"); !errors.Is(err, cache.ErrMiss) {
			t.Errorf("after the entry's life: got %v, want ErrMiss", err)
		}
		set(time.Minute)
		time.Sleep(2 * time.Second)
		before := client.Stats()
		if _, err := c.Get(t.Context(), "k"); err != nil {
			t.Errorf("after the tier's cap: got %v, want a hit of the store", err)
		}
		if s := client.Stats(); s.Hits-before.Hits != 1 || s.NearHits != before.NearHits {
			t.Errorf("after the tier's cap: got %+v, want one hit more of the store", s)
		}
	})
}

// Counters are read where they are counted, and one that appears replaces what
// the near tier remembers.
func TestCountersAreNotCopied(t *testing.T) {
	withAndWithoutLog(t, func(t *testing.T, shared *logged) {
		a, b := startOn(t, shared), startOn(t, shared)
		n := cache.For[int64](a.Client)
		missing := func(context.Context) (int64, error) { return 0, cache.ErrNotFound }
		if _, err := n.GetOrSet(t.Context(), "n", missing); !errors.Is(err, cache.ErrNotFound) {
			t.Fatal(err)
		}
		if _, err := a.Incr(t.Context(), "n", 1, cache.Initial(0)); err != nil {
			t.Fatal(err)
		}
		for want := int64(1); want <= 3; want++ {
			if got, err := n.Get(t.Context(), "n"); got != want || err != nil {
				t.Errorf("got %d, %v; want %d", got, err, want)
			}
			if _, err := b.Incr(t.Context(), "n", 1); err != nil {
				t.Fatal(err)
			}
		}
	})
}

type manyClocks struct{ driver.Store }

func (manyClocks) Clocks() int { return 2 }

// A near tier is verified by one clock: a store with several is refused.
func TestNearTierRefusesAStoreOfManyClocks(t *testing.T) {
	t.Parallel()
	near, far := locmem.New(nil), locmem.New(nil)
	defer near.Close(t.Context())
	defer far.Close(t.Context())
	opts := &cache.Options{Near: []cache.Tier{{Store: near}}}
	if _, err := cache.New(manyClocks{far}, opts); err == nil || !strings.Contains(err.Error(), "2 clocks") {
		t.Errorf("got %v, want an error that says why", err)
	}
}

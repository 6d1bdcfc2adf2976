package cache_test

import (
	"bytes"
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stratacache/strata/backends/locmem"
	"github.com/stratacache/strata/cache"
	"github.com/stratacache/strata/cache/driver"
)

// distant is a tier that is not memory of this process: what comes back is made
// of bytes. It counts round trips.
type distant struct {
	inner *locmem.Store
	trips atomic.Int64
	takes time.Duration
	down  atomic.Bool
}

func newDistant() *distant { return &distant{inner: locmem.New(nil)} }

func (d *distant) trip(ctx context.Context) error {
	d.trips.Add(1)
	if d.down.Load() {
		return errDown
	}
	select {
	case <-time.After(d.takes):
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func afar(e *driver.Entry) *driver.Entry {
	if e != nil {
		e = e.Clone()
		e.Payload = bytes.Clone(e.Payload)
	}
	return e
}

func (d *distant) Get(ctx context.Context, key driver.Key, hold time.Duration) (driver.Reading, error) {
	if err := d.trip(ctx); err != nil {
		return driver.Reading{}, err
	}
	r, err := d.inner.Get(ctx, key, hold)
	r.Entry = afar(r.Entry)
	return r, err
}

func (d *distant) GetMany(ctx context.Context, keys []driver.Key, hold time.Duration) ([]driver.KeyReading, error) {
	if err := d.trip(ctx); err != nil {
		return nil, err
	}
	out, err := driver.GetMany(ctx, d.inner, keys, hold)
	for i := range out {
		out[i].Entry = afar(out[i].Entry)
	}
	return out, err
}

func (d *distant) Put(ctx context.Context, key driver.Key, e *driver.Entry, mode driver.Mode, token driver.Token) (driver.Result, error) {
	if err := d.trip(ctx); err != nil {
		return driver.Result{}, err
	}
	return d.inner.Put(ctx, key, afar(e), mode, token)
}

func (d *distant) PutMany(ctx context.Context, items []driver.Item) []driver.ItemResult {
	if err := d.trip(ctx); err != nil {
		return make([]driver.ItemResult, len(items))
	}
	return driver.PutMany(ctx, d.inner, items)
}

func (d *distant) Touch(context.Context, driver.Key, driver.Life) (driver.Result, error) {
	panic("a tier is not touched")
}

func (d *distant) Incr(context.Context, driver.Key, int64, *driver.Entry) (driver.Sum, error) {
	panic("a tier does not count")
}

func (d *distant) Invalidate(context.Context, driver.Invalidation) (driver.Invalidated, error) {
	panic("a tier is not told of invalidations")
}
func (d *distant) Ping(context.Context) error  { return nil }
func (d *distant) Close(context.Context) error { return nil }

// node is a process with memory, a middle tier that it shares with others, and a
// store with a log.
type threeTiers struct {
	*cache.Client
	values cache.Typed[string]
	memory *locmem.Store
	asked  atomic.Int64
}

func startThree(t *testing.T, store *logged, middle driver.Store, opts cache.Options) *threeTiers {
	t.Helper()
	p := &threeTiers{memory: locmem.New(nil)}
	tap := &tapped{Store: store}
	tap.get = func(ctx context.Context, key driver.Key, hold time.Duration, next driver.Store) (driver.Reading, error) {
		p.asked.Add(1)
		return next.Get(ctx, key, hold)
	}
	opts.Near = []cache.Tier{{Store: p.memory, TTL: time.Hour}, {Store: middle, TTL: time.Minute, Timeout: time.Second}}
	p.Client = open(t, tappedLog{tap, logOf{store}}, &opts)
	p.values = cache.For[string](p.Client)
	return p
}

// logOf gives a store's log to any number of readers.
type logOf struct{ *logged }

func (l logOf) ReadLog(ctx context.Context, after driver.Stamp, wait time.Duration) (driver.LogReading, error) {
	return l.readLog(ctx, after, wait)
}

func (p *threeTiers) must(t *testing.T, key, loads, want string) {
	t.Helper()
	got, err := p.values.GetOrSet(t.Context(), key, value(loads), cache.Tags("t", "u"))
	if got != want || err != nil {
		t.Errorf("%s: got %q, %v; want %s", key, got, err, want)
	}
}

// ready has the process read the log: what it has copied before is not trusted.
func (p *threeTiers) ready(t *testing.T) {
	t.Helper()
	_, _ = p.values.Get(t.Context(), "any")
	time.Sleep(200 * time.Millisecond)
}

func TestThreeTiers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, middle := newLogged(), newDistant()
		var tiers []int
		a := startThree(t, store, middle, cache.Options{})
		b := startThree(t, store, middle, cache.Options{Hooks: cache.Hooks{Read: func(_ context.Context, i cache.ReadInfo) {
			tiers = append(tiers, i.Tier)
		}}})
		a.ready(t)
		b.ready(t)
		a.must(t, "k", "v1", "v1")
		asked := b.asked.Load()
		b.must(t, "k", "lost", "v1") // from the middle, where a has put it
		b.must(t, "k", "lost", "v1") // and now from memory
		if n := b.asked.Load() - asked; n != 0 || len(tiers) != 3 || tiers[1] != 1 || tiers[2] != 0 {
			t.Errorf("the store was asked %d times, hits were in tiers %v; want none, and the middle before memory", n, tiers[1:])
		}
		if s := b.Stats(); s.NearHits != 2 || s.Loads != 0 {
			t.Errorf("got %+v; want 2 near hits and no load", s)
		}

		// What was invalidated is served from no tier, and a copy whose tier was not
		// told of it does not come back into memory either.
		if err := a.Invalidate(t.Context(), "u"); err != nil {
			t.Fatal(err)
		}
		a.must(t, "other", "v", "v")
		time.Sleep(200 * time.Millisecond)
		suspects := b.Stats().Suspects
		b.must(t, "k", "v2", "v2")
		if n := b.Stats().Suspects - suspects; n != 1 {
			t.Errorf("%d suspects, want 1", n)
		}
		a.must(t, "k", "lost", "v2")
		a.must(t, "other", "lost", "v") // does not concern it

		// A process that did not see what came before trusts no copy from then.
		c := startThree(t, store, middle, cache.Options{})
		c.ready(t)
		_, _ = a.Delete(t.Context(), "none")
		time.Sleep(200 * time.Millisecond)
		late := startThree(t, store, middle, cache.Options{})
		late.ready(t)
		asked = late.asked.Load()
		late.must(t, "k", "lost", "v2")
		if n := late.asked.Load() - asked; n != 1 {
			t.Errorf("the store was asked %d times, want once", n)
		}
	})
}

// Each tier's TTL holds for those in front of it, on each way in.
func TestTheNearestNeverOutlivesTheNext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for name, read := range map[string]func(p *threeTiers) error{
			"one":  func(p *threeTiers) error { _, err := p.values.Get(t.Context(), "k"); return err },
			"many": func(p *threeTiers) error { _, err := p.values.GetMany(t.Context(), "k", "none"); return err },
		} {
			store, middle := newLogged(), newDistant()
			a, b := startThree(t, store, middle, cache.Options{}), startThree(t, store, middle, cache.Options{})
			a.ready(t)
			b.ready(t)
			began := time.Now()
			a.must(t, "k", "v", "v")
			time.Sleep(50 * time.Second)
			_ = read(b)
			for who, p := range map[string]*threeTiers{"loaded": a, "copied": b} {
				r, err := p.memory.Get(t.Context(), driver.Key{Scope: ":1:", Name: "k"}, 0)
				if err != nil || r.Entry == nil {
					t.Fatalf("%s, %s: got %+v, %v; want a copy in memory", name, who, r, err)
				}
				if left := time.Unix(0, r.Entry.Life.Expires).Sub(began); left > time.Minute+time.Millisecond {
					t.Errorf("%s, %s: it ends after %v, want a minute, as in the middle", name, who, left)
				}
			}
		}
	})
}

func TestBatchesAskEachTierOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, middle := newLogged(), newDistant()
		a, b := startThree(t, store, middle, cache.Options{}), startThree(t, store, middle, cache.Options{})
		a.ready(t)
		b.ready(t)
		var keys []string
		for i := range 50 {
			keys = append(keys, fmt.Sprint("k", i))
		}
		load := func(_ context.Context, missing []string) (map[string]string, error) {
			out := make(map[string]string)
			for _, k := range missing {
				out[k] = "v"
			}
			return out, nil
		}
		trips := middle.trips.Load()
		if got, err := a.values.GetOrSetMany(t.Context(), keys, load); len(got) != 50 || err != nil {
			t.Errorf("got %d values, %v", len(got), err)
		}
		if n := middle.trips.Load() - trips; n != 2 {
			t.Errorf("a load: %d round trips to the middle, want 2", n)
		}
		trips = middle.trips.Load()
		for range 2 {
			if got, err := b.values.GetMany(t.Context(), keys...); len(got) != 50 || err != nil {
				t.Errorf("got %d values, %v", len(got), err)
			}
		}
		if n := middle.trips.Load() - trips; n != 1 {
			t.Errorf("reading: %d round trips to the middle, want 1: it is in memory then", n)
		}
		if s := b.Stats(); s.NearHits != 100 {
			t.Errorf("got %+v; want 100 near hits", s)
		}
	})
}

// A tier that is down or slow is passed over.
func TestATierThatFailsIsPassedOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, middle := newLogged(), newDistant()
		a := startThree(t, store, middle, cache.Options{})
		a.ready(t)
		middle.down.Store(true)
		a.must(t, "down", "v", "v")
		middle.down.Store(false)
		middle.takes = time.Minute
		began := time.Now()
		a.must(t, "slow", "v", "v")
		if took := time.Since(began); took != 2*time.Second { // one to read, one to write
			t.Errorf("it took %v, want the tier's timeout twice", took)
		}
		if got, err := a.values.GetMany(t.Context(), "down", "slow"); len(got) != 2 || err != nil {
			t.Errorf("got %v, %v; want both", got, err)
		}
		if s := a.Stats(); s.StoreTimeouts == 0 || s.Failures != 0 {
			t.Errorf("got %+v; want store timeouts and no failure", s)
		}
		middle.takes = 0
	})
}

func TestTheNearestNeverOutlivesMemoryBehindIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		first := locmem.New(nil)
		client := open(t, nil, &cache.Options{Staleness: time.Hour, Near: []cache.Tier{
			{Store: first, TTL: time.Hour}, {Store: locmem.New(nil), TTL: time.Minute},
		}})
		began, key := time.Now(), driver.Key{Scope: ":1:", Name: "k"}
		_, _ = client.GetOrSet(t.Context(), "k", func(context.Context) ([]byte, error) { return []byte("v"), nil })
		time.Sleep(50 * time.Second)
		_, _ = first.Invalidate(t.Context(), driver.Invalidation{Keys: []driver.Key{key}}) // thrown out, say
		if _, err := client.Get(t.Context(), "k"); err != nil || client.Stats().NearHits != 1 {
			t.Fatalf("got %v, %+v; want a near hit", err, client.Stats())
		}
		r, err := first.Get(t.Context(), key, 0)
		if err != nil || r.Entry == nil || time.Unix(0, r.Entry.Life.Expires).Sub(began) > time.Minute {
			t.Errorf("got %+v, %v; want a copy that ends with the one behind it", r, err)
		}
	})
}

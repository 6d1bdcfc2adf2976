package cache_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stratacache/strata/backends/locmem"
	"github.com/stratacache/strata/cache"
	"github.com/stratacache/strata/cache/driver"
)

// logged is a shared store that keeps a log of its changes. Each step and its
// entry in the log are one.
type logged struct {
	*locmem.Store
	withLog bool

	mu     sync.Mutex
	first  uint64 // the number of log[0]
	log    []driver.Change
	more   chan struct{} // closed when something is added
	silent atomic.Bool   // the log does not answer
	delay  func()        // in the reply of ReadLog
}

func newLogged() *logged {
	return &logged{Store: locmem.New(nil), first: 1, more: make(chan struct{})}
}

func (s *logged) step(clock func() driver.Stamp, c driver.Change) {
	before := s.now().N
	at := clock()
	if at.N == before {
		return
	}
	c.N = at.N
	s.log = append(s.log, c)
	close(s.more)
	s.more = make(chan struct{})
}

func (s *logged) now() driver.Stamp {
	r, _ := s.Store.Get(context.Background(), driver.Key{Name: "the clock"}, 0)
	return r.Fence.Stamp
}

func (s *logged) Put(ctx context.Context, key driver.Key, e *driver.Entry, mode driver.Mode, token driver.Token) (r driver.Result, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.step(func() driver.Stamp { r, err = s.Store.Put(ctx, key, e, mode, token); return r.Clock }, driver.Change{Keys: []string{key.String()}})
	return r, err
}

func (s *logged) PutMany(ctx context.Context, items []driver.Item) []driver.ItemResult {
	out := make([]driver.ItemResult, len(items))
	for i, it := range items {
		out[i].Result, out[i].Err = s.Put(ctx, it.Key, it.Entry, it.Mode, it.Token)
	}
	return out
}

func (s *logged) Touch(ctx context.Context, key driver.Key, life driver.Life) (r driver.Result, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.step(func() driver.Stamp { r, err = s.Store.Touch(ctx, key, life); return r.Clock }, driver.Change{Keys: []string{key.String()}})
	return r, err
}

func (s *logged) Incr(ctx context.Context, key driver.Key, delta int64, initial *driver.Entry) (r driver.Sum, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.step(func() driver.Stamp { r, err = s.Store.Incr(ctx, key, delta, initial); return r.Clock }, driver.Change{Keys: []string{key.String()}})
	return r, err
}

func (s *logged) Invalidate(ctx context.Context, what driver.Invalidation) (r driver.Invalidated, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := driver.Change{Tags: what.Tags}
	for _, k := range what.Keys {
		c.Keys = append(c.Keys, k.String())
	}
	s.step(func() driver.Stamp { r, err = s.Store.Invalidate(ctx, what); return r.Clock }, c)
	return r, err
}

func (s *logged) Move(ctx context.Context, from, to driver.Key) (r driver.Result, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.step(func() driver.Stamp { r, err = s.Store.Move(ctx, from, to); return r.Clock }, driver.Change{Keys: []string{from.String(), to.String()}})
	return r, err
}

func (s *logged) newEpoch() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.NewEpoch()
	s.first, s.log = 1, nil
	close(s.more)
	s.more = make(chan struct{})
}

// cut forgets the log up to the present.
func (s *logged) cut() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.first, s.log = s.first+uint64(len(s.log)), nil
}

func (s *logged) readLog(ctx context.Context, after driver.Stamp, wait time.Duration) (driver.LogReading, error) {
	timeout := time.After(wait)
	for {
		s.mu.Lock()
		now, more := s.now(), s.more
		r := driver.LogReading{Clock: now, Complete: after.Epoch == now.Epoch && after.N+1 >= s.first}
		if r.Complete {
			for i := after.N + 1; i <= now.N; i++ {
				r.Changes = append(r.Changes, s.log[i-s.first])
			}
		}
		s.mu.Unlock()
		if !s.silent.Load() && (len(r.Changes) > 0 || !r.Complete) {
			return r, nil
		}
		select {
		case <-more:
		case <-ctx.Done():
			return driver.LogReading{}, ctx.Err()
		case <-timeout:
			if s.silent.Load() {
				<-ctx.Done()
				return driver.LogReading{}, ctx.Err()
			}
			return r, nil
		}
	}
}

// ReadLog implements driver.LogReader.
func (s *logged) ReadLog(ctx context.Context, after driver.Stamp, wait time.Duration) (driver.LogReading, error) {
	r, err := s.readLog(ctx, after, wait)
	if s.delay != nil {
		s.delay()
	}
	return r, err
}

// tappedLog is a tapped store whose log is read as it is.
type tappedLog struct {
	*tapped
	driver.LogReader
}

// withAndWithoutLog runs a test of near tiers that are verified by the one
// number of the store, and by its log.
func withAndWithoutLog(t *testing.T, test func(t *testing.T, shared *logged)) {
	t.Helper()
	for name, withLog := range map[string]bool{"one number": false, "log": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				shared := newLogged()
				shared.withLog = withLog
				test(t, shared)
			})
		})
	}
}

// startOn starts a process that reads the log, if the test is to have one.
func startOn(t *testing.T, shared *logged) *process {
	t.Helper()
	if !shared.withLog {
		return start(t, struct {
			driver.Store
			driver.ManyPutter
			driver.Mover
		}{shared, shared, shared})
	}
	p := start(t, shared)
	_, _ = p.values.Get(t.Context(), "the first read starts the reading of the log")
	synctest.Wait()
	return p
}

// What concerns other keys and tags costs a near copy nothing.
func TestNearCopiesOutliveOtherChanges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		shared := newLogged()
		shared.withLog = true
		var db database
		db.write()
		a, b := startOn(t, shared), startOn(t, shared)
		a.must(t, "v1", &db)
		before := a.asked.Load()
		for i := range 100 {
			for _, p := range []*process{a, b} {
				if err := p.values.Set(t.Context(), fmt.Sprint("other", i), "v"); err != nil {
					t.Fatal(err)
				}
				if err := p.Invalidate(t.Context(), fmt.Sprint("other", i)); err != nil {
					t.Fatal(err)
				}
			}
			time.Sleep(10 * time.Millisecond)
			a.must(t, "v1", &db)
		}
		if n := a.asked.Load() - before; n != 0 {
			t.Errorf("the shared store was asked %d times, want 0", n)
		}
	})
}

// A change is seen as soon as the log tells of it.
func TestTheLogIsReadAtOnce(t *testing.T) {
	for name, change := range map[string]func(context.Context, *process) error{
		"delete": func(ctx context.Context, p *process) error { _, err := p.Delete(ctx, "k"); return err },
		"tag":    func(ctx context.Context, p *process) error { return p.Invalidate(ctx, "t") },
		"clear":  func(ctx context.Context, p *process) error { return p.Clear(ctx) },
		"set":    func(ctx context.Context, p *process) error { return p.values.Set(ctx, "k", "v2") },
		"set many": func(ctx context.Context, p *process) error {
			return p.values.SetMany(ctx, map[string]string{"k": "v2"})
		},
		"touch away": func(ctx context.Context, p *process) error { _, err := p.Touch(ctx, "k", cache.TTL(0)); return err },
		"move":       func(ctx context.Context, p *process) error { _, err := p.IncrVersion(ctx, "k", 1); return err },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				shared := newLogged()
				shared.withLog = true
				var db database
				db.write()
				a, b := startOn(t, shared), startOn(t, shared)
				a.must(t, "v1", &db)
				b.must(t, "v1", &db)
				db.write()
				if err := change(t.Context(), a); err != nil {
					t.Fatal(err)
				}
				a.must(t, "v2", &db)
				synctest.Wait()
				b.must(t, "v2", &db)
			})
		})
	}
}

// A log that does not answer verifies nothing, and what it told before is not
// forgotten when it answers again.
func TestASilentLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		shared := newLogged()
		shared.withLog = true
		var db database
		db.write()
		a := startOn(t, shared)
		a.must(t, "v1", &db)
		shared.silent.Store(true)
		time.Sleep(time.Second)
		before := a.asked.Load()
		a.must(t, "v1", &db)
		a.must(t, "v1", &db)
		if n := a.asked.Load() - before; n != 2 {
			t.Errorf("while the log is silent: the shared store was asked %d times, want 2", n)
		}
		shared.silent.Store(false)
		time.Sleep(time.Second)
		before = a.asked.Load()
		a.must(t, "v1", &db)
		if n := a.asked.Load() - before; n != 0 {
			t.Errorf("afterwards: the shared store was asked %d times, want 0", n)
		}
	})
}

// Whoever has missed a part of the log trusts nothing that it read before.
func TestAGapInTheLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		shared := newLogged()
		shared.withLog = true
		var db database
		db.write()
		a, b := startOn(t, shared), startOn(t, shared)
		a.must(t, "v1", &db)
		shared.silent.Store(true)
		time.Sleep(time.Second)
		db.write()
		if err := b.Invalidate(t.Context(), "t"); err != nil {
			t.Fatal(err)
		}
		shared.cut()
		shared.silent.Store(false)
		time.Sleep(time.Second)
		a.must(t, "v2", &db)
		synctest.Wait()
		before := a.asked.Load()
		a.must(t, "v2", &db)
		if n := a.asked.Load() - before; n != 0 {
			t.Errorf("after the gap: the shared store was asked %d times, want 0", n)
		}
	})
}

// The tables are bounded: what they have forgotten counts as changed.
func TestMoreChangesThanAreRemembered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		shared := newLogged()
		shared.withLog = true
		var db database
		db.write()
		a, b := startOn(t, shared), startOn(t, shared)
		a.must(t, "v1", &db)
		synctest.Wait()
		db.write()
		if err := b.Invalidate(t.Context(), "t"); err != nil {
			t.Fatal(err)
		}
		for i := range 70_000 {
			if err := b.Invalidate(t.Context(), fmt.Sprint("other", i)); err != nil {
				t.Fatal(err)
			}
		}
		synctest.Wait()
		a.must(t, "v2", &db)
	})
}

// Several processes read and write at random over lines of random delay; the
// log is cut, is silent, or begins anew. No read shows what its own process
// invalidated before it began, nor what another did longer ago than the bound.
func TestNearTiersAtRandom(t *testing.T) {
	for mode, withLog := range map[string]bool{"one number": false, "log": true} {
		t.Run(mode, func(t *testing.T) {
			for seed := range uint64(150) {
				synctest.Test(t, func(t *testing.T) { atRandom(t, seed, withLog) })
				if t.Failed() {
					t.Fatalf("seed %d", seed)
				}
			}
		})
	}
}

// truth is a row, when each version of it was invalidated, and by whom.
type truth struct {
	mu      sync.Mutex
	version int
	acks    []ack
}

type ack struct {
	version, process int
	at               time.Time
}

// floor is the oldest version that a read which begins now may show.
func (r *truth) floor(process int) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	floor := 0
	for _, a := range r.acks {
		if a.process == process || time.Since(a.at) > 500*time.Millisecond {
			floor = max(floor, a.version)
		}
	}
	return floor
}

func atRandom(t *testing.T, seed uint64, withLog bool) {
	const processes, keys = 3, 2
	shared := newLogged()
	shared.withLog = withLog
	var rows [keys]truth
	line := func(r *rand.Rand) { time.Sleep(time.Duration(r.IntN(40)) * time.Millisecond) }
	logs := rand.New(rand.NewPCG(seed, 99))
	shared.delay = func() {
		shared.mu.Lock()
		d := logs.IntN(60)
		shared.mu.Unlock()
		time.Sleep(time.Duration(d) * time.Millisecond)
	}
	var wg sync.WaitGroup
	for i := range processes {
		p := startOn(t, shared)
		for w := range 3 {
			r := rand.New(rand.NewPCG(seed, uint64(i*10+w)))
			get := p.tap.get
			if w == 0 {
				var mu sync.Mutex
				lines := rand.New(rand.NewPCG(seed, uint64(50+i)))
				slow := func() { mu.Lock(); d := lines.IntN(40); mu.Unlock(); time.Sleep(time.Duration(d) * time.Millisecond) }
				p.tap.get = func(ctx context.Context, key driver.Key, hold time.Duration, next driver.Store) (driver.Reading, error) {
					slow()
					reading, err := get(ctx, key, hold, next)
					slow()
					return reading, err
				}
			}
			wg.Go(func() {
				for range 40 {
					k := r.IntN(keys)
					row, key, tag := &rows[k], fmt.Sprint("k", k), fmt.Sprint("t", k)
					switch n := r.IntN(20); {
					case n < 15:
						floor := row.floor(i)
						got, err := p.values.GetOrSet(t.Context(), key, func(context.Context) (string, error) {
							row.mu.Lock()
							v := row.version
							row.mu.Unlock()
							line(r)
							return fmt.Sprint(v), nil
						}, cache.Tags(tag))
						var shown int
						if _, bad := fmt.Sscan(got, &shown); err != nil || bad != nil || shown < floor {
							t.Errorf("process %d, %s: got %q, %v, want at least version %d", i, key, got, err, floor)
						}
					case n < 18:
						row.mu.Lock()
						row.version++
						v := row.version
						row.mu.Unlock()
						var err error
						if r.IntN(2) == 0 {
							_, err = p.Delete(t.Context(), key)
						} else {
							err = p.Invalidate(t.Context(), tag)
						}
						if err == nil {
							row.mu.Lock()
							row.acks = append(row.acks, ack{v, i, time.Now()})
							row.mu.Unlock()
						}
					case n == 18 && w == 0:
						switch r.IntN(4) {
						case 0:
							shared.newEpoch()
						case 1:
							shared.cut()
						default:
							shared.silent.Store(!shared.silent.Load())
						}
					default:
						time.Sleep(time.Duration(r.IntN(300)) * time.Millisecond)
					}
				}
			})
		}
	}
	wg.Wait()
	shared.silent.Store(false)
}

// Close ends the reading of the log.
func TestCloseEndsTheReadingOfTheLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		shared := newLogged()
		shared.withLog = true
		a := startOn(t, shared)
		if err := a.Close(t.Context()); err != nil {
			t.Error(err)
		}
		if _, err := a.values.Get(t.Context(), "k"); !errors.Is(err, cache.ErrClosed) {
			t.Errorf("got %v", err)
		}
	})
}

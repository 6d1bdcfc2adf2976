package cache_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"runtime"
	"slices"
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

// shelf is a batch loader that remembers what it was asked for.
type shelf struct {
	mu    sync.Mutex
	asked []string // each call's keys, joined
	takes time.Duration
	lacks string // a key that does not exist
	extra string // a key that it gives though nobody asked
	err   error
	round int
}

func (s *shelf) load(ctx context.Context, keys []string) (map[string]string, error) {
	s.mu.Lock()
	s.round++
	round, err := s.round, s.err
	s.asked = append(s.asked, strings.Join(keys, ","))
	s.mu.Unlock()
	select {
	case <-time.After(s.takes):
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	if err != nil {
		return nil, err
	}
	out := map[string]string{}
	for _, k := range keys {
		if k != s.lacks {
			out[k] = fmt.Sprint(k, round)
		}
	}
	if s.extra != "" {
		out[s.extra] = "extra"
	}
	return out, nil
}

func (s *shelf) calls(t *testing.T, want ...string) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	slices.Sort(s.asked)
	if !slices.Equal(s.asked, want) {
		t.Errorf("loader calls: got %q, want %q", s.asked, want)
	}
}

// getMany checks what GetOrSetMany returns, as "a1 b1".
func getMany(t *testing.T, c cache.Typed[string], s *shelf, want string, keys string, opts ...cache.Option) {
	t.Helper()
	got, err := c.GetOrSetMany(t.Context(), strings.Fields(keys), s.load, opts...)
	if err != nil {
		t.Errorf("GetOrSetMany of %s: %v", keys, err)
	}
	shown := strings.Join(slices.Sorted(maps.Values(got)), " ")
	if shown != want || len(got) != len(strings.Fields(want)) {
		t.Errorf("GetOrSetMany of %s: got %s, want %s", keys, shown, want)
	}
}

func TestGetOrSetMany(t *testing.T) {
	t.Parallel()
	c := cache.For[string](open(t, nil, nil))
	s := &shelf{lacks: "x", extra: "y"}
	getMany(t, c, s, "a1 b1", "a b a x a")
	getMany(t, c, s, "a1 b1 c2", "c x b a")
	s.calls(t, "a,b,x", "c")
	if _, err := c.Get(t.Context(), "x"); !errors.Is(err, cache.ErrNotFound) {
		t.Errorf("a key that was left out: got %v, want it remembered", err)
	}
	if _, err := c.Get(t.Context(), "y"); !errors.Is(err, cache.ErrMiss) {
		t.Errorf("a key that nobody asked for: got %v, want a miss", err)
	}
	getMany(t, c, s, "", "")
}

func TestGetOrSetManyOfBytes(t *testing.T) {
	t.Parallel()
	c := open(t, nil, nil)
	mine := []byte("v")
	for range 2 {
		got, err := c.GetOrSetMany(t.Context(), []string{"a"}, func(context.Context, []string) (map[string][]byte, error) {
			return map[string][]byte{"a": mine}, nil
		})
		if err != nil || string(got["a"]) != "v" {
			t.Errorf("got %q, %v", got, err)
		}
		mine[0], got["a"][0] = '?', '!' // neither is the cache's
	}
}

func TestGetOrSetManyTakesOneRoundTrip(t *testing.T) {
	t.Parallel()
	var gets, puts int
	store := &countingMany{Store: locmem.New(nil), gets: &gets, puts: &puts}
	c := cache.For[string](open(t, store, nil))
	getMany(t, c, new(shelf), "a1 b1 c1", "a b c")
	if gets != 1 || puts != 1 {
		t.Errorf("got %d reads and %d writes, want one of each", gets, puts)
	}
}

// countingMany counts the steps for many keys. Others fail the test by panic.
type countingMany struct {
	driver.Store
	gets, puts *int
}

func (s *countingMany) GetMany(ctx context.Context, keys []driver.Key, hold time.Duration) ([]driver.KeyReading, error) {
	*s.gets++
	return driver.GetMany(ctx, s.Store, keys, hold)
}

func (s *countingMany) PutMany(ctx context.Context, items []driver.Item) []driver.ItemResult {
	*s.puts++
	return driver.PutMany(ctx, s.Store, items)
}

func TestBatchSize(t *testing.T) {
	t.Parallel()
	c := cache.For[string](open(t, nil, nil))
	s := new(shelf)
	got, err := c.GetOrSetMany(t.Context(), strings.Fields("a b c d e"), s.load, cache.BatchSize(2))
	if err != nil || len(got) != 5 {
		t.Errorf("got %v, %v", got, err)
	}
	s.calls(t, "a,b", "c,d", "e")
}

// Batches and single loads share flights, key by key.
func TestBatchesShareFlights(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := cache.For[string](open(t, nil, nil))
		s := &shelf{takes: time.Second}
		var wg sync.WaitGroup
		later := func(do func()) {
			wg.Go(do)
			synctest.Wait()
		}
		later(func() {
			_, _ = c.GetOrSet(t.Context(), "a", func(ctx context.Context) (string, error) { time.Sleep(time.Second); return "single", nil })
		})
		later(func() { getMany(t, c, s, "b1 c1 single", "a b c") })
		later(func() { getMany(t, c, s, "b1 d2 single", "d b a") })
		later(func() {
			got, err := c.GetOrSet(t.Context(), "d", func(context.Context) (string, error) { return "other", nil })
			if got != "d2" || err != nil {
				t.Errorf("a single load beside the batch: got %q, %v", got, err)
			}
		})
		wg.Wait()
		s.calls(t, "b,c", "d")
	})
}

func TestGetOrSetManyErrors(t *testing.T) {
	t.Parallel()
	c := cache.For[string](open(t, nil, nil))
	s := new(shelf)
	getMany(t, c, s, "a1", "a")
	s.err = errSource
	check := func(what string, load func(context.Context, []string) (map[string]string, error), is func(error) bool) {
		t.Helper()
		got, err := c.GetOrSetMany(t.Context(), []string{"a", "b"}, load)
		var many cache.ManyError
		if got["a"] != "a1" || len(got) != 1 || !errors.As(err, &many) || len(many) != 1 || !is(many["b"]) {
			t.Errorf("%s: got %v, %v", what, got, err)
		}
	}
	check("an error", s.load, func(err error) bool { return errors.Is(err, errSource) })
	panicked := func(err error) bool { _, ok := errors.AsType[*cache.PanicError](err); return ok }
	check("a panic", func(context.Context, []string) (map[string]string, error) { panic("oh") }, panicked)
	check("Goexit", func(context.Context, []string) (map[string]string, error) { runtime.Goexit(); return nil, nil }, panicked)
	check("its own key", func(ctx context.Context, _ []string) (map[string]string, error) {
		return c.GetOrSetMany(ctx, []string{"z", "b"}, s.load)
	}, func(err error) bool { return errors.Is(err, cache.ErrRecursiveLoad) })
	s.err = nil
	getMany(t, c, s, "a1 b3", "a b")
}

func TestGetOrSetManyWhileTheStoreIsDown(t *testing.T) {
	t.Parallel()
	client := open(t, downMany{locmem.New(nil)}, nil)
	s := new(shelf)
	getMany(t, cache.For[string](client), s, "a1 b1", "a b")
	if st := client.Stats(); st.Failures != 2 || st.StoreErrors != 2 || st.Loads != 1 {
		t.Errorf("Stats: got %+v", st)
	}
}

// downMany is a server that does not answer batches.
type downMany struct{ driver.Store }

func (downMany) GetMany(context.Context, []driver.Key, time.Duration) ([]driver.KeyReading, error) {
	return nil, errDown
}

// What was invalidated while a batch was loading is not stored, and not given to
// whoever asks afterwards.
func TestInvalidationDuringABatch(t *testing.T) {
	for name, invalidate := range map[string]func(context.Context, *cache.Client) error{
		"by key":   func(ctx context.Context, c *cache.Client) error { _, err := c.DeleteMany(ctx, "a", "b"); return err },
		"by tag":   func(ctx context.Context, c *cache.Client) error { return c.Invalidate(ctx, "t") },
		"by clear": func(ctx context.Context, c *cache.Client) error { return c.Clear(ctx) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				client := open(t, nil, &cache.Options{Near: []cache.Tier{{Store: locmem.New(nil)}}})
				c := cache.For[string](client)
				s := &shelf{takes: time.Second}
				var wg sync.WaitGroup
				wg.Go(func() { getMany(t, c, s, "a1 b1", "a b", cache.Tags("t")) })
				synctest.Wait()
				if err := invalidate(t.Context(), client); err != nil {
					t.Fatal(err)
				}
				wg.Go(func() {
					got, err := c.GetOrSetMany(t.Context(), []string{"a", "b"}, s.load, cache.Tags("t"))
					if err != nil || got["a"] == "a1" || got["b"] == "b1" {
						t.Errorf("a late caller: got %v, %v", got, err)
					}
				})
				wg.Wait()
				got, err := c.GetOrSetMany(t.Context(), []string{"a", "b"}, s.load, cache.Tags("t"))
				if err != nil || got["a"] == "a1" || got["b"] == "b1" {
					t.Errorf("afterwards: got %v, %v", got, err)
				}
			})
		})
	}
}

// A batch goes on while anybody waits for any of its keys.
func TestBatchOutlivesItsFirstCaller(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := cache.For[string](open(t, nil, nil))
		s := &shelf{takes: time.Second}
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		wg.Go(func() {
			if _, err := c.GetOrSetMany(ctx, []string{"a", "b"}, s.load); !errors.Is(err, context.Canceled) {
				t.Errorf("the cancelled caller: got %v", err)
			}
		})
		synctest.Wait()
		wg.Go(func() { getMany(t, c, s, "b1", "b") })
		synctest.Wait()
		cancel()
		wg.Wait()
		s.calls(t, "a,b")

		ended := make(chan error, 1)
		ctx, cancel = context.WithCancel(t.Context())
		wg.Go(func() {
			_, _ = c.GetOrSetMany(ctx, []string{"x", "y"}, func(ctx context.Context, _ []string) (map[string]string, error) {
				<-ctx.Done()
				ended <- context.Cause(ctx)
				return nil, ctx.Err()
			})
		})
		synctest.Wait()
		cancel()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Errorf("the loader's context: got %v, want its end with the last caller", err)
		}
		wg.Wait()
	})
}

func TestGetOrSetManyStale(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client := open(t, nil, &cache.Options{TTL: time.Minute, Stale: time.Hour})
		c := cache.For[string](client)
		s := new(shelf)
		getMany(t, c, s, "a1 b1", "a b")
		time.Sleep(2 * time.Minute)
		getMany(t, c, s, "a1 b1", "a b") // refreshed behind it
		synctest.Wait()
		getMany(t, c, s, "a2 b2 c3", "a b c")
		time.Sleep(2 * time.Minute)
		s.err = errSource
		getMany(t, c, s, "a2 b2 c3", "a b c", cache.SoftTimeout(cache.Forever))
		getMany(t, c, s, "a2 b2 c3", "a b c") // throttled
		synctest.Wait()
		if s.round != 4 {
			t.Errorf("loader calls: got %d, want 4", s.round)
		}
		if st := client.Stats(); st.StaleHits != 8 {
			t.Errorf("StaleHits: got %d, want 8", st.StaleHits)
		}
	})
}

// Who has gone by the time that the store does not answer begins no load.
func TestGetOrSetManyOfAnEndedContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &tapped{Store: locmem.New(nil)}
		store.get = func(ctx context.Context, _ driver.Key, _ time.Duration, _ driver.Store) (driver.Reading, error) {
			<-ctx.Done()
			return driver.Reading{}, ctx.Err()
		}
		client := open(t, struct{ driver.Store }{store}, nil) // without a GetMany of its own
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := client.GetOrSetMany(ctx, []string{"a", "b"}, func(context.Context, []string) (map[string][]byte, error) { return nil, nil })
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v, want the end of the context", err)
		}
		synctest.Wait()
		if n := client.Stats().Loads; n != 0 {
			t.Errorf("loads: got %d, want 0", n)
		}
	})
}

// What is loaded by the time that another key has used up the patience is there.
func TestPatienceUsedUpByAnotherKey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := open(t, nil, nil)
		load := func(_ context.Context, keys []string) (map[string][]byte, error) {
			if keys[0] == "slow" {
				time.Sleep(time.Second)
			}
			return map[string][]byte{keys[0]: []byte("v")}, nil
		}
		for range 20 { // a wrong one is right half of the time
			got, err := c.GetOrSetMany(t.Context(), []string{"slow", "quick"}, load, cache.BatchSize(1), cache.HardTimeout(time.Millisecond), cache.NoStore())
			many, _ := errors.AsType[cache.ManyError](err)
			if string(got["quick"]) != "v" || len(many) != 1 || !errors.Is(many["slow"], cache.ErrLoadTimeout) {
				t.Fatalf("got %q, %v; want the quick one", got, err)
			}
			time.Sleep(2 * time.Second)
		}
	})
}

func TestGetOrSetManyHardTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := cache.For[string](open(t, nil, nil))
		s := &shelf{takes: time.Second}
		got, err := c.GetOrSetMany(t.Context(), []string{"a", "b"}, s.load, cache.HardTimeout(time.Millisecond))
		if len(got) != 0 || !errors.Is(err, cache.ErrLoadTimeout) {
			t.Errorf("got %v, %v, want ErrLoadTimeout", got, err)
		}
		time.Sleep(2 * time.Second)
		getMany(t, c, s, "a1 b1", "a b")
	})
}

// late has a miss of "k" find its value stored by the time it is to be loaded:
// the read of the second caller is held up until the first one's load is done.
func late(t *testing.T, second func(c cache.Typed[string])) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		store := &tapped{Store: locmem.New(nil)}
		var reads atomic.Int64
		landed := make(chan struct{})
		store.get = func(ctx context.Context, key driver.Key, hold time.Duration, next driver.Store) (driver.Reading, error) {
			r, err := next.Get(ctx, key, hold)
			if reads.Add(1) == 2 {
				<-landed
			}
			return r, err
		}
		c := cache.For[string](open(t, heldMany{store}, nil))
		goOn := make(chan struct{})
		var wg sync.WaitGroup
		wg.Go(func() {
			_, _ = c.GetOrSet(t.Context(), "k", func(context.Context) (string, error) { <-goOn; return "first", nil })
		})
		synctest.Wait()
		wg.Go(func() { second(c) })
		synctest.Wait()
		close(goOn)
		synctest.Wait()
		close(landed)
		wg.Wait()
	})
}

// heldMany reads many keys one by one, where a test can hold it up.
type heldMany struct{ *tapped }

func (s heldMany) GetMany(ctx context.Context, keys []driver.Key, hold time.Duration) ([]driver.KeyReading, error) {
	out := make([]driver.KeyReading, len(keys))
	for i, k := range keys {
		out[i].Reading, out[i].Err = s.Get(ctx, k, hold)
	}
	return out, nil
}

// Whoever comes to load what has just been loaded looks first.
func TestALateCallerLooksAgain(t *testing.T) {
	t.Parallel()
	never := func(context.Context) (string, error) { t.Error("loaded again"); return "", nil }
	late(t, func(c cache.Typed[string]) {
		if got, err := c.GetOrSet(context.Background(), "k", never); got != "first" || err != nil {
			t.Errorf("GetOrSet: got %q, %v", got, err)
		}
	})
	late(t, func(c cache.Typed[string]) {
		s := new(shelf)
		got, err := c.GetOrSetMany(context.Background(), []string{"k", "other"}, s.load)
		if got["k"] != "first" || got["other"] != "other1" || err != nil {
			t.Errorf("GetOrSetMany: got %v, %v", got, err)
		}
		s.calls(t, "other")
	})
}

// But not if it wants a value whose loader began after its call.
func TestALateRefreshLoads(t *testing.T) {
	t.Parallel()
	late(t, func(c cache.Typed[string]) {
		got, err := c.GetOrSet(context.Background(), "k", func(context.Context) (string, error) { return "second", nil }, cache.Refresh())
		if got != "second" || err != nil {
			t.Errorf("got %q, %v, want what its own loader made", got, err)
		}
	})
}

// Each key that was read is counted, also of a call that was given up.
func TestStatsOfABatchThatIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client := open(t, nil, nil)
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		s := &shelf{takes: time.Second}
		if _, err := cache.For[string](client).GetOrSetMany(ctx, []string{"a", "b", "c"}, s.load); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
		if got := client.Stats().Misses; got != 3 {
			t.Errorf("Misses: got %d, want 3", got)
		}
	})
}

// HardTimeout bounds the whole call, however many flights it has waited for.
func TestHardTimeoutOfACallThatLoadsAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client := open(t, nil, nil)
		c := cache.For[string](client)
		load := func(context.Context) (string, error) { time.Sleep(time.Second); return "v", nil }
		go func() { _, _ = c.GetOrSet(t.Context(), "k", load, cache.Tags("t")) }()
		synctest.Wait()
		if err := client.Invalidate(t.Context(), "t"); err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		_, err := c.GetOrSet(t.Context(), "k", load, cache.Tags("t"), cache.HardTimeout(1500*time.Millisecond))
		if took := time.Since(began); !errors.Is(err, cache.ErrLoadTimeout) || took != 1500*time.Millisecond {
			t.Errorf("got %v after %v, want ErrLoadTimeout after the timeout", err, took)
		}
	})
}

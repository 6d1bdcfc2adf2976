package memcachedstore_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/stratacache/strata/backends/memcachedstore"
	"github.com/stratacache/strata/cache"
	"github.com/stratacache/strata/cache/driver"
	"github.com/stratacache/strata/internal/servertest"
)

// R14: whatever a key holds, its name is one that memcached takes as one word,
// and no two keys have the same.
func TestNames(t *testing.T) {
	t.Parallel()
	s := with(t, &memcachedstore.Options{Namespace: strings.Repeat("n", 64)}, "a")
	of := make(map[string]string)
	check := func(k driver.Key) string {
		name := s.Name(k)
		if len(name) > 250 || strings.ContainsFunc(name, func(r rune) bool { return r <= ' ' || r >= 0x7f }) {
			return fmt.Sprintf("%q has the name %q", k.String(), name)
		}
		if other, ok := of[name]; ok && other != k.String() {
			return fmt.Sprintf("%q and %q have the name %q", k.String(), other, name)
		}
		of[name] = k.String()
		return ""
	}
	for _, name := range []string{"", " ", "a", "a ", "k:a", "#", ":", "\r\nflush_all\r\n", "\x00", "\x7f", "é", "\xff", strings.Repeat("x", 200), strings.Repeat("x", 250), strings.Repeat("x", 251), strings.Repeat("x", 1<<20)} {
		if bad := check(driver.Key{Name: name}); bad != "" {
			t.Error(bad)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		raw := rapid.SliceOfN(rapid.Byte(), 0, 300).Draw(t, "key")
		if bad := check(driver.Key{Scope: string(raw[:len(raw)/2]), Name: string(raw[len(raw)/2:])}); bad != "" {
			t.Fatal(bad)
		}
	})
}

// LL-038, LL-039, LL-040, BUG-30: the server is told a time that it understands,
// and never one that is too short.
func TestExpiry(t *testing.T) {
	t.Parallel()
	now := time.Unix(1_800_000_000, 500)
	const day = 24 * time.Hour
	for d, want := range map[time.Duration]int64{
		1:                    2,
		time.Second:          2,
		time.Second + 1:      3,
		30*day - time.Second: 30 * 86400,
		30 * day:             1_800_000_000 + 30*86400 + 1, // with the second more it is a date
		365 * day:            1_800_000_000 + 365*86400 + 1,
		(1<<31 - 1 - 1_800_000_000) * time.Second: 0, // past the end of 32 bits
		100 * 365 * day: 0,
	} {
		if got := memcachedstore.Expiry(d, now); got != want {
			t.Errorf("%v: got %d, want %d", d, got, want)
		}
	}
	s := open(t, servertest.SharedMemcached(t)[0])
	for _, d := range []time.Duration{day, 30 * day, 31 * day, 10 * 365 * day, 200 * 365 * day} {
		e := value("v")
		e.Life.Expires = time.Now().Add(d).UnixNano()
		set(t, s, "k", e)
		want(t, s, "k", "v")
	}
}

// LL-027: a value over the limit of the server fails, and what stood there is
// gone, or still there, as the mode says.
func TestItemLimit(t *testing.T) {
	t.Parallel()
	s := open(t, servertest.SharedMemcached(t)[0])
	large := func() *driver.Entry { return value(strings.Repeat("x", 1<<20)) }
	set(t, s, "fits", value(strings.Repeat("x", 1<<20-1<<10)))
	set(t, s, "k", value("old"))
	clock := get(t, s, "k", 0).Fence.Stamp
	if _, err := s.Put(t.Context(), key("k"), large(), driver.Set, 0); !errors.Is(err, driver.ErrTooLarge) {
		t.Fatalf("Set: got error %v, want %v", err, driver.ErrTooLarge)
	}
	want(t, s, "k", "")
	if now := get(t, s, "k", 0).Fence.Stamp; now.N <= clock.N {
		t.Errorf("the clock: got %v after %v, want it to advance", now, clock)
	}
	set(t, s, "k", value("old"))
	rs := s.PutMany(t.Context(), []driver.Item{
		{Key: key("a"), Entry: value("1")}, {Key: key("k"), Entry: large()}, {Key: key("b"), Entry: value("2")},
	})
	if rs[0].Err != nil || rs[2].Err != nil || !errors.Is(rs[1].Err, driver.ErrTooLarge) {
		t.Errorf("PutMany: got %+v", rs)
	}
	want(t, s, "k", "")
	want(t, s, "a", "1")
	want(t, s, "b", "2")
	r := get(t, s, "p", time.Minute)
	e := large()
	e.Stamp = r.Fence.Stamp
	if _, err := s.Put(t.Context(), key("p"), e, driver.Fill, r.Fence.Token); !errors.Is(err, driver.ErrTooLarge) {
		t.Errorf("Fill: got error %v, want %v", err, driver.ErrTooLarge)
	}
	if !fill(t, s, "p", value("small"), r.Fence) {
		t.Error("after a Fill that was too large: the token no longer stands")
	}
}

// H13, H15: whatever part of the record is lost, nothing that was invalidated is
// served, and after a load all is well again.
func TestEveryPartOfTheRecordCanBeLost(t *testing.T) {
	t.Parallel()
	s := open(t, servertest.SharedMemcached(t)[0])
	parts := map[string]func() []string{
		"clock":  func() []string { return []string{s.ClockName()} },
		"all":    func() []string { return []string{s.AllName()} },
		"tag":    func() []string { return []string{s.TagName("t")} },
		"guards": s.GuardNames,
		"tag and guards": func() []string {
			return append(s.GuardNames(), s.TagName("t"))
		},
	}
	for what, names := range parts {
		for _, invalidated := range []bool{false, true} {
			load := func(v string) bool {
				r := get(t, s, "k", time.Minute)
				return fill(t, s, "k", value(v, "t"), r.Fence)
			}
			set(t, s, "k", value("old", "t"))
			before := get(t, s, "l", time.Minute)
			if invalidated {
				invalidate(t, s, nil, []string{"t"})
			}
			for _, n := range names() {
				if err := s.Lose(t.Context(), n); err != nil {
					t.Fatal(err)
				}
			}
			if r := get(t, s, "k", 0); r.Entry != nil && (invalidated || what != "guards") {
				t.Errorf("%s lost, invalidated %v: got %q", what, invalidated, r.Entry.Payload)
			}
			if invalidated && fill(t, s, "l", value("late", "t"), before.Fence) {
				t.Errorf("%s lost: a load that began before an invalidation was stored", what)
			}
			invalidate(t, s, []string{"k", "l"}, nil)
			load("new") // one more load is what a loss may cost
			if !load("new") {
				t.Errorf("%s lost, invalidated %v: the second load was refused", what, invalidated)
			}
			want(t, s, "k", "new")
			invalidate(t, s, nil, []string{"t"})
			want(t, s, "k", "")
		}
	}
}

// A server that is full evicts what it likes: entries, placeholders, stamps,
// guards and the clock. Nothing stale is served, and something is cached.
func TestEviction(t *testing.T) {
	t.Parallel()
	server := servertest.Memcached(t, "-m", "2")
	s := open(t, server.Addr)
	c, err := cache.New(s, nil)
	if err != nil {
		t.Fatal(err)
	}
	numbers := cache.For[int64](c)
	const keys = 300
	var rows, settled [keys]atomic.Int64
	var reads, loads atomic.Int64
	var writer, wg sync.WaitGroup
	stop := make(chan struct{})
	for worker := range 4 {
		wg.Go(func() {
			rng := rand.New(rand.NewPCG(uint64(worker), 1))
			for {
				select {
				case <-stop:
					return
				default:
				}
				i := rng.IntN(keys)
				since := settled[i].Load()
				got, err := numbers.GetOrSet(t.Context(), fmt.Sprint(i), func(context.Context) (int64, error) {
					loads.Add(1)
					return rows[i].Load(), nil
				}, cache.Tags(fmt.Sprint("tag ", i), "all of them"))
				reads.Add(1)
				if err != nil || got < since {
					t.Errorf("key %d: got %d, error %v, after %d was invalidated", i, got, err, since)
					return
				}
			}
		})
	}
	writer.Go(func() { // fills the server, and invalidates
		for n := range 250 {
			i := n % keys
			v := rows[i].Add(1)
			if err := c.Invalidate(t.Context(), fmt.Sprint("tag ", i)); err != nil {
				t.Errorf("Invalidate: %v", err)
				return
			}
			settled[i].Store(v)
			// Items of the sizes of entries, and of stamps.
			junk := make([]driver.Item, 100)
			tags := make([]string, len(junk))
			for j := range junk {
				tags[j] = fmt.Sprint("junk ", n, j)
				junk[j] = driver.Item{Key: key(tags[j]), Entry: value(strings.Repeat("x", 50+j))}
			}
			s.PutMany(t.Context(), junk)
			invalidate(t, s, nil, tags)
		}
	})
	writer.Wait()
	close(stop)
	wg.Wait()
	evicted := evictions(t, server.Addr)
	t.Logf("%d reads, %d loads, %s evictions", reads.Load(), loads.Load(), evicted)
	if reads.Load() == loads.Load() || evicted == "0" {
		t.Error("nothing was cached, or nothing was evicted")
	}
	if err := c.Close(t.Context()); err != nil {
		t.Error(err)
	}
}

// evictions asks a server how many items it has evicted.
func evictions(t *testing.T, addr string) string {
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.Write([]byte("stats\r\n")); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(c)
	for lines.Scan() {
		if n, ok := strings.CutPrefix(lines.Text(), "STAT evictions "); ok {
			return n
		}
	}
	t.Fatalf("got no evictions: %v", lines.Err())
	return ""
}

// A tag whose invalidation was broken off before the clock advanced does not
// refuse loads for ever.
func TestABrokenInvalidationHeals(t *testing.T) {
	t.Parallel()
	s := open(t, servertest.SharedMemcached(t)[0])
	set(t, s, "k", value("v", "t"))
	n := get(t, s, "k", 0).Fence.Stamp.N
	if err := s.Plant(t.Context(), s.TagName("t"), fmt.Append(nil, n+1)); err != nil {
		t.Fatal(err)
	}
	want(t, s, "k", "")
	for range 2 {
		r := get(t, s, "k", time.Minute)
		if fill(t, s, "k", value("new", "t"), r.Fence) {
			want(t, s, "k", "new")
			return
		}
	}
	t.Error("no load is stored")
}

// The keys of an overflowing clock: the epoch ends.
func TestClockOverflow(t *testing.T) {
	t.Parallel()
	s := open(t, servertest.SharedMemcached(t)[0])
	set(t, s, "k", value("v", "t"))
	before := get(t, s, "k", 0).Fence.Stamp
	last := before.Epoch<<36 | (1<<36 - 2)
	if err := s.Plant(t.Context(), s.ClockName(), fmt.Append(nil, last)); err != nil {
		t.Fatal(err)
	}
	want(t, s, "k", "v")
	for i := range 5 {
		v := fmt.Sprint(i)
		set(t, s, "k", value(v, "t"))
		want(t, s, "k", v)
		if i%2 == 1 {
			invalidate(t, s, nil, []string{"t"})
			want(t, s, "k", "")
		}
	}
	if now := get(t, s, "k", 0).Fence.Stamp; now.Epoch != before.Epoch+1 {
		t.Errorf("got the clock %v, want the epoch after %d", now, before.Epoch)
	}
}

package memcachedstore_test

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stratacache/strata/backends/memcachedstore"
	"github.com/stratacache/strata/cache/driver"
)

var seeds = flag.Int("interleavings", 40, "how many orders of commands TestInterleavings tries of each kind")

// The steps that take several commands, done at the same time by several
// processes, in an order that is drawn: no reader gets what was invalidated
// before it began, and no reading has a clock that is ahead of what it shows.
func TestInterleavings(t *testing.T) {
	t.Parallel()
	for _, x := range []struct {
		name string
		// evicted are the kinds of items that are lost now and then: the letters
		// that their names begin with.
		evicted string
	}{
		{"nothing is lost", ""},
		{"entries are lost", "k"},
		{"the clock is lost", "c"},
		{"the record is lost in parts", "cag"},
		{"tags are lost", "t"},
		{"all is lost", "kcagt"},
	} {
		t.Run(x.name, func(t *testing.T) {
			t.Parallel()
			var total tally
			for seed := range *seeds {
				synctest.Test(t, func(t *testing.T) { interleave(t, uint64(seed), x.evicted, &total) })
				if t.Failed() {
					t.Fatalf("with seed %d", seed)
				}
			}
			t.Logf("%+v", total)
			if total.Hits == 0 || total.Stored == 0 || total.Refused == 0 {
				t.Errorf("got %+v: something never happened", total)
			}
		})
	}
}

// tally counts what happened.
type tally struct{ Hits, Loads, Stored, Refused, Commands int }

// history is what the tasks of one run have seen. mu is held but while a task waits for
// its turn: some tasks are answered together.
type history struct {
	mu      sync.Mutex
	tagged  bool // all entries have tags, and nothing is invalidated but by them
	row     int  // the version in the database
	settled int  // the version that was invalidated last: no reader may see less
	steps   []step
	shown   []step
	tally
}

// step is an invalidation (or a write) that was acknowledged, or a reading.
type step struct {
	clock   driver.Stamp
	version int
}

func interleave(t *testing.T, seed uint64, evicted string, total *tally) {
	rng := rand.New(rand.NewPCG(seed, 1))
	turns := make(chan chan struct{}, 100)
	f := newFake(func() {
		mine := make(chan struct{})
		turns <- mine
		<-mine
	})
	h := history{tagged: seed%2 == 1}
	narrow := seed/2%2 == 1
	stores := make([]*memcachedstore.Store, 3)
	for i := range stores {
		s, err := memcachedstore.New([]string{"fake"}, &memcachedstore.Options{DialContext: f.dial, Timeout: time.Hour, DialTimeout: time.Hour})
		if err != nil {
			t.Fatal(err)
		}
		if stores[i] = s; narrow {
			s.Narrow()
		}
	}
	yield := func() {
		h.mu.Unlock()
		defer h.mu.Lock()
		mine := make(chan struct{})
		turns <- mine
		<-mine
	}
	tasks := 5
	ended := make(chan struct{}, tasks)
	for range tasks {
		script := make([]int, 6)
		for i := range script {
			script[i] = rng.IntN(9)
		}
		s := stores[rng.IntN(len(stores))]
		go func() {
			defer func() { ended <- struct{}{} }()
			for _, do := range script {
				h.act(t, s, do, yield)
			}
		}()
	}
	var waiting []chan struct{}
	for done := 0; done < tasks; {
		synctest.Wait() // all wait for their turn, or have ended
		for len(turns) > 0 {
			waiting = append(waiting, <-turns)
		}
		for len(ended) > 0 {
			<-ended
			done++
		}
		if len(waiting) == 0 {
			if done < tasks {
				time.Sleep(time.Millisecond) // somebody waits to give way
			}
			continue
		}
		if evicted != "" && rng.IntN(12) == 0 {
			f.evict(func(names []string) string {
				slices.Sort(names)
				names = slices.DeleteFunc(names, func(n string) bool {
					kind := n[strings.LastIndexByte(n[:len("strata:12345678:")], ':')+1:]
					return !strings.ContainsRune(evicted, rune(kind[0]))
				})
				if len(names) == 0 {
					return ""
				}
				return names[rng.IntN(len(names))]
			})
		}
		i := rng.IntN(len(waiting))
		close(waiting[i])
		waiting = slices.Delete(waiting, i, i+1)
		h.Commands++
	}
	h.check(t)
	total.Hits += h.Hits
	total.Loads += h.Loads
	total.Stored += h.Stored
	total.Refused += h.Refused
	total.Commands += h.Commands
	f.turn = nil
	for _, s := range stores {
		_ = s.Close(context.Background())
	}
	f.conns.Wait()
}

// act is one step of a task.
func (h *history) act(t *testing.T, s *memcachedstore.Store, do int, yield func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	k := key("k")
	ctx := context.Background()
	entry := func(version int) *driver.Entry {
		e := &driver.Entry{Life: driver.Life{Fresh: driver.Forever, Expires: driver.Forever}, Payload: []byte(strconv.Itoa(version))}
		if h.tagged || do%2 == 0 {
			e.Tags = []string{"t", "u"}
		}
		return e
	}
	settle := func(clock driver.Stamp, version int, err error) {
		if err != nil {
			t.Errorf("got error %v", err)
			return
		}
		h.settled = max(h.settled, version)
		h.steps = append(h.steps, step{clock, version})
	}
	commit := func() int {
		yield()
		h.row++
		version := h.row
		yield()
		return version
	}
	invalidate := func(what driver.Invalidation) {
		version := commit()
		h.mu.Unlock()
		r, err := s.Invalidate(ctx, what)
		h.mu.Lock()
		settle(r.Clock, version, err)
	}
	switch do {
	case 0, 1, 2, 3: // get or load
		since := h.settled
		var hold time.Duration
		if do > 0 {
			hold = time.Hour
		}
		h.mu.Unlock()
		r, err := s.Get(ctx, k, hold)
		h.mu.Lock()
		if err != nil {
			t.Errorf("Get: %v", err)
			return
		}
		if r.Entry != nil {
			h.Hits++
			got, _ := strconv.Atoi(string(r.Entry.Payload))
			h.shown = append(h.shown, step{r.Fence.Stamp, got})
			if got < since {
				t.Errorf("a read that began after version %d was invalidated got version %d (%s)", since, got, fmt.Sprint(r.Entry.Tags))
			}
		}
		if hold == 0 || r.Entry != nil && do < 3 {
			return
		}
		h.Loads++
		yield()
		e := entry(h.row)
		yield()
		e.Stamp = r.Fence.Stamp
		h.mu.Unlock()
		p, err := s.Put(ctx, k, e, driver.Fill, r.Fence.Token)
		h.mu.Lock()
		switch {
		case err != nil:
			t.Errorf("Fill: %v", err)
		case p.Done:
			h.Stored++
		default:
			h.Refused++
		}
	case 4:
		what := driver.Invalidation{Keys: []driver.Key{k}}
		if h.tagged {
			what = driver.Invalidation{Tags: []string{"u", "v"}}
		}
		invalidate(what)
	case 5:
		what := driver.Invalidation{Tags: []string{"t"}}
		if !h.tagged {
			what.Keys = []driver.Key{k}
		}
		invalidate(what)
	case 6:
		invalidate(driver.Invalidation{Tags: []string{driver.TagAll}})
	case 7: // write through
		h.mu.Unlock()
		r, err := s.Get(ctx, k, time.Hour)
		h.mu.Lock()
		if err != nil {
			t.Errorf("Get: %v", err)
			return
		}
		version := commit()
		e := entry(version)
		e.Stamp = r.Fence.Stamp
		h.mu.Unlock()
		p, err := s.Put(ctx, k, e, driver.SetFenced, r.Fence.Token)
		h.mu.Lock()
		settle(p.Clock, version, err)
	case 8: // a touch changes nothing but the life
		h.mu.Unlock()
		_, err := s.Touch(ctx, k, driver.Life{Fresh: driver.Forever, Expires: driver.Forever})
		h.mu.Lock()
		if err != nil {
			t.Errorf("Touch: %v", err)
		}
	}
}

// check looks at all readings once all steps have their numbers.
func (h *history) check(t *testing.T) {
	for _, r := range h.shown {
		for _, s := range h.steps {
			if s.clock.Epoch == r.clock.Epoch && s.clock.N <= r.clock.N && r.version < s.version {
				t.Errorf("a reading with the clock %v shows version %d, but version %d was invalidated at %v", r.clock, r.version, s.version, s.clock)
				return
			}
		}
	}
}

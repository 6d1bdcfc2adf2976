package memcachedstore_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stratacache/strata/backends/memcachedstore"
	"github.com/stratacache/strata/cache/driver"
	"github.com/stratacache/strata/internal/servertest"
)

// Callers that come at once each get what is theirs: large values and small, keys of
// others and their own, with holds and without. Each Set has a number of its own.
func TestManyCallers(t *testing.T) {
	t.Parallel()
	two := servertest.SharedMemcached(t)
	for name, s := range map[string]*memcachedstore.Store{
		"one server": open(t, two[0]), "two servers": open(t, two[:]...), "in one place": open(t, two[:]...).Narrow(),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			const callers, rounds = 24, 8
			before := get(t, s, "none", 0).Fence.Stamp.N
			var numbers sync.Map
			put := func(name, payload string) bool {
				r, err := s.Put(t.Context(), key(name), value(payload), driver.Set, 0)
				if err != nil || !r.Done {
					t.Errorf("Set: %+v, %v", r, err)
					return false
				}
				if _, twice := numbers.LoadOrStore(r.Clock.N, true); twice || r.Clock.N <= before {
					t.Errorf("two Sets have the number %d, or it was %d before", r.Clock.N, before)
				}
				return true
			}
			var wg sync.WaitGroup
			for g := range callers {
				wg.Go(func() {
					name := fmt.Sprint("key ", g)
					for i := range rounds {
						payload := strings.Repeat(fmt.Sprintf("%d/%d ", g, i), 1+i%2*5000)
						if !put(name, payload) || !put("of all", payload) {
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
		})
	}
}

// Of those who miss at once one plants, and all have its token.
func TestManyMiss(t *testing.T) {
	t.Parallel()
	s := open(t, servertest.SharedMemcached(t)[0]).Narrow()
	for i := range 20 {
		name := fmt.Sprint("absent ", i)
		var planted atomic.Int32
		var tokens sync.Map
		var wg sync.WaitGroup
		for range 16 {
			wg.Go(func() {
				r, err := s.Get(t.Context(), key(name), time.Minute)
				if err != nil || r.Entry != nil {
					t.Errorf("Get: %+v, %v", r, err)
				}
				if tokens.Store(r.Fence.Token, true); r.Planted {
					planted.Add(1)
				}
			})
		}
		wg.Wait()
		if planted.Load() != 1 {
			t.Errorf("%d have planted", planted.Load())
		}
		different := 0
		tokens.Range(func(any, any) bool { different++; return true })
		if different != 1 {
			t.Errorf("there are %d tokens", different)
		}
	}
}

// Who leaves says so as anybody whose context ended.
func TestLeaving(t *testing.T) {
	t.Parallel()
	s := open(t, servertest.SharedMemcached(t)[0]).Narrow()
	set(t, s, "k", value("v"))
	check := func(call string, err error) {
		if err != nil && (!errors.Is(err, context.DeadlineExceeded) || !strings.HasPrefix(err.Error(), "memcachedstore: ")) {
			t.Errorf("%s: %v", call, err)
		}
	}
	var wg sync.WaitGroup
	for g := range 32 {
		wg.Go(func() {
			ctx, cancel := context.WithTimeout(t.Context(), time.Duration(g)*100*time.Microsecond)
			defer cancel()
			r, err := s.Get(ctx, key("k"), 0)
			if check("Get", err); err == nil && (r.Entry == nil || string(r.Entry.Payload) != "v") {
				t.Errorf("Get: %+v", r)
			}
			_, err = s.Put(ctx, key(fmt.Sprint(g)), value("v"), driver.Set, 0)
			check("Set", err)
		})
	}
	wg.Wait()
	want(t, s, "k", "v")
}

// of returns n names that a server has.
func of(s *memcachedstore.Store, server, kind string, n int) (names []string) {
	for i := 0; len(names) < n; i++ {
		if name := fmt.Sprint(kind, i); s.ServerOf(s.Name(key(name))) == server {
			names = append(names, name)
		}
	}
	return names
}

// three returns a store of three servers, one of which, that has not the clock, is to
// fail, and another one.
func three(t *testing.T) (s *memcachedstore.Store, fails, other *servertest.Server) {
	servers := []*servertest.Server{servertest.Memcached(t), servertest.Memcached(t), servertest.Memcached(t)}
	s = open(t, servers[0].Addr, servers[1].Addr, servers[2].Addr).Narrow()
	clock := 0
	for servers[clock].Addr != s.ServerOf(s.ClockName()) {
		clock++
	}
	return s, servers[(clock+1)%3], servers[(clock+2)%3]
}

// A dead server fails its own keys, though they come with those of others.
func TestManyCallersAndADeadServer(t *testing.T) {
	t.Parallel()
	s, dead, _ := three(t)
	var names []string
	for i := range 48 {
		names = append(names, fmt.Sprint(i))
		set(t, s, names[i], value(names[i]))
	}
	dead.Kill()
	var wg sync.WaitGroup
	for _, name := range names {
		wg.Go(func() {
			down := s.ServerOf(s.Name(key(name))) == dead.Addr
			for range 20 {
				r, err := s.Get(t.Context(), key(name), 0)
				if (err != nil) != down || !down && (r.Entry == nil || string(r.Entry.Payload) != name) {
					t.Errorf("Get of %s, which is down: %v: %+v, %v", name, down, r, err)
				}
				if _, err := s.Put(t.Context(), key(name), value(name), driver.Set, 0); (err != nil) != down {
					t.Errorf("Set of %s, which is down: %v: %v", name, down, err)
				}
			}
		})
	}
	wg.Wait()
}

// A server that hangs keeps nobody waiting but those who need something of it: its
// keys, or the stamp of a tag.
func TestManyCallersAndAFrozenServer(t *testing.T) {
	t.Parallel()
	s, frozen, other := three(t)
	tag := ""
	for i := 0; tag == "" || s.ServerOf(s.TagName(tag)) != frozen.Addr; i++ {
		get(t, s, "none", 0) // so that there is a record
		tag = fmt.Sprint("tag ", i)
	}
	slow, tagged, quick := of(s, frozen.Addr, "s", 12), of(s, other.Addr, "t", 12), of(s, other.Addr, "q", 12)
	for i := range slow {
		set(t, s, slow[i], value("v"))
		set(t, s, tagged[i], value("v", tag))
		set(t, s, quick[i], value("v"))
	}
	frozen.Freeze()
	var hang, wg sync.WaitGroup
	reads := func(name string) {
		if r, err := s.Get(t.Context(), key(name), 0); err != nil || r.Entry == nil {
			t.Errorf("Get of %s: %+v, %v", name, r, err)
		}
	}
	writes := func(name string) {
		if r, err := s.Put(t.Context(), key(name), value("w"), driver.Set, 0); err != nil || !r.Done {
			t.Errorf("Set of %s: %+v, %v", name, r, err)
		}
	}
	var thawed atomic.Bool
	for i := range slow {
		for _, call := range []func(){func() { reads(slow[i]) }, func() { writes(slow[i]) }, func() { reads(tagged[i]) }} {
			hang.Go(func() {
				if call(); !thawed.Load() {
					t.Error("a call that needs the server ended")
				}
			})
		}
		wg.Go(func() {
			for range 20 {
				reads(quick[i])
				writes(quick[i])
			}
		})
	}
	wg.Wait()
	thawed.Store(true)
	frozen.Thaw()
	hang.Wait()
}

// Who waits for others has no more time than the Timeout either, and no less.
func TestTimeoutTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var hangs atomic.Bool
		thaw := make(chan struct{})
		f := newFake(func() {
			if hangs.Load() {
				<-thaw
			}
		})
		s, err := memcachedstore.New([]string{"fake"}, &memcachedstore.Options{DialContext: f.dial, Timeout: time.Second})
		if err != nil {
			t.Fatal(err)
		}
		set(t, s, "k", value("v"))
		hangs.Store(true)
		began := time.Now()
		var wg sync.WaitGroup
		for range 16 {
			for call, do := range map[string]func() error{
				"Get": func() error { _, err := s.Get(context.Background(), key("k"), 0); return err },
				"Set": func() error {
					_, err := s.Put(context.Background(), key("k"), value("v"), driver.Set, 0)
					return err
				},
			} {
				wg.Go(func() {
					if err := do(); !errors.Is(err, os.ErrDeadlineExceeded) {
						t.Errorf("%s: got error %v, want that of a connection", call, err)
					}
					if took := time.Since(began); took != time.Second {
						t.Errorf("%s took %v", call, took)
					}
				})
			}
		}
		wg.Wait()
		close(thaw)
		if err := s.Close(t.Context()); err != nil {
			t.Error(err)
		}
		f.conns.Wait()
	})
}

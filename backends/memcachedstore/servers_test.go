package memcachedstore_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/bradfitz/gomemcache/memcache"

	"github.com/stratacache/strata/backends/memcachedstore"
	"github.com/stratacache/strata/cache/driver"
	"github.com/stratacache/strata/internal/servertest"
)

// A fourth server takes about a quarter of the keys, a share of each of the
// others, and nothing else moves.
func TestANewServerTakesItsShare(t *testing.T) {
	t.Parallel()
	names := []string{"a:1", "b:1", "c:1"}
	three, four := with(t, nil, names...), with(t, nil, append(names, "d:1")...)
	const keys = 20_000
	moved, share := 0, make(map[string]int)
	for i := range keys {
		name := fmt.Sprint("key ", i) // the same in both: only the place is asked for
		before, after := three.ServerOf(name), four.ServerOf(name)
		share[after]++
		if before != after {
			moved++
			if after != "d:1" {
				t.Fatalf("%s moved from %s to %s", name, before, after)
			}
		}
	}
	if moved < keys/5 || moved > keys*3/10 {
		t.Errorf("%d of %d keys moved, want about a quarter", moved, keys)
	}
	for server, n := range share {
		if n < keys/5 || n > keys*3/10 {
			t.Errorf("%s has %d of %d keys, want about a quarter", server, n, keys)
		}
	}
}

// H18: with other servers, other names are asked for. The order and the spelling
// of the same servers make no difference.
func TestServersAreAPartOfTheNames(t *testing.T) {
	t.Parallel()
	k := key("k")
	base := with(t, nil, "a", "b:2").Name(k)
	for _, same := range [][]string{{"b:2", "a:11211"}, {"A", "b:2"}} {
		if got := with(t, nil, same...).Name(k); got != base {
			t.Errorf("%q: got %s, want %s", same, got, base)
		}
	}
	for _, other := range [][]string{{"a"}, {"a", "b:3"}, {"a", "b:2", "c"}, {"unix:/a", "b:2"}} {
		if got := with(t, nil, other...).Name(k); got == base {
			t.Errorf("%q: got %s as well", other, got)
		}
	}
}

// A server that is down is an error for its keys, and for no others.
func TestADeadServerAmongThree(t *testing.T) {
	t.Parallel()
	servers := []*servertest.Server{servertest.Memcached(t), servertest.Memcached(t), servertest.Memcached(t)}
	s := open(t, servers[0].Addr, servers[1].Addr, servers[2].Addr)
	var keys []driver.Key
	var items []driver.Item
	for i := range 60 {
		keys = append(keys, key(fmt.Sprint(i)))
		items = append(items, driver.Item{Key: keys[i], Entry: value(fmt.Sprint(i))})
	}
	for _, r := range s.PutMany(t.Context(), items) {
		if r.Err != nil {
			t.Fatal(r.Err)
		}
	}
	clock := s.ServerOf(s.ClockName())
	dead := servers[0]
	if dead.Addr == clock {
		dead = servers[1]
	}
	dead.Kill()
	down := func(k driver.Key) bool { return s.ServerOf(s.Name(k)) == dead.Addr }
	rs, err := s.GetMany(t.Context(), keys, 0)
	if err != nil {
		t.Fatal(err)
	}
	lost := 0
	for i, r := range rs {
		switch {
		case down(keys[i]):
			lost++
			if r.Err == nil {
				t.Errorf("key %d of the dead server: got %+v and no error", i, r.Reading)
			}
		case r.Err != nil || r.Entry == nil:
			t.Errorf("key %d: got %+v, error %v", i, r.Reading, r.Err)
		}
	}
	if lost < 8 || lost > 35 {
		t.Errorf("%d of 60 keys are lost, want about a third", lost)
	}
	for i, k := range keys {
		_, err := s.Put(t.Context(), k, value("new"), driver.Set, 0)
		if (err != nil) != down(k) {
			t.Errorf("Set of key %d: got error %v, on the dead server: %v", i, err, down(k))
		}
	}
	if err := s.Ping(t.Context()); err == nil || !strings.Contains(err.Error(), dead.Addr) {
		t.Errorf("Ping: got error %v, want one that names %s", err, dead.Addr)
	}
	dead.Restart()
	for i, k := range keys {
		if _, err := s.Put(t.Context(), k, value("again"), driver.Set, 0); err != nil {
			t.Errorf("Set of key %d after the restart: %v", i, err)
		}
		want(t, s, k.Name, "again")
	}
}

// A server that restarts counts its CAS ids from 1 again: a fence of before meets
// nothing, though the clock's server and so the epoch are the same.
func TestAFenceDoesNotOutliveItsServer(t *testing.T) {
	t.Parallel()
	one, two := servertest.Memcached(t), servertest.Memcached(t)
	s := open(t, one.Addr, two.Addr)
	other := one
	if s.ServerOf(s.ClockName()) == one.Addr {
		other = two
	}
	name := ""
	for i := 0; name == "" || s.ServerOf(s.Name(key(name))) != other.Addr; i++ {
		name = fmt.Sprint(i)
	}
	before := get(t, s, name, time.Minute)
	other.Restart()
	after := get(t, s, name, time.Minute)
	if before.Fence.Stamp != after.Fence.Stamp {
		t.Fatalf("the clock: got %v, want %v", after.Fence.Stamp, before.Fence.Stamp)
	}
	if fill(t, s, name, value("old"), before.Fence) {
		t.Error("a load that began before the restart was stored")
	}
	if !fill(t, s, name, value("new"), after.Fence) {
		t.Error("a load that began after the restart was refused")
	}
	want(t, s, name, "new")
}

// All that a restart loses is gone, and a new epoch begins.
func TestARestartIsANewEpoch(t *testing.T) {
	t.Parallel()
	server := servertest.Memcached(t)
	s := open(t, server.Addr)
	before := set(t, s, "k", value("v", "t")).Clock
	fence := get(t, s, "l", time.Minute).Fence
	for range 3 { // connections that are idle are found dead, and that is no error
		server.Restart()
		r := get(t, s, "k", 0)
		if r.Entry != nil || r.Fence.Stamp.Epoch == before.Epoch {
			t.Fatalf("got %+v, want nothing in another epoch than %v", r, before)
		}
		if fill(t, s, "l", value("old"), fence) {
			t.Fatal("a load that began before the restart was stored")
		}
		server.Restart()
		set(t, s, "k", value("v", "t"))
		want(t, s, "k", "v")
		server.Restart()
		e := value("1")
		e.Kind = driver.Integer
		if sum, err := s.Incr(t.Context(), key("n"), 1, e); err != nil || !sum.Created {
			t.Fatalf("Incr: got %+v, %v", sum, err)
		}
	}
}

// A call that is canceled ends, though its context has no deadline and the
// server does not answer.
func TestCancel(t *testing.T) {
	t.Parallel()
	server := servertest.Memcached(t)
	s := open(t, server.Addr)
	set(t, s, "k", value("v"))
	server.Freeze()
	defer server.Thaw()
	for what, c := range map[string]func(context.Context) error{
		"Get": func(ctx context.Context) error { _, err := s.Get(ctx, key("k"), 0); return err },
		"Set": func(ctx context.Context) error {
			_, err := s.Put(ctx, key("k"), value("w"), driver.Set, 0)
			return err
		},
		"a new connection": func(ctx context.Context) error { return over(t, "other", server.Addr).Ping(ctx) },
	} {
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- c(ctx) }()
		cancel()
		select {
		case err := <-ended:
			if !errors.Is(err, context.Canceled) {
				t.Errorf("%s: got error %v, want %v", what, err, context.Canceled)
			}
		case <-time.After(patient / 2):
			t.Errorf("%s: still runs", what)
		}
	}
	frozen := with(t, &memcachedstore.Options{Timeout: 50 * time.Millisecond}, server.Addr)
	if _, err := frozen.Get(context.Background(), key("k"), 0); err == nil {
		t.Error("with a Timeout: got no error")
	}
}

// Many sets are quiet: the call ends although the last of them is not sent.
func TestTooLargeAtTheEnd(t *testing.T) {
	t.Parallel()
	two := servertest.SharedMemcached(t)
	s := open(t, two[0], two[1])
	var items []driver.Item
	for i := range 40 {
		items = append(items, driver.Item{Key: key(fmt.Sprint(i)), Entry: value("v")})
	}
	for i := range 10 { // on both servers
		items = append(items, driver.Item{Key: key(fmt.Sprint("large ", i)), Entry: value(strings.Repeat("x", 1<<20))})
	}
	for i, r := range s.PutMany(t.Context(), items) {
		if large := i >= 40; errors.Is(r.Err, driver.ErrTooLarge) != large || r.Done == large {
			t.Errorf("item %d: got %+v", i, r)
		}
	}
}

func TestUnixSocket(t *testing.T) {
	t.Parallel()
	path := t.TempDir() + "/proxy.sock"
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	server := servertest.SharedMemcached(t)[0]
	s := with(t, &memcachedstore.Options{
		Timeout: patient,
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			if network != "unix" || address != path {
				t.Errorf("dialing %s %s, want unix %s", network, address, path)
			}
			return new(net.Dialer).DialContext(ctx, "tcp", server)
		},
	}, "unix:"+path)
	_ = l.Close()
	set(t, s, "k", value("v"))
	want(t, s, "k", "v")
}

// A selector of gomemcache places the keys, and must keep its servers.
func TestSelector(t *testing.T) {
	t.Parallel()
	two := servertest.SharedMemcached(t)
	var list memcache.ServerList
	if err := list.SetServers(two[0], two[1]); err != nil {
		t.Fatal(err)
	}
	s, err := memcachedstore.NewFromSelector(&list, &memcachedstore.Options{Namespace: "selector", Timeout: patient})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close(t.Context())
	for i := range 20 {
		name := fmt.Sprint(i)
		set(t, s, name, value(name, "t"))
		want(t, s, name, name)
		a, err := list.PickServer(s.Name(key(name)))
		if err != nil || a.String() != s.ServerOf(s.Name(key(name))) {
			t.Errorf("%s: got the server %s, want %v", name, s.ServerOf(s.Name(key(name))), a)
		}
	}
	if err := list.SetServers("127.0.0.1:1"); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Get(t.Context(), key("0"), 0); err == nil || !strings.Contains(err.Error(), "selector") {
		t.Errorf("with other servers: got error %v, want one that says so", err)
	}
}

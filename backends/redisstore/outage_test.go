package redisstore_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/stratacache/strata/backends/redisstore"
	"github.com/stratacache/strata/cache/driver"
	"github.com/stratacache/strata/internal/servertest"
)

func TestLostMetaRecord(t *testing.T) {
	onServers(t, func(t *testing.T, s *redisstore.Store) {
		set(t, s, "k", value("v"))
		set(t, s, "other", value("v"))
		before := get(t, s, "k", 0).Fence.Stamp
		raw(t, s, "del", s.MetaKey())
		want(t, s, "k", "")
		want(t, s, "other", "")
		if after := get(t, s, "k", 0).Fence.Stamp; after.Epoch == before.Epoch || after.Epoch == 0 || after.N != 0 {
			t.Errorf("got %+v after %+v, want a new epoch that begins at 0", after, before)
		}
	})
}

// Every method makes the record if there is none.
func TestEveryMethodMakesTheRecord(t *testing.T) {
	onServers(t, func(t *testing.T, s *redisstore.Store) {
		ctx := t.Context()
		for name, call := range map[string]func() error{
			"Get":        func() error { _, err := s.Get(ctx, key("k"), time.Minute); return err },
			"GetMany":    func() error { _, err := s.GetMany(ctx, []driver.Key{key("k")}, 0); return err },
			"Set":        func() error { _, err := s.Put(ctx, key("k"), value("v"), driver.Set, 0); return err },
			"Add":        func() error { _, err := s.Put(ctx, key("k"), value("v"), driver.Add, 0); return err },
			"Fill":       func() error { _, err := s.Put(ctx, key("k"), value("v"), driver.Fill, 1); return err },
			"SetFenced":  func() error { _, err := s.Put(ctx, key("k"), value("v"), driver.SetFenced, 1); return err },
			"PutMany":    func() error { return s.PutMany(ctx, []driver.Item{{Key: key("k"), Entry: value("v")}})[0].Err },
			"Touch":      func() error { _, err := s.Touch(ctx, key("k"), long()); return err },
			"Incr":       func() error { _, err := s.Incr(ctx, key("n"), 1, integer("1")); return err },
			"Invalidate": func() error { _, err := s.Invalidate(ctx, driver.Invalidation{Tags: []string{"t"}}); return err },
			"Move":       func() error { _, err := s.Move(ctx, key("k"), key("l")); return err },
		} {
			raw(t, s, "del", s.MetaKey())
			if err := call(); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			if got := raw(t, s, "hget", s.MetaKey(), "e").(string); len(got) != 8 {
				t.Errorf("%s: got the epoch %q", name, got)
			}
		}
	})
}

func TestTooManyTagsStartAnew(t *testing.T) {
	onServers(t, func(t *testing.T, s *redisstore.Store) {
		s.LimitFields(5)
		set(t, s, "k", value("v"))
		invalidate(t, s, nil, []string{"a", "b", "c"})
		want(t, s, "k", "v")
		invalidate(t, s, nil, []string{"d"})
		want(t, s, "k", "")
		if got := raw(t, s, "hexists", s.MetaKey(), "t:a"); got != int64(0) {
			t.Errorf("old tags are still there")
		}
	})
}

func TestScriptsAreLoadedAgain(t *testing.T) {
	t.Parallel()
	s := open(t, servertest.Redis(t).Addr)
	for range 2 {
		raw(t, s, "script", "flush")
		set(t, s, "a", value("A"))
		want(t, s, "a", "A")
		raw(t, s, "script", "flush")
		var items []driver.Item
		for _, n := range []string{"b", "c"} {
			items = append(items, driver.Item{Key: key(n), Entry: integer("1")}, driver.Item{Key: key(n + n), Entry: value("V")})
		}
		for i, r := range s.PutMany(t.Context(), items) {
			if r.Err != nil || !r.Done {
				t.Errorf("item %d: got %+v", i, r)
			}
		}
	}
}

func TestFlushAll(t *testing.T) {
	t.Parallel()
	s := open(t, servertest.Redis(t).Addr)
	f := get(t, s, "k", time.Minute).Fence
	raw(t, s, "flushall")
	if fill(t, s, "k", value("v"), f) {
		t.Error("Fill after FLUSHALL: done")
	}
	set(t, s, "k", value("w"))
	want(t, s, "k", "w")
}

// A server that comes back with an old snapshot has forgotten an invalidation.
// What it removed must not come back; and does, without the check of the
// server's history.
func TestRestartFromOldSnapshot(t *testing.T) {
	t.Parallel()
	test := func(t *testing.T, make func(redis.UniversalClient, *redisstore.Options) (*redisstore.Store, error), back string) {
		server := servertest.Redis(t)
		s, err := make(client(t, server.Addr), nil)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { closeStore(t, s) })
		set(t, s, "deleted", value("old"))
		set(t, s, "tagged", value("old", "t"))
		raw(t, s, "save")
		invalidate(t, s, []string{"deleted"}, []string{"t"})
		want(t, s, "deleted", "")
		want(t, s, "tagged", "")
		server.Restart()
		want(t, s, "deleted", back)
		want(t, s, "tagged", back)
		set(t, s, "deleted", value("new"))
		want(t, s, "deleted", "new")
	}
	t.Run("checked", func(t *testing.T) {
		t.Parallel()
		test(t, redisstore.New, "")
	})
	t.Run("unchecked", func(t *testing.T) {
		t.Parallel()
		test(t, redisstore.NewWithoutHistory, "old")
	})
}

// A promoted replica has not seen the last invalidation.
func TestPromotedReplica(t *testing.T) {
	t.Parallel()
	primary, replica := servertest.Redis(t, "--repl-diskless-sync-delay", "0"), servertest.Redis(t)
	s := open(t, primary.Addr)
	set(t, s, "k", value("old"))
	follow(t, client(t, replica.Addr), primary.Addr, s.MetaKey())
	invalidate(t, s, []string{"k"}, nil) // the replica does not hear of it
	want(t, over(t, client(t, replica.Addr), s.Namespace()), "k", "")
}

// New over a client that has connections already looks at the history too.
func TestClientThatWasUsed(t *testing.T) {
	t.Parallel()
	server := servertest.Redis(t)
	s := over(t, client(t, server.Addr), "used")
	set(t, s, "k", value("old"))
	raw(t, s, "save")
	invalidate(t, s, []string{"k"}, nil)
	server.Restart()
	rdb := client(t, server.Addr)
	if err := rdb.Ping(t.Context()).Err(); err != nil {
		t.Fatal(err)
	}
	want(t, over(t, rdb, "used"), "k", "")
}

// A record that was lost while the server ran is made with its history: the
// next connection does not start yet another epoch.
func TestNewRecordKnowsTheHistory(t *testing.T) {
	t.Parallel()
	rdb := client(t, servertest.Redis(t).Addr)
	s := over(t, rdb, "history")
	set(t, s, "k", value("v"))
	raw(t, s, "del", s.MetaKey())
	set(t, s, "k", value("w"))
	raw(t, s, "client", "kill", "type", "normal", "skipme", "no")
	want(t, s, "k", "w")
	want(t, over(t, client(t, rdb.Options().Addr), "history"), "k", "w")
}

func TestOnConnectIsChained(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	called := 0
	s := open(t, servertest.SharedRedis(t), func(o *redis.Options) {
		o.OnConnect = func(context.Context, *redis.Conn) error {
			mu.Lock()
			defer mu.Unlock()
			called++
			return nil
		}
	})
	want(t, s, "k", "")
	mu.Lock()
	defer mu.Unlock()
	if called == 0 {
		t.Error("the client's own OnConnect was not called")
	}
}

// A user who may not INFO gets a store without the check.
func TestInfoRefused(t *testing.T) {
	t.Parallel()
	server := servertest.Redis(t)
	admin := client(t, server.Addr)
	if err := admin.Do(t.Context(), "acl", "setuser", "app", "on", ">secret", "~*", "+@all", "-info").Err(); err != nil {
		t.Fatal(err)
	}
	s := open(t, server.Addr, func(o *redis.Options) { o.Username, o.Password = "app", "secret" })
	set(t, s, "k", value("v"))
	want(t, s, "k", "v")
}

// Of a frozen server, a call waits for an answer until the deadline of its
// context; if it is canceled, until the client's ReadTimeout.
func TestFrozenServer(t *testing.T) {
	t.Parallel()
	server := servertest.Redis(t)
	s := open(t, server.Addr)
	impatient := over(t, client(t, server.Addr, func(o *redis.Options) { o.ReadTimeout = 100 * time.Millisecond }), "impatient")
	want(t, impatient, "k", "")
	set(t, s, "k", value("v"))
	server.Freeze()
	thawed := false
	defer func() {
		if !thawed {
			server.Thaw()
		}
	}()

	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := s.Get(ctx, key("k"), time.Minute); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("with a deadline: got %v, want DeadlineExceeded", err)
	}
	ctx, cancel = context.WithCancel(t.Context())
	go func() {
		time.Sleep(20 * time.Millisecond) // let it wait for the server
		cancel()
	}()
	if _, err := impatient.Get(ctx, key("n"), 0); !errors.Is(err, context.Canceled) {
		t.Errorf("canceled: got %v, want Canceled", err)
	}
	ctx, cancel = context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	for i, r := range s.PutMany(ctx, []driver.Item{{Key: key("x"), Entry: value("v")}}) {
		if !errors.Is(r.Err, context.DeadlineExceeded) {
			t.Errorf("PutMany: item %d: got %v, want DeadlineExceeded", i, r.Err)
		}
	}
	ctx, cancel = context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := s.GetMany(ctx, []driver.Key{key("k")}, 0); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("GetMany: got %v, want DeadlineExceeded", err)
	}
	server.Thaw()
	thawed = true
	want(t, s, "k", "v")
}

// What is not the same when it is done twice is sent once: a reply that is lost
// is an error.
func TestLostReplies(t *testing.T) {
	t.Parallel()
	proxy := servertest.Proxy(t, servertest.SharedRedis(t))
	s := open(t, proxy.Addr)
	direct := over(t, client(t, servertest.SharedRedis(t)), s.Namespace())
	ctx := t.Context()
	loadAll(t, direct)
	lose := func() { // the next command's reply, and not what a new connection asks first
		t.Helper()
		if err := s.Ping(ctx); err != nil {
			t.Fatal(err)
		}
		proxy.LoseReplies(1)
	}
	set(t, s, "n", integer("0"))
	set(t, s, "fixed", value("v"))

	lose()
	if sum, err := s.Incr(ctx, key("n"), 1, nil); err == nil {
		t.Errorf("Incr: got %+v, want an error", sum)
	}
	want(t, direct, "n", "1")
	lose()
	if r, err := s.Put(ctx, key("added"), value("v"), driver.Add, 0); err == nil {
		t.Errorf("Add: got %+v, want an error", r)
	}
	want(t, direct, "added", "v")
	before := get(t, direct, "fixed", 0).Fence.Stamp.N
	lose()
	if r, err := s.Touch(ctx, key("fixed"), long()); err == nil {
		t.Errorf("Touch: got %+v, want an error", r)
	}
	if got := get(t, direct, "fixed", 0).Fence.Stamp.N; got != before+1 {
		t.Errorf("Touch: got clock %d after %d, want one advance", got, before)
	}

	// The rest is repeated, and says the same.
	lose()
	if r := put(t, s, "set", value("v"), driver.Set, 0); !r.Done {
		t.Errorf("Set: got %+v", r)
	}
	lose()
	f := get(t, s, "k", time.Minute).Fence
	if f.Token == 0 {
		t.Errorf("Get: got no token")
	}
	lose()
	if !fill(t, s, "k", value("v"), f) {
		t.Errorf("Fill: not done")
	}
	want(t, direct, "k", "v")
	f = get(t, s, "k", time.Minute).Fence
	e := value("w")
	e.Stamp = f.Stamp
	lose()
	if r := put(t, s, "k", e, driver.SetFenced, f.Token); !r.Done {
		t.Errorf("SetFenced: got %+v", r)
	}
	want(t, direct, "k", "w")
	lose()
	invalidate(t, s, []string{"k"}, nil)
	want(t, direct, "k", "")
	if got := proxy.Lost(); got != 8 {
		t.Errorf("got %d lost replies, want 8", got)
	}
}

// A server without memory still reads and removes.
func TestOutOfMemory(t *testing.T) {
	t.Parallel()
	s := open(t, servertest.Redis(t).Addr)
	ctx := t.Context()
	for _, n := range []string{"a", "b", "c"} {
		set(t, s, n, value("v", "t-"+n))
	}
	fence := get(t, s, "b", time.Minute).Fence
	raw(t, s, "config", "set", "maxmemory", "1")
	want(t, s, "a", "v")
	if r := get(t, s, "absent", time.Minute); r.Fence.Token != 0 || r.Planted || r.Fence.Stamp.Epoch == 0 {
		t.Errorf("miss: got %+v, want no token", r)
	}
	if _, err := s.GetMany(ctx, []driver.Key{key("a"), key("absent")}, time.Minute); err != nil {
		t.Errorf("GetMany: %v", err)
	}
	for mode := driver.Set; mode <= driver.Fill; mode++ {
		k, token := key("new"), driver.Token(0)
		if mode == driver.Fill {
			k, token = key("c"), get(t, s, "c", 0).Fence.Token
		}
		e := value("w")
		e.Stamp = fence.Stamp
		if _, err := s.Put(ctx, k, e, mode, token); !redis.HasErrorPrefix(err, "OOM") && !strings.Contains(err.Error(), "OOM") {
			t.Errorf("mode %d: got %v, want the server's OOM", mode, err)
		}
	}
	if r := invalidate(t, s, []string{"a"}, nil); r.Removed != 1 {
		t.Errorf("Invalidate of a key: got %+v", r)
	}
	want(t, s, "a", "")
	invalidate(t, s, nil, []string{"t-c"})
	want(t, s, "c", "")
	e := value("w")
	e.Stamp = fence.Stamp
	if r := put(t, s, "b", e, driver.SetFenced, fence.Token); r.Done {
		t.Errorf("SetFenced: got %+v, want the old value removed", r)
	}
	want(t, s, "b", "")
	raw(t, s, "del", s.MetaKey())
	want(t, s, "a", "")
}

// A disk that is full refuses writes, not reads.
func TestMisconf(t *testing.T) {
	t.Parallel()
	server := servertest.Redis(t, "--save", "3600 1")
	s := open(t, server.Addr)
	set(t, s, "k", value("v"))
	breakSaving(t, s, server.Dir)
	want(t, s, "k", "v")
	if r := get(t, s, "absent", time.Minute); r.Fence.Token != 0 || r.Planted {
		t.Errorf("miss: got %+v, want no token", r)
	}
	_, err := s.Invalidate(t.Context(), driver.Invalidation{Keys: []driver.Key{key("k")}})
	if err == nil || !strings.Contains(err.Error(), "MISCONF") {
		t.Errorf("Invalidate: got %v, want the server's MISCONF", err)
	}
}

func TestClosed(t *testing.T) {
	t.Parallel()
	rdb := client(t, mini(t).addr)
	s := over(t, rdb, "closed")
	set(t, s, "k", value("v"))
	closeStore(t, s)
	closeStore(t, s)
	ctx := t.Context()
	for name, call := range map[string]func() error{
		"Get":        func() error { _, err := s.Get(ctx, key("k"), 0); return err },
		"GetMany":    func() error { _, err := s.GetMany(ctx, []driver.Key{key("k")}, 0); return err },
		"Put":        func() error { _, err := s.Put(ctx, key("k"), value("v"), driver.Set, 0); return err },
		"PutMany":    func() error { return s.PutMany(ctx, []driver.Item{{Key: key("k"), Entry: value("v")}})[0].Err },
		"Touch":      func() error { _, err := s.Touch(ctx, key("k"), long()); return err },
		"Incr":       func() error { _, err := s.Incr(ctx, key("k"), 1, nil); return err },
		"Invalidate": func() error { _, err := s.Invalidate(ctx, driver.Invalidation{}); return err },
		"Move":       func() error { _, err := s.Move(ctx, key("k"), key("l")); return err },
		"Ping":       func() error { return s.Ping(ctx) },
	} {
		if err := call(); !errors.Is(err, driver.ErrClosed) {
			t.Errorf("%s: got %v, want ErrClosed", name, err)
		}
	}
	if err := rdb.Ping(ctx).Err(); err != nil {
		t.Errorf("the caller's client: %v", err)
	}
}

func TestDeadServer(t *testing.T) {
	t.Parallel()
	s := open(t, "127.0.0.1:1", func(o *redis.Options) { o.MaxRetries, o.DialerRetries = -1, 1 })
	if _, err := s.Get(t.Context(), key("k"), 0); err == nil {
		t.Error("Get: got no error")
	}
	if err := s.Ping(t.Context()); err == nil {
		t.Error("Ping: got no error")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Get(ctx, key("k"), 0); !errors.Is(err, context.Canceled) {
		t.Errorf("canceled before: got %v", err)
	}
}

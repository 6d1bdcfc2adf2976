package redisstore_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/stratacache/strata/backends/redisstore"
	"github.com/stratacache/strata/cache/driver"
	"github.com/stratacache/strata/internal/servertest"
)

// slotOf asks a primary.
func slotOf(t *testing.T, s *redisstore.Store, key string) int {
	t.Helper()
	rdb, err := s.Client().(*redis.ClusterClient).MasterForKey(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	n, err := rdb.ClusterKeySlot(t.Context(), key).Result()
	if err != nil {
		t.Fatal(err)
	}
	return int(n)
}

func TestCluster(t *testing.T) {
	t.Parallel()
	s := opened(t, "redis+cluster://"+strings.Join(servertest.SharedRedisCluster(t)[:2], ",")+"?namespace=opened")
	everything(t, s)
}

// Braces in keys of applications neither gather keys on one shard nor tear
// anything apart.
func TestClusterSpreadsKeys(t *testing.T) {
	t.Parallel()
	s := openCluster(t, servertest.SharedRedisCluster(t))
	slots := make(map[int]bool)
	var items []driver.Item
	for i, form := range []string{"{same}%d", "{}%d", "a{same}%d", "}{%d", "{%d", "%d}", "{same}{%d}"} {
		for j := range 4 {
			n := fmt.Sprintf(form, 10*i+j)
			slots[slotOf(t, s, name(s, n))] = true
			items = append(items, driver.Item{Key: key(n), Entry: value(n)})
		}
	}
	if len(slots) < len(items)-1 { // two may meet by chance
		t.Errorf("got %d slots for %d keys", len(slots), len(items))
	}
	keys := make([]driver.Key, len(items))
	for i, r := range s.PutMany(t.Context(), items) {
		if keys[i] = items[i].Key; r.Err != nil || !r.Done {
			t.Fatalf("PutMany: got %+v", r)
		}
	}
	rs, err := s.GetMany(t.Context(), keys, 0)
	if err != nil {
		t.Fatal(err)
	}
	for i, r := range rs {
		if shown(r.Reading) != keys[i].Name {
			t.Errorf("%q: got %q", keys[i].Name, shown(r.Reading))
		}
	}
}

// All that an entry holds comes back; its stamp is one from before the clock
// was advanced.
func TestClusterSetStamp(t *testing.T) {
	t.Parallel()
	s := openCluster(t, servertest.SharedRedisCluster(t))
	e := value("v", "a", "b")
	e.Schema, e.Cost = 7, time.Millisecond
	life := e.Life
	after := put(t, s, "k", e, driver.Set, 0).Clock
	got := get(t, s, "k", 0).Entry
	if got == nil || got.Life != life || got.Schema != 7 || got.Cost != time.Millisecond || len(got.Tags) != 2 || string(got.Payload) != "v" {
		t.Fatalf("got %+v", got)
	}
	if got.Stamp.Epoch != after.Epoch || got.Stamp.N >= after.N {
		t.Errorf("got stamp %+v, want one before %+v", got.Stamp, after)
	}
}

// A Set with a clock from before another process invalidated its tag is done
// again with a newer one.
func TestClusterSetAfterAnothersInvalidation(t *testing.T) {
	t.Parallel()
	addrs := servertest.SharedRedisCluster(t)
	s := openCluster(t, addrs)
	other := over(t, clusterClient(t, addrs), s.Namespace())
	for _, change := range []func(){
		func() { invalidate(t, other, nil, []string{"t"}) },
		func() { invalidate(t, other, nil, []string{driver.TagAll}) },
		func() { raw(t, s, "del", s.MetaKey()); want(t, other, "k", "") },
		func() { raw(t, s, "del", s.MetaKey()) },
	} {
		set(t, s, "k", value("v", "t"))
		change()
		set(t, s, "k", value("w", "t"))
		want(t, s, "k", "w")
		want(t, other, "k", "w")
	}
}

// Values of other programs are misses that are reported, also lists.
func TestClusterForeignValues(t *testing.T) {
	t.Parallel()
	s := openCluster(t, servertest.SharedRedisCluster(t))
	raw(t, s, "rpush", name(s, "list"), "x")
	raw(t, s, "set", name(s, "text"), "x")
	for i, r := range many(t, s, "list", "text") {
		if r.Entry != nil || !errors.Is(r.Odd, driver.ErrForeign) || r.Err != nil {
			t.Errorf("%d: got %+v, want ErrForeign", i, r)
		}
	}
	for _, n := range []string{"list", "text"} {
		r := get(t, s, n, time.Minute)
		if !r.Planted || !errors.Is(r.Odd, driver.ErrForeign) || !fill(t, s, n, value("v"), r.Fence) {
			t.Errorf("%s: got %+v, want a placeholder in its place", n, r)
		}
		want(t, s, n, "v")
	}
}

// A client whose nodes have connections that nobody has checked is refused.
func TestClusterClientThatWasUsed(t *testing.T) {
	t.Parallel()
	rdb := clusterClient(t, servertest.SharedRedisCluster(t))
	if err := rdb.Get(t.Context(), "k").Err(); err != nil && !errors.Is(err, redis.Nil) {
		t.Fatal(err)
	}
	s := over(t, rdb, "used")
	if _, err := s.Get(t.Context(), key("k"), 0); err == nil || !strings.Contains(err.Error(), "used before") {
		t.Errorf("got %v, want it refused", err)
	}
}

func TestClusterScriptsAreLoadedAgain(t *testing.T) {
	t.Parallel()
	nodes := servertest.RedisCluster(t)
	s := openCluster(t, nodes.Addrs)
	everything(t, s)
	rdb := s.Client().(*redis.ClusterClient)
	if err := rdb.ForEachMaster(t.Context(), func(ctx context.Context, node *redis.Client) error { return node.ScriptFlush(ctx).Err() }); err != nil {
		t.Fatal(err)
	}
	everything(t, s)
}

// A shard fails over to a replica that has not heard of the last invalidation.
func TestClusterPromotesALaggingReplica(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name string
		meta bool // the shard has the meta record
	}{{"the shard of an entry", false}, {"the shard of the meta record", true}} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			nodes := servertest.RedisCluster(t)
			s := openCluster(t, nodes.Addrs, quick)
			other := over(t, clusterClient(t, nodes.Addrs, quick), s.Namespace())
			meta := nodes.Owner(slotOf(t, s, s.MetaKey()), "")
			var k, victim string
			for i := 0; k == ""; i++ {
				n := fmt.Sprint("k", i)
				if victim = nodes.Owner(slotOf(t, s, name(s, n)), ""); (victim == meta) == test.meta {
					k = n
				}
			}
			set(t, s, k, value("old", "t"))
			want(t, other, k, "old")
			primary, replica := client(t, victim), nodes.Replica(victim)
			settle(t, victim, name(s, k), 1)
			replica.Freeze()
			if err := primary.ClientKillByFilter(t.Context(), "type", "replica").Err(); err != nil {
				t.Fatal(err)
			}
			if test.meta {
				invalidate(t, s, nil, []string{"t"})
			} else {
				invalidate(t, s, []string{k}, nil)
			}
			want(t, s, k, "")
			nodes.Node(victim).Kill()
			replica.Thaw()
			began := time.Now()
			until(t, "the fail-over", func() bool {
				served := true
				for _, store := range []*redisstore.Store{s, other} {
					r, err := store.Get(t.Context(), key(k), 0)
					if r.Entry != nil {
						t.Fatalf("got %q, which was invalidated", r.Entry.Payload)
					}
					served = served && err == nil
				}
				return served
			})
			t.Logf("served again after %v", time.Since(began))
			if n, err := client(t, replica.Addr).Exists(t.Context(), name(s, k)).Result(); err != nil || n != 1 {
				t.Fatalf("got %d, %v: the replica has heard of the invalidation, so that nothing was tested", n, err)
			}
			want(t, s, k, "")
			want(t, other, k, "")
			set(t, s, k, value("new"))
			want(t, other, k, "new")
		})
	}
}

// quick has a client give up soon, as that of Open does.
func quick(o *redis.ClusterOptions) {
	o.DialTimeout, o.ReadTimeout, o.WriteTimeout = 300*time.Millisecond, 300*time.Millisecond, 300*time.Millisecond
	o.DialerRetries = 1
}

// patient has the nodes take none of them for dead.
func patient(t *testing.T, nodes *servertest.RedisNodes) {
	t.Helper()
	for _, addr := range nodes.Addrs {
		if err := client(t, addr).ConfigSet(t.Context(), "cluster-node-timeout", "60000").Err(); err != nil {
			t.Fatal(err)
		}
	}
}

// A primary is killed under load: nothing wrong is read, and its shard is served
// again.
func TestClusterPrimaryKilledUnderLoad(t *testing.T) {
	t.Parallel()
	nodes := servertest.RedisCluster(t)
	one := openCluster(t, nodes.Addrs, quick)
	two := over(t, clusterClient(t, nodes.Addrs, quick), one.Namespace())
	everything(t, one)
	k := name(one, "k")
	victim := nodes.Owner(slotOf(t, one, k), "")
	storm(t, []*redisstore.Store{one, two}, func() {
		time.Sleep(300 * time.Millisecond) // let it blow
		nodes.Node(victim).Kill()
		began := time.Now()
		down := false
		until(t, "the shard to be served again", func() bool {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			_, err := one.Put(ctx, key("k"), value("v"), driver.Set, 0)
			down = down || err != nil
			return down && err == nil
		})
		t.Logf("served again after %v", time.Since(began))
		time.Sleep(300 * time.Millisecond)
	})
	everything(t, two)
}

// Slots move from one shard to another under load: nothing wrong is read and
// nothing fails.
func TestClusterReshardedUnderLoad(t *testing.T) {
	t.Parallel()
	nodes := servertest.RedisCluster(t)
	patient(t, nodes)
	one := openCluster(t, nodes.Addrs)
	two := over(t, clusterClient(t, nodes.Addrs), one.Namespace())
	everything(t, one)
	storm(t, []*redisstore.Store{one, two}, func() {
		// The slots of the meta record and of some rows.
		slots := []int{slotOf(t, one, one.MetaKey())}
		until(t, "rows to be stored", func() bool {
			for _, addr := range nodes.Addrs[:3] {
				for _, k := range client(t, addr).Keys(t.Context(), one.Prefix()+"*row*").Val() {
					if slot := slotOf(t, one, k); !slices.Contains(slots, slot) {
						slots = append(slots, slot)
					}
				}
			}
			return len(slots) > 8
		})
		for _, slot := range slots[:9] {
			from := nodes.Owner(slot, "")
			for i, to := range nodes.Addrs[:3] {
				if to != from {
					reshard(t, nodes, slot, from, nodes.Addrs[i])
					break
				}
			}
		}
		time.Sleep(200 * time.Millisecond)
	})
	everything(t, two)
}

// reshard moves a slot as redis-cli does.
func reshard(t *testing.T, nodes *servertest.RedisNodes, slot int, from, to string) {
	t.Helper()
	ctx := t.Context()
	source, target := client(t, from), client(t, to)
	id := func(rdb *redis.Client) string { return rdb.Do(ctx, "cluster", "myid").Val().(string) }
	do := func(rdb *redis.Client, args ...any) {
		t.Helper()
		if err := rdb.Do(ctx, args...).Err(); err != nil {
			t.Errorf("%v: %v", args, err)
		}
	}
	do(target, "cluster", "setslot", slot, "importing", id(source))
	do(source, "cluster", "setslot", slot, "migrating", id(target))
	host, port, _ := strings.Cut(to, ":")
	for {
		keys, err := source.ClusterGetKeysInSlot(ctx, slot, 100).Result()
		if err != nil {
			t.Errorf("GETKEYSINSLOT: %v", err)
		}
		if len(keys) == 0 {
			break
		}
		args := []any{"migrate", host, port, "", 0, 5000, "keys"}
		for _, k := range keys {
			args = append(args, k)
		}
		do(source, args...)
	}
	for _, rdb := range []*redis.Client{target, source} {
		do(rdb, "cluster", "setslot", slot, "node", id(target))
	}
}

// Of a shard that hangs, calls end with their deadline, and only its own keys
// fail.
func TestClusterFrozenShard(t *testing.T) {
	t.Parallel()
	nodes := servertest.RedisCluster(t)
	patient(t, nodes)
	s := openCluster(t, nodes.Addrs, quick)
	everything(t, s)
	meta := nodes.Owner(slotOf(t, s, s.MetaKey()), "")
	var keys []driver.Key
	var owners []string
	for i := range 32 {
		k := fmt.Sprint("k", i)
		keys, owners = append(keys, key(k)), append(owners, nodes.Owner(slotOf(t, s, name(s, k)), ""))
		set(t, s, k, value("v"))
	}
	frozen := ""
	for _, owner := range owners {
		if owner != meta {
			frozen = owner
		}
	}
	nodes.Node(frozen).Freeze()
	defer nodes.Node(frozen).Thaw()
	rs, err := s.GetMany(t.Context(), keys, 0)
	if err != nil {
		t.Fatalf("GetMany: %v", err)
	}
	for i, r := range rs {
		if failed := r.Err != nil; failed != (owners[i] == frozen) || !failed && shown(r.Reading) != "v" {
			t.Errorf("%s on %s: got %+v; %s is frozen", keys[i].Name, owners[i], r, frozen)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	for i, k := range keys {
		if owners[i] != frozen {
			continue
		}
		if _, err := s.Get(ctx, k, time.Minute); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Get: got %v, want DeadlineExceeded", err)
		}
		break
	}
}

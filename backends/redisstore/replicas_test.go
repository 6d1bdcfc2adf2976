package redisstore_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/stratacache/strata/backends/redisstore"
	"github.com/stratacache/strata/cache/driver"
	"github.com/stratacache/strata/cache/drivertest"
	"github.com/stratacache/strata/internal/servertest"
)

// withReplicas returns a store that never forgets what it stored.
func withReplicas(t testing.TB, primary string, replicas ...string) *redisstore.Store {
	t.Helper()
	return replicated(t, &redisstore.Options{Namespace: newNamespace(), PinAfterWrite: time.Hour}, primary, replicas...)
}

func replicated(t testing.TB, opts *redisstore.Options, primary string, replicas ...string) *redisstore.Store {
	t.Helper()
	for _, addr := range replicas {
		opts.Replicas = append(opts.Replicas, client(t, addr))
	}
	s, err := redisstore.New(client(t, primary), opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closeStore(t, s) })
	return s
}

// A store that reads from replicas sees all that it does itself.
func TestConformanceOfReplicas(t *testing.T) {
	t.Parallel()
	primary := servertest.Redis(t, "--repl-diskless-sync-delay", "0")
	replica := replicaOf(t, primary.Addr)
	h := harness(primary.Addr)
	h.Name = "redisstore, replicas"
	h.Open = func(t testing.TB) driver.Store { return withReplicas(t, primary.Addr, replica.Addr) }
	h.Again = nil // what another process did is seen with the replicas' lag
	h.LoseMeta = func(t testing.TB, s driver.Store) { loseMeta(t, s); settle(t, primary.Addr, "settle", 1) }
	h.Plant = func(t testing.TB, s driver.Store, key driver.Key, b []byte) {
		plantBytes(t, s, key, b)
		settle(t, primary.Addr, "settle", 1)
	}
	drivertest.Run(t, h)
}

// CFG-016, CFG-017, CFG-019: hits are read from all replicas, everything else
// is done at the primary.
func TestReplicasAreRead(t *testing.T) {
	t.Parallel()
	primary := servertest.Redis(t, "--repl-diskless-sync-delay", "0")
	one, two := replicaOf(t, primary.Addr), replicaOf(t, primary.Addr)
	s := withReplicas(t, primary.Addr, one.Addr, two.Addr)
	everything(t, s)
	set(t, s, "k", value("v", "t"))
	settle(t, primary.Addr, "settle", 2)
	calls := func(addr, command string) (n int) {
		for line := range strings.Lines(client(t, addr).Info(t.Context(), "commandstats").Val()) {
			if rest, ok := strings.CutPrefix(line, "cmdstat_"+command+":calls="); ok {
				fmt.Sscan(rest, &n)
			}
		}
		return n
	}
	before := []int{calls(primary.Addr, "evalsha"), calls(primary.Addr, "mget"), calls(one.Addr, "mget"), calls(two.Addr, "mget")}
	const reads = 100
	for range reads {
		want(t, s, "k", "v")
	}
	after := []int{calls(primary.Addr, "evalsha"), calls(primary.Addr, "mget"), calls(one.Addr, "mget"), calls(two.Addr, "mget")}
	if !slices.Equal(before[:2], after[:2]) {
		t.Errorf("the primary: got %v, then %v, want nothing read there", before[:2], after[:2])
	}
	first, second := after[2]-before[2], after[3]-before[3]
	if first+second != reads || first < reads/5 || second < reads/5 {
		t.Errorf("got %d and %d reads, want about half of %d on each replica", first, second, reads)
	}
	if r := get(t, s, "missing", time.Minute); !r.Planted || !fill(t, s, "missing", value("v"), r.Fence) {
		t.Errorf("a miss: got %+v, want a placeholder at the primary", r)
	}
}

// CFG-018: a store reads what it wrote, and never what it invalidated, however
// far the replica lags. What another process did it sees late.
func TestReplicaThatLags(t *testing.T) {
	t.Parallel()
	primary := servertest.Redis(t, "--repl-diskless-sync-delay", "0")
	replica := replicaOf(t, primary.Addr)
	s := withReplicas(t, primary.Addr, replica.Addr)
	other := over(t, client(t, primary.Addr), s.Namespace())
	for _, k := range []string{"a", "b", "c"} {
		set(t, s, k, value("old", "t-"+k))
	}
	settle(t, primary.Addr, "settle", 1)
	if err := client(t, replica.Addr).Do(t.Context(), "replicaof", "no", "one").Err(); err != nil {
		t.Fatal(err)
	}
	invalidate(t, other, []string{"a"}, nil)
	want(t, s, "a", "old") // the declared lag
	invalidate(t, s, nil, []string{"t-b"})
	for range 20 {
		want(t, s, "b", "")
		want(t, s, "a", "")
		want(t, s, "c", "old") // from the primary
	}
	set(t, s, "b", value("new"))
	want(t, s, "b", "new")
	if rs := many(t, s, "a", "b", "c"); shown(rs[0].Reading)+shown(rs[1].Reading)+shown(rs[2].Reading) != "newold" {
		t.Errorf("GetMany: got %+v", rs)
	}
}

// What a store loaded or counted itself it reads from the primary, for a while,
// unless the replica has it.
func TestPinAfterWrite(t *testing.T) {
	t.Parallel()
	primary := servertest.Redis(t, "--repl-diskless-sync-delay", "0")
	replica := replicaOf(t, primary.Addr)
	for pin, wants := range map[time.Duration][2]string{time.Hour: {"new", "2"}, -1: {"old", "1"}} {
		s := replicated(t, &redisstore.Options{Namespace: newNamespace(), PinAfterWrite: pin}, primary.Addr, replica.Addr)
		set(t, s, "k", value("old"))
		set(t, s, "n", integer("1"))
		settle(t, primary.Addr, "settle", 1)
		host, port, _ := strings.Cut(primary.Addr, ":")
		standalone := client(t, replica.Addr)
		if err := standalone.Do(t.Context(), "replicaof", "no", "one").Err(); err != nil {
			t.Fatal(err)
		}
		if !fill(t, s, "k", value("new"), get(t, s, "k", 0).Fence) {
			t.Error("Fill: not done")
		}
		if _, err := s.Incr(t.Context(), key("n"), 1, nil); err != nil {
			t.Error(err)
		}
		want(t, s, "k", wants[0])
		want(t, s, "n", wants[1])
		if err := standalone.Do(t.Context(), "replicaof", host, port).Err(); err != nil {
			t.Fatal(err)
		}
		until(t, "the replica to follow", func() bool {
			return strings.Contains(standalone.Info(t.Context(), "replication").Val(), "master_link_status:up")
		})
	}
	if _, err := redisstore.New(client(t, primary.Addr), &redisstore.Options{Replicas: []*redis.Client{nil}}); err == nil {
		t.Error("a replica that is nil: got no error")
	}
	if _, err := redisstore.New(clusterClient(t, []string{"127.0.0.1:1"}), &redisstore.Options{Replicas: []*redis.Client{client(t, replica.Addr)}}); err == nil {
		t.Error("replicas with a cluster: got no error")
	}
}

// Replicas that are gone, loading, or cut off are left alone, and found again.
func TestReplicaThatIsNotWell(t *testing.T) {
	t.Parallel()
	primary := servertest.Redis(t, "--repl-diskless-sync-delay", "0")
	replica := replicaOf(t, primary.Addr)
	loading := answering(t, "-LOADING Redis is loading the dataset in memory\r\n")
	s, err := redisstore.Open("redis://" + primary.Addr + "," + replica.Addr + "," + loading + "/0?namespace=unwell&pin_after_write=1ms")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closeStore(t, s) })
	everything(t, s)
	replica.Kill()
	set(t, s, "k", value("v"))
	for range 20 {
		want(t, s, "k", "v")
	}
	replica.Restart()
	until(t, "the replica to be read again", func() bool {
		want(t, s, "k", "v")
		return strings.Contains(client(t, replica.Addr).Info(t.Context(), "commandstats").Val(), "cmdstat_mget")
	})
}

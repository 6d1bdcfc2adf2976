package redisstore_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stratacache/strata/cache/driver"
	"github.com/stratacache/strata/internal/servertest"
)

// A sentinel promotes a replica that has not heard of the last invalidation.
// What was invalidated is never served, not even for a moment.
func TestSentinelPromotesALaggingReplica(t *testing.T) {
	t.Parallel()
	servers := servertest.RedisSentinel(t)
	s := opened(t, "redis+sentinel://"+strings.Join(servers.Addrs, ",")+"/"+servers.Name)
	everything(t, s)
	set(t, s, "k", value("old", "t"))
	set(t, s, "tagged", value("old", "u"))
	primary, replica := client(t, servers.Primary.Addr), client(t, servers.Replica.Addr)
	until(t, "the replica to have the entries", func() bool {
		n, err := replica.Exists(t.Context(), name(s, "k"), name(s, "tagged")).Result()
		return err == nil && n == 2
	})
	servers.Replica.Freeze()
	if err := primary.ClientKillByFilter(t.Context(), "type", "replica").Err(); err != nil {
		t.Fatal(err)
	}
	invalidate(t, s, []string{"k"}, []string{"u"})
	want(t, s, "k", "")
	want(t, s, "tagged", "")
	servers.Primary.Kill()
	servers.Replica.Thaw()
	began := time.Now()
	until(t, "the fail-over", func() bool {
		for _, n := range []string{"k", "tagged"} {
			if r, err := s.Get(t.Context(), key(n), 0); err == nil && r.Entry != nil {
				t.Fatalf("%s: got %q, which was invalidated", n, r.Entry.Payload)
			}
		}
		_, err := s.Put(t.Context(), key("new"), value("new"), driver.Set, 0)
		return err == nil
	})
	t.Logf("served again after %v", time.Since(began))
	if n, err := replica.Exists(t.Context(), name(s, "k"), name(s, "tagged")).Result(); err != nil || n != 2 {
		t.Fatalf("got %d, %v: the replica has heard of the invalidation, so that nothing was tested", n, err)
	}
	want(t, s, "k", "")
	want(t, s, "tagged", "")
	want(t, s, "new", "new")
	everything(t, s)
}

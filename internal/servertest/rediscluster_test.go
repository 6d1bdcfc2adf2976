package servertest_test

import (
	"testing"

	"github.com/stratacache/strata/internal/servertest"
)

func TestRedisClusterServes(t *testing.T) {
	t.Parallel()
	c := servertest.RedisCluster(t)
	owners := make(map[string]bool)
	for _, slot := range []int{0, 8000, 16383} {
		owner := c.Owner(slot, "")
		if c.Node(owner) == nil {
			t.Fatalf("slot %d: got no owner", slot)
		}
		owners[owner] = true
	}
	if len(owners) != 3 || len(c.Addrs) != 6 {
		t.Fatalf("got owners %v of %v, want three of six", owners, c.Addrs)
	}
}

func TestSharedRedisClusterIsOne(t *testing.T) {
	t.Parallel()
	a, b := servertest.SharedRedisCluster(t), servertest.SharedRedisCluster(t)
	if len(a) != 6 || a[0] != b[0] {
		t.Fatalf("got %v and %v, want one cluster", a, b)
	}
	if got, err := ask(a[0], "CLUSTER KEYSLOT k"); got != ":7629" {
		t.Fatalf("got %q, %v", got, err)
	}
}

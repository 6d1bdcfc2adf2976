package servertest_test

import (
	"testing"
	"time"

	"github.com/stratacache/strata/internal/servertest"
)

func TestRedisSentinelPromotes(t *testing.T) {
	t.Parallel()
	r := servertest.RedisSentinel(t)
	if err := r.Linked(); err != nil {
		t.Fatal(err)
	}
	if got, _ := ask(r.Replica.Addr, "SET k v"); got == "+OK" {
		t.Fatal("the replica takes writes")
	}
	r.Primary.Kill()
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		got, err := ask(r.Replica.Addr, "SET k v")
		if got == "+OK" {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("the replica is not promoted: got %q, %v", got, err)
		}
	}
}

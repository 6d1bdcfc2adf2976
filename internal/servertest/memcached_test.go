package servertest_test

import (
	"testing"

	"github.com/stratacache/strata/internal/servertest"
)

func TestMemcachedRestartsEmpty(t *testing.T) {
	t.Parallel()
	s := servertest.Memcached(t)
	if got, err := ask(s.Addr, "set k 0 0 1\r\nv"); got != "STORED" {
		t.Fatalf("set: got %q, %v", got, err)
	}
	s.Restart()
	if got, err := ask(s.Addr, "get k"); got != "END" {
		t.Fatalf("after Restart: got %q, %v, want an empty server", got, err)
	}
}

func TestSharedMemcachedsAreTwo(t *testing.T) {
	t.Parallel()
	if two := servertest.SharedMemcached(t); two[0] == two[1] {
		t.Fatalf("got %s twice", two[0])
	}
}

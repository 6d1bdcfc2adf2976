package servertest

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// RedisSentinels is a primary, its replica, and what promotes the replica when
// the primary is gone.
type RedisSentinels struct {
	// Name is what the sentinels call the primary.
	Name string
	// Addrs are the sentinels'.
	Addrs []string

	Primary, Replica *Server
}

// RedisSentinel starts a primary, a replica and three sentinels for t, which
// are stopped when t ends. The sentinels miss a primary after 300 ms. args are
// further arguments of both redis-servers.
func RedisSentinel(t testing.TB, args ...string) *RedisSentinels {
	t.Helper()
	lookPath(t, "redis-sentinel")
	r := &RedisSentinels{Name: "mymaster"}
	r.Primary = Redis(t, append([]string{"--repl-diskless-sync-delay", "0"}, args...)...)
	host, port, _ := net.SplitHostPort(r.Primary.Addr)
	r.Replica = Redis(t, append([]string{"--repl-diskless-sync-delay", "0", "--replicaof", host + " " + port}, args...)...)
	if err := r.Replica.proc.waitReady(r.Linked); err != nil {
		t.Fatal(err)
	}
	const quorum = 2
	for range quorum + 1 {
		r.Addrs = append(r.Addrs, launch(t, sentinel(r.Name, host, port, quorum)).Addr)
	}
	for _, addr := range r.Addrs { // before that they would not promote anybody
		err := r.Primary.proc.waitReady(func() error { return knows(addr, r.Name, 1, quorum) })
		if err != nil {
			t.Fatal(err)
		}
	}
	return r
}

// Linked says why the replica does not follow the primary, or nil.
func (r *RedisSentinels) Linked() error {
	text, err := askBulk(r.Replica.Addr, "INFO replication\r\n")
	if err == nil && !strings.Contains(text, "master_link_status:up") {
		err = errors.New(text)
	}
	return err
}

func sentinel(name, host, port string, quorum int) kind {
	return kind{
		program: "redis-sentinel",
		args: func(port, dir string) []string {
			return []string{filepath.Join(dir, "sentinel.conf"), "--port", port, "--bind", "127.0.0.1", "--dir", dir}
		},
		prepare: func(dir string, _ *syscall.Credential) error {
			config := fmt.Sprintf("sentinel monitor %s %s %s %d\nsentinel down-after-milliseconds %[1]s 300\n"+
				"sentinel failover-timeout %[1]s 3000\n", name, host, port, quorum)
			return os.WriteFile(filepath.Join(dir, "sentinel.conf"), []byte(config), 0o600)
		},
		ready: redisReady,
	}
}

// knows asks a sentinel whether it has found the replicas and the other
// sentinels.
func knows(addr, name string, replicas, others int) error {
	text, err := askBulk(addr, "INFO sentinel\r\n")
	if err == nil && !strings.Contains(text, fmt.Sprintf("name=%s,status=ok", name)) ||
		!strings.Contains(text, fmt.Sprintf("slaves=%d,sentinels=%d", replicas, others+1)) {
		err = errors.New(text)
	}
	return err
}

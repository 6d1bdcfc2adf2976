package servertest

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// RedisNodes is a Redis Cluster of three primaries and a replica of each.
type RedisNodes struct {
	// Addrs are the nodes: first the primaries, then their replicas in the same
	// order.
	Addrs []string

	nodes []*Server
}

// shards is how many primaries a cluster has: the fewest that can agree on a
// fail-over.
const shards = 3

// RedisCluster starts a cluster for t, which is stopped when t ends. That takes
// two seconds, for which a new node waits by itself. args are further arguments
// of each redis-server; they win over the defaults.
func RedisCluster(t testing.TB, args ...string) *RedisNodes {
	t.Helper()
	c, err := startCluster(lookPath(t, "redis-server"), args)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range c.nodes {
		s.t = t
		t.Cleanup(s.remove)
	}
	return c
}

// SharedRedisCluster returns the addresses of a cluster that all tests of this
// binary use at once. They neither stop nor flush its nodes, move no slots, and
// keep to namespaces of their own.
func SharedRedisCluster(t testing.TB) []string {
	t.Helper()
	nodes := shareMany(t, "redis-cluster", "redis-server", func(path string) ([]*Server, error) {
		c, err := startCluster(path, nil)
		if err != nil {
			return nil, err
		}
		for _, s := range c.nodes { // nobody dies: a busy machine must not look like it
			if err := order(s.Addr, "CONFIG SET cluster-node-timeout 30000"); err != nil {
				return nil, c.fail(err)
			}
		}
		return c.nodes, nil
	})
	addrs := make([]string, len(nodes))
	for i, s := range nodes {
		addrs[i] = s.Addr
	}
	return addrs
}

// Node is the server at addr.
func (c *RedisNodes) Node(addr string) *Server {
	for _, s := range c.nodes {
		if s.Addr == addr {
			return s
		}
	}
	return nil
}

// Replica is the server that was made the replica of the primary at addr.
func (c *RedisNodes) Replica(addr string) *Server {
	for i, s := range c.nodes[:shards] {
		if s.Addr == addr {
			return c.nodes[shards+i]
		}
	}
	return nil
}

// Owner is the primary that serves the slot, as another node than the one at
// not sees it; "" if it sees none.
func (c *RedisNodes) Owner(slot int, not string) string {
	for _, s := range c.nodes {
		if s.Addr == not || s.proc == nil {
			continue
		}
		text, err := askBulk(s.Addr, "CLUSTER NODES\r\n")
		if err != nil {
			continue
		}
		for line := range strings.Lines(text) {
			f := strings.Fields(line)
			if len(f) > 8 && strings.Contains(f[2], "master") && !strings.Contains(f[2], "fail") && owns(f[8:], slot) {
				addr, _, _ := strings.Cut(f[1], "@")
				return addr
			}
		}
	}
	return ""
}

// owns looks for slot in ranges such as 0-5460.
func owns(ranges []string, slot int) bool {
	for _, r := range ranges {
		from, to, ok := strings.Cut(r, "-")
		if !ok {
			to = from
		}
		a, errA := strconv.Atoi(from)
		b, errB := strconv.Atoi(to)
		if errA == nil && errB == nil && a <= slot && slot <= b {
			return true
		}
	}
	return false
}

// startCluster tries again with other ports: those of the bus are anybody's until
// a node has them, and what another cluster sends there may make two of one.
func startCluster(path string, args []string) (*RedisNodes, error) {
	const attempts = 3
	for i := 1; ; i++ {
		c, err := tryCluster(path, args)
		if err == nil || i == attempts {
			return c, err
		}
	}
}

// tryCluster starts the nodes, has them meet, and waits until each says that the
// cluster is well.
func tryCluster(path string, args []string) (*RedisNodes, error) {
	c := &RedisNodes{nodes: make([]*Server, 2*shards)}
	buses := make([]string, len(c.nodes))
	errs := make([]error, len(c.nodes))
	var wg sync.WaitGroup
	for i := range c.nodes {
		wg.Go(func() { c.nodes[i], buses[i], errs[i] = startNode(path, args) })
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			return nil, c.fail(err)
		}
	}
	for _, s := range c.nodes {
		c.Addrs = append(c.Addrs, s.Addr)
	}
	if err := c.form(buses); err != nil {
		return nil, c.fail(err)
	}
	return c, nil
}

// fail stops what was started.
func (c *RedisNodes) fail(err error) error {
	for _, s := range c.nodes {
		if s != nil {
			s.remove()
		}
	}
	return fmt.Errorf("redis cluster: %w", err)
}

func startNode(path string, args []string) (*Server, string, error) {
	const attempts = 3 // somebody else may take the bus port first
	var err error
	for range attempts {
		var bus string
		if bus, err = freePort(); err != nil {
			break
		}
		var s *Server
		s, err = start(path, redis(), append([]string{
			"--cluster-enabled", "yes", "--cluster-port", bus, "--cluster-node-timeout", "1000",
			"--cluster-allow-replica-migration", "no", "--repl-diskless-sync-delay", "0",
		}, args...))
		if err == nil {
			return s, bus, nil
		}
	}
	return nil, "", err
}

// form makes one cluster of nodes that know nothing of each other.
func (c *RedisNodes) form(buses []string) error {
	for i, s := range c.nodes {
		if err := order(s.Addr, fmt.Sprintf("CLUSTER SET-CONFIG-EPOCH %d", i+1)); err != nil {
			return err
		}
	}
	for i, s := range c.nodes {
		var commands []string
		if i < shards {
			const slots = 16384
			commands = append(commands, fmt.Sprintf("CLUSTER ADDSLOTSRANGE %d %d", i*slots/shards, (i+1)*slots/shards-1))
		}
		for j, other := range c.nodes[:i] { // each meets each, because hearsay takes time
			host, port, _ := net.SplitHostPort(other.Addr)
			commands = append(commands, fmt.Sprintf("CLUSTER MEET %s %s %s", host, port, buses[j]))
		}
		for _, command := range commands {
			if err := order(s.Addr, command); err != nil {
				return err
			}
		}
	}
	if err := c.wait(func(text string) bool {
		return strings.Count(text, "\n") == len(c.nodes) && !strings.Contains(text, "handshake")
	}, "CLUSTER NODES"); err != nil {
		return err
	}
	for i := range shards {
		id, err := askBulk(c.nodes[i].Addr, "CLUSTER MYID\r\n")
		if err != nil {
			return err
		}
		if err := order(c.nodes[shards+i].Addr, "CLUSTER REPLICATE "+id); err != nil {
			return err
		}
	}
	if err := c.wait(func(text string) bool { return strings.Count(text, "slave") == shards }, "CLUSTER NODES"); err != nil {
		return err
	}
	if err := c.wait(func(text string) bool { return strings.Contains(text, "cluster_state:ok") }, "CLUSTER INFO"); err != nil {
		return err
	}
	return c.wait(func(text string) bool {
		return strings.Contains(text, "role:master") || strings.Contains(text, "master_link_status:up")
	}, "INFO replication")
}

// wait asks every node until it answers as it should.
func (c *RedisNodes) wait(done func(string) bool, command string) error {
	for _, s := range c.nodes {
		err := s.proc.waitReady(func() error {
			text, err := askBulk(s.Addr, command+"\r\n")
			if err == nil && !done(text) {
				err = fmt.Errorf("%s: %s", command, text)
			}
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// order sends a command that is answered with OK.
func order(addr, command string) error {
	line, err := askLine(addr, command+"\r\n")
	if err == nil && line != "+OK" {
		err = errors.New(line)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", command, err)
	}
	return nil
}

// askBulk sends question to addr and returns the whole of a long answer.
func askBulk(addr, question string) (string, error) {
	conn, err := net.DialTimeout("tcp", addr, time.Second)
	if err != nil {
		return "", err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(time.Second)); err != nil {
		return "", err
	}
	if _, err := io.WriteString(conn, question); err != nil {
		return "", err
	}
	r := bufio.NewReader(conn)
	line, err := r.ReadString('\n')
	if err != nil {
		return "", err
	}
	length, ok := strings.CutPrefix(strings.TrimSpace(line), "$")
	n, err := strconv.Atoi(length)
	if !ok || err != nil || n < 0 {
		return "", fmt.Errorf("%s: %s", strings.TrimSpace(question), line)
	}
	text := make([]byte, n)
	_, err = io.ReadFull(r, text)
	return string(text), err
}

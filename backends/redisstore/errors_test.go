package redisstore_test

import (
	"bufio"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/stratacache/strata/backends/redisstore"
	"github.com/stratacache/strata/cache"
	"github.com/stratacache/strata/cache/driver"
	"github.com/stratacache/strata/internal/servertest"
)

// impatient has a client give up soon, as that of Open does.
func impatient(o *redis.Options) { o.MaxRetries, o.DialerRetries = -1, 1 }

// Each condition of a real server is told apart, is no answer, and is still the
// server's own error.
func TestConditions(t *testing.T) {
	t.Parallel()
	everyone := []error{
		redisstore.ErrOutOfMemory, redisstore.ErrNotPersisting, redisstore.ErrReadOnly, redisstore.ErrLoading, redisstore.ErrBusy,
		redisstore.ErrClusterDown, redisstore.ErrPrimaryDown, redisstore.ErrNoReplicas, redisstore.ErrDenied,
	}
	check := func(t *testing.T, addr string, want error) {
		t.Helper()
		s := open(t, addr, impatient)
		_, err := s.Put(t.Context(), key("k"), value("v"), driver.Set, 0)
		for _, is := range everyone {
			if errors.Is(err, is) != (is == want) {
				t.Errorf("got %v, which is %q: %t", err, is, errors.Is(err, is))
			}
		}
		var reply redis.Error
		if !errors.As(err, &reply) || !strings.HasPrefix(err.Error(), "redisstore: ") {
			t.Errorf("got %v, want the server's error, wrapped", err)
		}
		c, err := cache.New(s, nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Set(t.Context(), "k", []byte("v")); !errors.Is(err, cache.ErrUnavailable) || !errors.Is(err, want) {
			t.Errorf("a client: got %v, want ErrUnavailable and %q", err, want)
		}
	}
	t.Run("OOM", func(t *testing.T) {
		t.Parallel()
		check(t, servertest.Redis(t, "--maxmemory", "1", "--maxmemory-policy", "noeviction").Addr, redisstore.ErrOutOfMemory)
	})
	t.Run("MISCONF", func(t *testing.T) {
		t.Parallel()
		server := servertest.Redis(t, "--save", "3600 1")
		breakSaving(t, open(t, server.Addr), server.Dir)
		check(t, server.Addr, redisstore.ErrNotPersisting)
	})
	t.Run("READONLY", func(t *testing.T) {
		t.Parallel()
		primary := servertest.Redis(t, "--repl-diskless-sync-delay", "0")
		check(t, replicaOf(t, primary.Addr).Addr, redisstore.ErrReadOnly)
	})
	t.Run("MASTERDOWN", func(t *testing.T) {
		t.Parallel()
		primary := servertest.Redis(t, "--repl-diskless-sync-delay", "0")
		replica := replicaOf(t, primary.Addr)
		if err := client(t, replica.Addr).ConfigSet(t.Context(), "replica-serve-stale-data", "no").Err(); err != nil {
			t.Fatal(err)
		}
		primary.Kill()
		until(t, "the replica to notice", func() bool {
			return strings.Contains(client(t, replica.Addr).Info(t.Context(), "replication").Val(), "master_link_status:down")
		})
		check(t, replica.Addr, redisstore.ErrPrimaryDown)
	})
	t.Run("NOREPLICAS", func(t *testing.T) {
		t.Parallel()
		check(t, servertest.Redis(t, "--min-replicas-to-write", "1").Addr, redisstore.ErrNoReplicas)
	})
	t.Run("NOAUTH", func(t *testing.T) {
		t.Parallel()
		check(t, servertest.Redis(t, "--requirepass", "p").Addr, redisstore.ErrDenied)
	})
	t.Run("BUSY", func(t *testing.T) {
		t.Parallel()
		server := servertest.Redis(t, "--lua-time-limit", "5")
		rdb := client(t, server.Addr)
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			_ = rdb.Eval(t.Context(), "while true do end", nil).Err()
		}()
		until(t, "the script to be slow", func() bool { return redis.HasErrorPrefix(rdb.Ping(t.Context()).Err(), "BUSY") })
		check(t, server.Addr, redisstore.ErrBusy)
		if err := rdb.ScriptKill(t.Context()).Err(); err != nil {
			t.Fatal(err)
		}
		<-ended
	})
	t.Run("CLUSTERDOWN", func(t *testing.T) {
		t.Parallel()
		check(t, servertest.Redis(t, "--cluster-enabled", "yes", "--cluster-port", freePort(t)).Addr, redisstore.ErrClusterDown)
	})
	t.Run("LOADING", func(t *testing.T) {
		t.Parallel()
		check(t, answering(t, "-LOADING Redis is loading the dataset in memory\r\n"), redisstore.ErrLoading)
	})
	t.Run("TRYAGAIN", func(t *testing.T) {
		t.Parallel()
		check(t, answering(t, "-TRYAGAIN Multiple keys request during rehashing of slot\r\n"), redisstore.ErrClusterDown)
	})
}

// replicaOf starts a replica of the server at addr, and waits until it has its
// data.
func replicaOf(t *testing.T, addr string) *servertest.Server {
	t.Helper()
	host, port, _ := strings.Cut(addr, ":")
	replica := servertest.Redis(t, "--repl-diskless-sync-delay", "0", "--replicaof", host+" "+port)
	rdb := client(t, replica.Addr)
	until(t, "the replica to follow", func() bool {
		return strings.Contains(rdb.Info(t.Context(), "replication").Val(), "master_link_status:up")
	})
	return replica
}

// until waits for something that must happen.
func until(t testing.TB, what string, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !done(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited too long for %s", what)
		}
	}
}

// freePort is a port that was free a moment ago.
func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	return port
}

// answering is a server with one answer to every command.
func answering(t *testing.T, answer string) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	t.Cleanup(func() {
		_ = l.Close()
		wg.Wait()
	})
	wg.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() {
				defer conn.Close()
				for r := bufio.NewReader(conn); ; {
					line, err := r.ReadString('\n')
					if err != nil {
						return
					}
					if strings.HasPrefix(line, "*") { // one for each command
						_, _ = io.WriteString(conn, answer)
					}
				}
			})
		}
	})
	return l.Addr().String()
}

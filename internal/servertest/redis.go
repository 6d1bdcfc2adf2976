package servertest

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// RedisServer is a running redis-server. Its methods are for one goroutine at
// a time; they fail the test that started it.
type RedisServer struct {
	// Addr is host:port. It stays the same over a Restart.
	Addr string
	// Dir holds what the server writes.
	Dir string

	t    testing.TB
	path string
	args []string
	proc *process
}

// Redis starts a server for t, which is stopped when t ends. It persists
// nothing on its own. args are further arguments of redis-server, such as
// "--maxmemory", "10mb"; they win over the defaults.
func Redis(t testing.TB, args ...string) *RedisServer {
	t.Helper()
	s, err := startRedis(lookPath(t, "redis-server"), t.TempDir(), args)
	if err != nil {
		t.Fatal(err)
	}
	s.t = t
	t.Cleanup(s.stop)
	return s
}

func startRedis(path, dir string, args []string) (*RedisServer, error) {
	const attempts = 5 // somebody else may take the port first
	var err error
	for range attempts {
		var port string
		if port, err = freePort(); err != nil {
			return nil, err
		}
		s := &RedisServer{Addr: net.JoinHostPort("127.0.0.1", port), Dir: dir, path: path}
		s.args = append([]string{
			"--port", port, "--bind", "127.0.0.1", "--dir", dir, "--daemonize", "no", "--save", "", "--appendonly", "no",
		}, args...)
		if err = s.run(); err == nil {
			return s, nil
		}
	}
	return nil, err
}

// run starts the process and waits until it answers.
func (s *RedisServer) run() error {
	proc, err := start(s.Dir, s.path, s.args...)
	if err != nil {
		return fmt.Errorf("redis-server: %w", err)
	}
	if err := proc.waitReady(s.ping); err != nil {
		proc.kill()
		out, _ := os.ReadFile(filepath.Join(s.Dir, "output"))
		return fmt.Errorf("redis-server: %w\n%s", err, out)
	}
	s.proc = proc
	return nil
}

// ping succeeds when the server has loaded its data. One that wants a password
// is as good as one that answers.
func (s *RedisServer) ping() error {
	c, err := net.DialTimeout("tcp", s.Addr, time.Second)
	if err != nil {
		return err
	}
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(time.Second)); err != nil {
		return err
	}
	if _, err := c.Write([]byte("PING\r\n")); err != nil {
		return err
	}
	line, err := bufio.NewReader(c).ReadString('\n')
	if err != nil {
		return err
	}
	if strings.HasPrefix(line, "+PONG") || strings.HasPrefix(line, "-NOAUTH") {
		return nil
	}
	return errors.New(strings.TrimSpace(line))
}

// Kill ends the server as a power cut would (kill -9).
func (s *RedisServer) Kill() {
	s.t.Helper()
	if s.proc == nil {
		s.t.Fatal("servertest: Kill: the server is not running")
	}
	s.stop()
}

// Restart ends the server as Kill does, if it runs, and starts it again with
// the same address, arguments and files.
func (s *RedisServer) Restart() {
	s.t.Helper()
	s.stop()
	if err := s.run(); err != nil {
		s.t.Fatal(err)
	}
}

// Freeze stops the server from doing anything. Its connections stay open.
func (s *RedisServer) Freeze() { s.signal(syscall.SIGSTOP) }

// Thaw ends a Freeze.
func (s *RedisServer) Thaw() { s.signal(syscall.SIGCONT) }

// Stop ends the server for good.
func (s *RedisServer) Stop() { s.stop() }

func (s *RedisServer) signal(sig syscall.Signal) {
	s.t.Helper()
	if s.proc == nil {
		s.t.Fatalf("servertest: %v: the server is not running", sig)
	}
	if err := s.proc.signal(sig); err != nil {
		s.t.Fatalf("servertest: %v: %v", sig, err)
	}
}

func (s *RedisServer) stop() {
	if s.proc != nil {
		s.proc.kill()
		s.proc = nil
	}
}

package servertest

import (
	"bufio"
	"errors"
	"net"
	"strings"
	"testing"
	"time"
)

// Redis starts a redis-server for t, which is stopped when t ends. It persists
// nothing on its own. args are further arguments of redis-server, such as
// "--maxmemory", "10mb"; they win over the defaults.
func Redis(t testing.TB, args ...string) *Server {
	t.Helper()
	return launch(t, redis(), args...)
}

// SharedRedis returns the address of a redis-server that all tests of this
// binary use at once. They neither stop nor flush it, and keep to namespaces of
// their own.
func SharedRedis(t testing.TB) string {
	t.Helper()
	return share(t, "redis", redis()).Addr
}

func redis() kind {
	return kind{
		program: "redis-server",
		args: func(port, dir string) []string {
			return []string{
				"--port", port, "--bind", "127.0.0.1", "--dir", dir, "--daemonize", "no", "--save", "", "--appendonly", "no",
			}
		},
		ready: redisReady,
	}
}

// redisReady succeeds when the server has loaded its data. One that wants a
// password is as good as one that answers.
func redisReady(addr string) error {
	line, err := askLine(addr, "PING\r\n")
	if err != nil {
		return err
	}
	if strings.HasPrefix(line, "+PONG") || strings.HasPrefix(line, "-NOAUTH") {
		return nil
	}
	return errors.New(line)
}

// askLine sends question to addr and returns the first line of the answer.
func askLine(addr, question string) (string, error) {
	c, err := net.DialTimeout("tcp", addr, time.Second)
	if err != nil {
		return "", err
	}
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(time.Second)); err != nil {
		return "", err
	}
	if _, err := c.Write([]byte(question)); err != nil {
		return "", err
	}
	line, err := bufio.NewReader(c).ReadString('\n')
	return strings.TrimSpace(line), err
}

package servertest_test

import (
	"bufio"
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/stratacache/strata/internal/servertest"
)

func TestMain(m *testing.M) {
	if os.Getenv("SERVERTEST_CHILD") == "1" {
		m.Run()
		return
	}
	goleak.VerifyTestMain(servertest.Main(m))
}

// ask sends one command and returns the first line of the answer.
func ask(addr, command string) (string, error) {
	c, err := net.DialTimeout("tcp", addr, time.Second)
	if err != nil {
		return "", err
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(200 * time.Millisecond))
	if _, err := io.WriteString(c, command+"\r\n"); err != nil {
		return "", err
	}
	line, err := bufio.NewReader(c).ReadString('\n')
	return strings.TrimSpace(line), err
}

func TestRedisKillAndRestart(t *testing.T) {
	t.Parallel()
	s := servertest.Redis(t)
	if got, err := ask(s.Addr, "SET k v"); got != "+OK" {
		t.Fatalf("SET: got %q, %v", got, err)
	}
	s.Kill()
	if got, err := ask(s.Addr, "PING"); err == nil {
		t.Fatalf("after Kill: got %q, want an error", got)
	}
	s.Restart()
	if got, err := ask(s.Addr, "EXISTS k"); got != ":0" {
		t.Fatalf("after Restart: got %q, %v, want an empty server", got, err)
	}
}

func TestRedisFreezeAndThaw(t *testing.T) {
	t.Parallel()
	s := servertest.Redis(t)
	s.Freeze()
	var timeout net.Error
	if got, err := ask(s.Addr, "PING"); !errors.As(err, &timeout) || !timeout.Timeout() {
		t.Fatalf("frozen: got %q, %v, want a timeout", got, err)
	}
	s.Thaw()
	if got, err := ask(s.Addr, "PING"); got != "+PONG" {
		t.Fatalf("thawed: got %q, %v", got, err)
	}
}

func TestSharedRedisIsOne(t *testing.T) {
	t.Parallel()
	if a, b := servertest.SharedRedis(t), servertest.SharedRedis(t); a != b {
		t.Fatalf("got %s and %s, want one server", a, b)
	}
}

func TestProxyLosesReplies(t *testing.T) {
	t.Parallel()
	s := servertest.Redis(t)
	p := servertest.Proxy(t, s.Addr)
	p.LoseReplies(1)
	if got, err := ask(p.Addr, "INCR n"); err == nil {
		t.Fatalf("got %q, want the reply lost", got)
	}
	if got, err := ask(p.Addr, "INCR n"); got != ":2" {
		t.Fatalf("got %q, %v, want the lost one to have counted", got, err)
	}
	if got := p.Lost(); got != 1 {
		t.Fatalf("got %d lost replies, want 1", got)
	}
}

// A server does not outlive a test process that is killed.
func TestServerDiesWithTheProcess(t *testing.T) {
	t.Parallel()
	if os.Getenv("SERVERTEST_CHILD") == "1" {
		println("ADDR=" + servertest.SharedRedis(t))
		time.Sleep(time.Minute) // until killed
		return
	}
	servertest.SharedRedis(t) // skips without redis-server
	cmd := exec.Command(os.Args[0], "-test.run=^TestServerDiesWithTheProcess$")
	cmd.Env = append(os.Environ(), "SERVERTEST_CHILD=1", "TMPDIR="+t.TempDir())
	out, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	addr, ok := strings.CutPrefix(strings.TrimSpace(line), "ADDR=")
	if !ok {
		t.Fatalf("got %q, %v, want an address", line, err)
	}
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		if _, err := ask(addr, "PING"); err != nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("the server at %s still answers", addr)
		}
	}
}

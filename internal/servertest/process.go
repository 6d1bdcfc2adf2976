package servertest

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"
	"time"
)

// readyWithin is far more than any server here takes, also on a busy machine.
const readyWithin = 20 * time.Second

// lookPath finds a server's program, or skips t, or fails it.
func lookPath(t testing.TB, program string) string {
	t.Helper()
	path, err := exec.LookPath(program)
	if err == nil {
		return path
	}
	const format = "%s is not installed: this test was NOT RUN. `make test` installs it and runs the test."
	if os.Getenv("STRATA_REQUIRE_SERVERS") == "1" {
		t.Fatalf(format, program)
	}
	t.Skipf(format, program)
	return ""
}

// process is one run of a server's program.
type process struct {
	cmd  *exec.Cmd
	done chan struct{} // closed when it has ended
}

// startProcess runs the program, as somebody else if cred is not nil. Its output
// goes to a file in dir.
func startProcess(dir string, cred *syscall.Credential, path string, args ...string) (*process, error) {
	out, err := os.OpenFile(filepath.Join(dir, "output"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	p := &process{cmd: exec.Command(path, args...), done: make(chan struct{})}
	p.cmd.Dir, p.cmd.Stdout, p.cmd.Stderr = dir, out, out
	p.cmd.SysProcAttr = dieWithParent()
	p.cmd.SysProcAttr.Credential = cred
	started := make(chan error)
	go func() {
		defer close(p.done)
		defer out.Close()
		// The kernel's "parent" is the thread that started the server: it must not
		// end before the server does.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := p.cmd.Start()
		started <- err
		if err == nil {
			_ = p.cmd.Wait()
		}
	}()
	if err := <-started; err != nil {
		<-p.done
		return nil, err
	}
	return p, nil
}

func (p *process) signal(s syscall.Signal) error { return p.cmd.Process.Signal(s) }

// kill ends the process at once, stopped or not, and waits for its end.
func (p *process) kill() {
	_ = p.cmd.Process.Kill()
	<-p.done
}

// waitReady asks until the server answers, has ended, or has had its time.
func (p *process) waitReady(ask func() error) error {
	deadline := time.Now().Add(readyWithin)
	for {
		err := ask()
		if err == nil {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("not ready within %v: %w", readyWithin, err)
		}
		select {
		case <-p.done:
			return errEnded
		case <-time.After(2 * time.Millisecond):
		}
	}
}

var errEnded = errors.New("the server ended before it was ready")

// freePort returns a port that was free a moment ago.
func freePort() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	_, port, err := net.SplitHostPort(l.Addr().String())
	return port, err
}

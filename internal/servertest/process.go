package servertest

import (
	"errors"
	"fmt"
	"io"
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
	path, err := find(program)
	if program == mariadb().program && err == nil {
		_, err = find(mariadbInstall)
	}
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

// find also looks where systems keep servers that are not for everybody's PATH.
func find(program string) (string, error) {
	path, err := exec.LookPath(program)
	if err == nil {
		return path, nil
	}
	for _, folder := range []string{"/usr/sbin", "/usr/local/sbin", "/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin"} {
		if found, _ := filepath.Glob(filepath.Join(folder, program)); len(found) > 0 {
			return found[len(found)-1], nil
		}
	}
	return "", err
}

// runAs runs a program that prepares a server, and waits for its end.
func runAs(dir string, cred *syscall.Credential, program string, args ...string) error {
	path, err := find(program)
	if err != nil {
		return err
	}
	cmd := exec.Command(path, args...)
	cmd.Dir = dir
	// MariaDB removes what looks like its own from the common folder, when it
	// starts: that of others that start, too.
	cmd.Env = append(os.Environ(), "TMPDIR="+dir)
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: cred}
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w\n%s", program, err, out)
	}
	return nil
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
	// Not out itself: through a pipe, Wait also waits for children that the server
	// leaves behind.
	output := struct{ io.Writer }{out}
	p.cmd.Dir, p.cmd.Stdout, p.cmd.Stderr = dir, output, output
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

// signal also reaches the children, in which some servers do their work.
func (p *process) signal(s syscall.Signal) error {
	err := p.cmd.Process.Signal(s)
	for _, child := range children(p.cmd.Process.Pid) {
		_ = syscall.Kill(child, s)
	}
	return err
}

// kill ends the process and its children at once, stopped or not, and waits for
// their end.
func (p *process) kill() {
	_ = p.cmd.Process.Signal(syscall.SIGSTOP) // from now on there are no more
	orphans := children(p.cmd.Process.Pid)
	_ = p.cmd.Process.Kill()
	for _, child := range orphans {
		_ = syscall.Kill(child, syscall.SIGKILL)
	}
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

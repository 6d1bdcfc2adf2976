package servertest

import (
	"fmt"
	"net"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
)

// Server is a running server. Its methods are for one goroutine at a time; they
// fail the test that started it.
type Server struct {
	// Addr is host:port. It stays the same over a Restart.
	Addr string
	// Dir holds what the server writes.
	Dir string

	t    testing.TB
	kind kind
	path string
	args []string
	cred *syscall.Credential
	proc *process
}

// kind is what there is to know of a server's program.
type kind struct {
	program string
	// args are its arguments for a port and a folder of its own.
	args func(port, dir string) []string
	// ready asks the server at addr; nil means that it serves.
	ready func(addr string) error
	// prepare makes dir ready for the first run. May be nil.
	prepare func(dir string, as *syscall.Credential) error
	// user is whom the program runs as where the tests are run by root, whom some
	// servers refuse. "" is root itself.
	user string
}

// launch starts a server for t, which is stopped when t ends. extra arguments
// come last, and so win.
func launch(t testing.TB, k kind, extra ...string) *Server {
	t.Helper()
	s, err := start(lookPath(t, k.program), k, extra)
	if err != nil {
		t.Fatal(err)
	}
	s.t = t
	t.Cleanup(s.remove)
	return s
}

// start makes a folder and runs the server in it.
func start(path string, k kind, extra []string) (*Server, error) {
	// Not t.TempDir, whose parent only its owner may enter.
	dir, err := os.MkdirTemp("", "strata-"+k.program+"-")
	if err != nil {
		return nil, err
	}
	s := &Server{Dir: dir, kind: k, path: path}
	if err := s.first(extra); err != nil {
		s.remove()
		return nil, fmt.Errorf("%s: %w", k.program, err)
	}
	return s, nil
}

// first is the first run.
func (s *Server) first(extra []string) error {
	if err := s.own(); err != nil {
		return err
	}
	if s.kind.prepare != nil {
		if err := s.kind.prepare(s.Dir, s.cred); err != nil {
			return err
		}
	}
	const attempts = 5 // somebody else may take the port first
	var err error
	for range attempts {
		var port string
		if port, err = freePort(); err != nil {
			return err
		}
		s.Addr = net.JoinHostPort("127.0.0.1", port)
		s.args = append(s.kind.args(port, s.Dir), extra...)
		if err = s.run(); err == nil {
			return nil
		}
	}
	return err
}

// own gives the folder to the user that the server runs as.
func (s *Server) own() error {
	if s.kind.user == "" || os.Getuid() != 0 {
		return nil
	}
	u, err := user.Lookup(s.kind.user)
	if err != nil {
		return err
	}
	uid, err := strconv.ParseUint(u.Uid, 10, 32)
	if err != nil {
		return err
	}
	gid, err := strconv.ParseUint(u.Gid, 10, 32)
	if err != nil {
		return err
	}
	s.cred = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	return os.Chown(s.Dir, int(uid), int(gid))
}

// run starts the process and waits until it answers.
func (s *Server) run() error {
	proc, err := startProcess(s.Dir, s.cred, s.path, s.args...)
	if err != nil {
		return err
	}
	if err := proc.waitReady(func() error { return s.kind.ready(s.Addr) }); err != nil {
		proc.kill()
		out, _ := os.ReadFile(filepath.Join(s.Dir, "output"))
		return fmt.Errorf("%w\n%s", err, out)
	}
	s.proc = proc
	return nil
}

// Kill ends the server as a power cut would (kill -9).
func (s *Server) Kill() {
	s.t.Helper()
	if s.proc == nil {
		s.t.Fatal("servertest: Kill: the server is not running")
	}
	s.Stop()
}

// Restart ends the server as Kill does, if it runs, and starts it again with
// the same address, arguments and files.
func (s *Server) Restart() {
	s.t.Helper()
	s.Stop()
	if err := s.run(); err != nil {
		s.t.Fatal(err)
	}
}

// Freeze stops the server from doing anything. Its connections stay open.
func (s *Server) Freeze() { s.signal(syscall.SIGSTOP) }

// Thaw ends a Freeze.
func (s *Server) Thaw() { s.signal(syscall.SIGCONT) }

// Stop ends the server for good.
func (s *Server) Stop() {
	if s.proc != nil {
		s.proc.kill()
		s.proc = nil
	}
}

// remove ends the server and removes what it wrote.
func (s *Server) remove() {
	s.Stop()
	_ = os.RemoveAll(s.Dir)
}

func (s *Server) signal(sig syscall.Signal) {
	s.t.Helper()
	if s.proc == nil {
		s.t.Fatalf("servertest: %v: the server is not running", sig)
	}
	if err := s.proc.signal(sig); err != nil {
		s.t.Fatalf("servertest: %v: %v", sig, err)
	}
}

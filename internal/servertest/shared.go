package servertest

import (
	"sync"
	"testing"
)

// shared are the servers of this test binary, by name. It is a variable of the
// package because the tests of a binary have nothing else in common.
var shared struct {
	mu      sync.Mutex
	servers map[string]*sharedServer
}

// sharedServer is one, or several that belong together, that is started once.
// Others of other names may be started meanwhile.
type sharedServer struct {
	once    sync.Once
	servers []*Server
	err     error
}

// share returns the server of that name, and starts it if it is the first to
// ask.
func share(t testing.TB, name string, k kind, extra ...string) *Server {
	t.Helper()
	return shareMany(t, name, k.program, func(path string) ([]*Server, error) {
		s, err := start(path, k, extra)
		return []*Server{s}, err
	})[0]
}

// shareMany is share for servers that belong together.
func shareMany(t testing.TB, name, program string, start func(path string) ([]*Server, error)) []*Server {
	t.Helper()
	path := lookPath(t, program)
	shared.mu.Lock()
	if shared.servers == nil {
		shared.servers = make(map[string]*sharedServer)
	}
	s := shared.servers[name]
	if s == nil {
		s = new(sharedServer)
		shared.servers[name] = s
	}
	shared.mu.Unlock()
	s.once.Do(func() {
		s.servers, s.err = start(path)
	})
	if s.err != nil {
		t.Fatal(s.err)
	}
	return s.servers
}

// Runner is what TestMain is given.
type Runner interface{ Run() int }

// Main wraps m so that the shared servers end with the last test, before
// anybody looks for goroutines that were left behind.
func Main(m Runner) Runner { return runner{m} }

type runner struct{ Runner }

func (r runner) Run() int {
	defer stopShared()
	return r.Runner.Run()
}

func stopShared() {
	shared.mu.Lock()
	defer shared.mu.Unlock()
	for _, s := range shared.servers {
		for _, server := range s.servers {
			if server != nil {
				server.remove()
			}
		}
	}
	shared.servers = nil
}

package servertest

import (
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// ProxyServer passes connections on to a server.
type ProxyServer struct {
	// Addr is where clients connect to.
	Addr string

	target string
	lose   atomic.Int64
	lost   atomic.Int64
	keep   atomic.Int64 // bytes of a lost reply that are passed on
	delay  atomic.Int64 // most, in nanoseconds
	wg     sync.WaitGroup
	mu     sync.Mutex
	conns  map[net.Conn]struct{} // nil when closed
}

// Proxy starts a proxy in front of the server at target, which ends with t.
func Proxy(t testing.TB, target string) *ProxyServer {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &ProxyServer{Addr: l.Addr().String(), target: target, conns: map[net.Conn]struct{}{}}
	p.wg.Go(func() { p.serve(l) })
	t.Cleanup(func() {
		_ = l.Close()
		p.closeAll()
		p.wg.Wait()
	})
	return p
}

// LoseReplies has the proxy close the connection instead of passing on what
// the server answers, n times from now. The server has done the work then.
func (p *ProxyServer) LoseReplies(n int) {
	p.keep.Store(0)
	p.lose.Store(int64(n))
}

// CutReplies is LoseReplies, but the first keep bytes of what the server answers
// are passed on, at least one of them.
func (p *ProxyServer) CutReplies(n, keep int) {
	p.keep.Store(int64(max(keep, 1)))
	p.lose.Store(int64(n))
}

// Delay has each message wait for a random time up to most, in both directions
// and apart from those of other connections: what clients send at once arrives
// in any order.
func (p *ProxyServer) Delay(most time.Duration) { p.delay.Store(int64(most)) }

func (p *ProxyServer) wait() {
	if most := p.delay.Load(); most > 0 {
		time.Sleep(rand.N(time.Duration(most)))
	}
}

// Lost counts the replies that were lost or cut.
func (p *ProxyServer) Lost() int { return int(p.lost.Load()) }

func (p *ProxyServer) serve(l net.Listener) {
	for {
		client, err := l.Accept()
		if err != nil {
			return
		}
		server, err := net.Dial("tcp", p.target)
		if err != nil {
			_ = client.Close()
			continue
		}
		if !p.track(client, server) {
			return
		}
		p.wg.Go(func() {
			defer p.drop(client, server)
			p.requests(server, client)
		})
		p.wg.Go(func() {
			defer p.drop(client, server)
			p.replies(client, server)
		})
	}
}

func (p *ProxyServer) requests(server, client net.Conn) {
	buf := make([]byte, 64<<10)
	for {
		n, err := client.Read(buf)
		if err != nil {
			return
		}
		p.wait()
		if _, err := server.Write(buf[:n]); err != nil {
			return
		}
	}
}

func (p *ProxyServer) replies(client, server net.Conn) {
	buf := make([]byte, 64<<10)
	for {
		n, err := server.Read(buf)
		if err != nil {
			return
		}
		p.wait()
		if p.loses() {
			_, _ = client.Write(buf[:min(int64(n), p.keep.Load())])
			return
		}
		if _, err := client.Write(buf[:n]); err != nil {
			return
		}
	}
}

func (p *ProxyServer) loses() bool {
	for {
		n := p.lose.Load()
		if n <= 0 {
			return false
		}
		if p.lose.CompareAndSwap(n, n-1) {
			p.lost.Add(1)
			return true
		}
	}
}

func (p *ProxyServer) track(conns ...net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range conns {
		if p.conns == nil {
			_ = c.Close()
			continue
		}
		p.conns[c] = struct{}{}
	}
	return p.conns != nil
}

func (p *ProxyServer) drop(conns ...net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range conns {
		_ = c.Close()
		delete(p.conns, c)
	}
}

func (p *ProxyServer) closeAll() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.conns {
		_ = c.Close()
	}
	p.conns = nil
}

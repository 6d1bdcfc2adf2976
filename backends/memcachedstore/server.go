package memcachedstore

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"syscall"
	"time"

	"github.com/stratacache/strata/cache/driver"
	"github.com/stratacache/strata/internal/gather"
)

// server is one memcached, the connections to it that are idle, and the calls for its
// keys.
type server struct {
	network, address string
	maxIdle          int
	dial             func(ctx context.Context, network, address string) (net.Conn, error)
	dialTimeout      time.Duration
	looks            *gather.Group[*look, *view]
	sets             *gather.Group[*setting, outcome]

	mu     sync.Mutex
	idle   []*conn // the last is the one used last
	closed bool
}

// roundTrip does ops in their order, in one exchange. With again they may be
// done twice: that is, where a connection that was idle turns out to have been
// closed, on a new one.
func (s *server) roundTrip(ctx context.Context, deadline time.Time, ops []op, again bool) error {
	for {
		c, fresh, err := s.take(ctx, deadline)
		if err != nil {
			return err
		}
		read, sound, err := c.exchange(ctx, deadline, ops)
		if sound {
			s.give(c)
		} else {
			c.close()
		}
		if err == nil {
			return nil
		}
		if fresh || !again || read || !broken(err) {
			return err
		}
		s.drop() // the others are of the same age: the server was restarted
	}
}

// broken reports whether err is that of a connection that the other side closed.
func broken(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
}

// take returns an idle connection, or a fresh one.
func (s *server) take(ctx context.Context, deadline time.Time) (c *conn, fresh bool, err error) {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return nil, false, driver.ErrClosed
	}
	if last := len(s.idle) - 1; last >= 0 {
		c, s.idle[last] = s.idle[last], nil
		s.idle = s.idle[:last]
	}
	s.mu.Unlock()
	if c != nil {
		return c, false, nil
	}
	c, err = s.connect(ctx, deadline)
	return c, true, err
}

// connect makes a connection, and asks the server who it is.
func (s *server) connect(ctx context.Context, deadline time.Time) (*conn, error) {
	if end := time.Now().Add(s.dialTimeout); end.Before(deadline) {
		deadline = end
	}
	dctx, cancel := context.WithDeadline(ctx, deadline)
	defer cancel()
	nc, err := s.dial(dctx, s.network, s.address)
	if err != nil {
		return nil, err
	}
	c := newConn(nc)
	stop, err := c.guard(ctx, deadline)
	if err == nil {
		err = c.greet()
		if !stop() && err == nil {
			err = ctx.Err()
		}
	}
	if err != nil {
		c.close()
		return nil, err
	}
	return c, nil
}

// give makes c idle, or closes it if there are enough.
func (s *server) give(c *conn) {
	s.mu.Lock()
	keep := !s.closed && len(s.idle) < s.maxIdle
	if keep {
		s.idle = append(s.idle, c)
	}
	s.mu.Unlock()
	if !keep {
		c.close()
	}
}

// drop closes the idle connections.
func (s *server) drop() {
	s.mu.Lock()
	idle := s.idle
	s.idle = nil
	s.mu.Unlock()
	for _, c := range idle {
		c.close()
	}
}

func (s *server) close() {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.drop()
}

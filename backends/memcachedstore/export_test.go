package memcachedstore

import (
	"bytes"
	"context"
	"io"
	"net"
	"time"

	"github.com/stratacache/strata/cache/driver"
)

// Prefix is what the names of s begin with.
func (s *Store) Prefix() string { return s.names.prefix }

// Namespace is the namespace of s.
func (s *Store) Namespace() string { return s.names.prefix[:len(s.names.prefix)-len(":12345678:")] }

// Name is the name of an entry.
func (s *Store) Name(key driver.Key) string { return s.names.key(key) }

// ServerOf is the address of the server that has an item.
func (s *Store) ServerOf(name string) string {
	server, err := s.pick.pick(name)
	if err != nil {
		return err.Error()
	}
	return server.address
}

// Lose removes an item of the record, as if the server had evicted it.
func (s *Store) Lose(ctx context.Context, name string) error {
	c, err := s.begin(ctx)
	if err != nil {
		return err
	}
	server, err := s.pick.pick(name)
	if err != nil {
		return err
	}
	ops := []op{{server: server, verb: remove, name: name}}
	c.do(ops)
	return ops[0].err
}

// ClockName, AllName, TagName and GuardNames are the names of the record's items.
func (s *Store) ClockName() string { return s.names.clock }

func (s *Store) AllName() string { return s.record.Load().allName }

func (s *Store) TagName(tag string) string { return s.names.tag(s.record.Load().epoch, tag) }

func (s *Store) GuardNames() (names []string) {
	for i := range guards {
		names = append(names, s.names.guard(s.record.Load().epoch, i))
	}
	return names
}

// Raw returns the bytes under a name, and Plant replaces them.
func (s *Store) Raw(ctx context.Context, name string) ([]byte, error) {
	server, err := s.pick.pick(name)
	if err != nil {
		return nil, err
	}
	c, err := s.begin(ctx)
	if err != nil {
		return nil, err
	}
	ops := []op{{server: server, verb: get, name: name}}
	c.do(ops)
	return ops[0].data, ops[0].err
}

func (s *Store) Plant(ctx context.Context, name string, b []byte) error {
	server, err := s.pick.pick(name)
	if err != nil {
		return err
	}
	c, err := s.begin(ctx)
	if err != nil {
		return err
	}
	ops := []op{{server: server, verb: set, name: name, value: b}}
	c.do(ops)
	return ops[0].err
}

// ReadReplies reads stream as the answer to a get of a value and a get of a
// number, and returns the value.
func ReadReplies(stream []byte) (string, error) {
	c := newConn(streamConn{bytes.NewReader(stream)})
	ops := []op{{verb: get, serial: 1}, {verb: get, number: true, serial: 2}}
	for part := ops; len(part) > 0; {
		n, err := c.receive(part)
		if err != nil {
			return "", err
		}
		part = part[n:]
	}
	return string(ops[0].data), nil
}

// streamConn is a connection from which r can be read.
type streamConn struct{ r io.Reader }

func (c streamConn) Read(b []byte) (int, error)     { return c.r.Read(b) }
func (streamConn) Write(b []byte) (int, error)      { return len(b), nil }
func (streamConn) Close() error                     { return nil }
func (streamConn) LocalAddr() net.Addr              { return nil }
func (streamConn) RemoteAddr() net.Addr             { return nil }
func (streamConn) SetDeadline(time.Time) error      { return nil }
func (streamConn) SetReadDeadline(time.Time) error  { return nil }
func (streamConn) SetWriteDeadline(time.Time) error { return nil }

// Expiry is what the server is told of a life of d.
func Expiry(d time.Duration, now time.Time) int64 { return expiry(d, now) }

// Narrow has calls go together as soon as two come at once.
func (s *Store) Narrow() *Store {
	for _, server := range s.servers {
		server.looks.Width, server.sets.Width = 1, 1
	}
	return s
}

package memcachedstore

import (
	"context"
	"errors"
	"fmt"
	"net"
	"regexp"
	"sync"
	"sync/atomic"
	"time"

	"github.com/bradfitz/gomemcache/memcache"

	"github.com/stratacache/strata/cache/driver"
)

// Options configure a [Store]. The zero value, and nil, work.
type Options struct {
	// Namespace is what the keys begin with: 1 to 64 of A-Z, a-z, 0-9, ".", "_"
	// and "-". Default "strata".
	Namespace string

	// Timeout bounds each call, with all its round trips; the deadline of its
	// context does if it is before. Default 500 ms.
	Timeout time.Duration

	// DialTimeout bounds making a connection, within Timeout. Default 300 ms.
	DialTimeout time.Duration

	// DialContext makes the connections, such as TLS ones. Default that of a
	// [net.Dialer].
	DialContext func(ctx context.Context, network, address string) (net.Conn, error)

	// MaxIdleConns is how many connections to each server are kept when nobody
	// uses them, each with 48 KiB of buffers. There is no bound on how many are
	// used; who makes more calls at once than this makes connections again and
	// again. Default 64.
	MaxIdleConns int
}

const (
	defaultNamespace   = "strata"
	defaultTimeout     = 500 * time.Millisecond
	defaultDialTimeout = 300 * time.Millisecond
	defaultIdle        = 64
)

// Store is a driver.Store in one or several memcacheds. It also reads and sets
// many keys at once.
type Store struct {
	names   names
	servers []*server
	pick    picker
	timeout time.Duration
	closed  atomic.Bool
	record  atomic.Pointer[record] // as it was seen last; nil at first
	buffers sync.Pool              // of *[]byte
	ops     sync.Pool              // of *[]op
	views   sync.Pool              // of *view
	// smallViews are those of a few keys.
	smallViews sync.Pool
}

var (
	_ driver.Store      = (*Store)(nil)
	_ driver.ManyGetter = (*Store)(nil)
	_ driver.ManyPutter = (*Store)(nil)
)

// New returns a store over servers, each "host:port", "host" (port 11211), or
// the path of a Unix socket, which may begin with "unix:". Keys are spread over
// them by consistent hashing. It makes no connection.
func New(servers []string, opts *Options) (*Store, error) {
	if len(servers) == 0 {
		return nil, errors.New("memcachedstore: no servers")
	}
	addrs := make([]address, len(servers))
	for i, s := range servers {
		a, err := parseAddress(s)
		if err != nil {
			return nil, err
		}
		addrs[i] = a
	}
	return build(addrs, opts, func(servers []*server) picker { return newRing(servers) })
}

// NewFromSelector returns a store that asks a selector of gomemcache which
// server has a key. Its servers are those that it has now: a key for which it
// picks another one later is an error (see "Several servers" in the package
// documentation).
func NewFromSelector(selector memcache.ServerSelector, opts *Options) (*Store, error) {
	if selector == nil {
		return nil, errors.New("memcachedstore: the selector is nil")
	}
	var addrs []address
	err := selector.Each(func(a net.Addr) error {
		addrs = append(addrs, address{a.Network(), a.String()})
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("memcachedstore: the selector: %w", err)
	}
	if len(addrs) == 0 {
		return nil, errors.New("memcachedstore: the selector has no servers")
	}
	return build(addrs, opts, func(servers []*server) picker { return &selected{selector, servers} })
}

func build(addrs []address, opts *Options, pick func([]*server) picker) (*Store, error) {
	var o Options
	if opts != nil {
		o = *opts
	}
	if err := o.complete(); err != nil {
		return nil, err
	}
	s := &Store{timeout: o.Timeout}
	seen := make(map[address]bool)
	for _, a := range addrs {
		if seen[a] {
			return nil, fmt.Errorf("memcachedstore: the server %s is named twice", a.name)
		}
		seen[a] = true
		s.servers = append(s.servers, &server{
			network: a.network, address: a.name, maxIdle: o.MaxIdleConns, dial: o.DialContext, dialTimeout: o.DialTimeout,
		})
	}
	for _, server := range s.servers {
		s.together(server)
	}
	s.pick = pick(s.servers)
	s.names = namesFor(o.Namespace, addrs)
	return s, nil
}

var namespaces = regexp.MustCompile(`^[A-Za-z0-9._-]{1,64}$`)

// complete fills in the defaults.
func (o *Options) complete() error {
	if o.Namespace == "" {
		o.Namespace = defaultNamespace
	}
	if !namespaces.MatchString(o.Namespace) {
		return errors.New(`memcachedstore: Options.Namespace: a namespace is 1 to 64 of A-Z, a-z, 0-9, ".", "_" and "-"`)
	}
	if o.Timeout < 0 || o.DialTimeout < 0 || o.MaxIdleConns < 0 {
		return errors.New("memcachedstore: Options: Timeout, DialTimeout and MaxIdleConns cannot be negative")
	}
	if o.Timeout == 0 {
		o.Timeout = defaultTimeout
	}
	if o.DialTimeout == 0 {
		o.DialTimeout = defaultDialTimeout
	}
	if o.DialContext == nil {
		o.DialContext = new(net.Dialer).DialContext
	}
	if o.MaxIdleConns == 0 {
		o.MaxIdleConns = defaultIdle
	}
	return nil
}

// Ping asks each server whether it answers.
func (s *Store) Ping(ctx context.Context) error {
	c, err := s.begin(ctx)
	if err != nil {
		return err
	}
	ops := make([]op, len(s.servers))
	for i, server := range s.servers {
		ops[i] = op{server: server, verb: nothing}
	}
	c.do(ops)
	return firstErr(ops)
}

// Close closes the connections: those in use as soon as their calls are done. It
// waits until ctx ends for calls that went together. All other methods return
// driver.ErrClosed afterwards.
func (s *Store) Close(ctx context.Context) error {
	s.closed.Store(true)
	var errs []error
	for _, server := range s.servers {
		errs = append(errs, server.looks.Close(ctx), server.sets.Close(ctx))
		server.close()
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("memcachedstore: close: %w", err)
	}
	return nil
}

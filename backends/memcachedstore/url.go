package memcachedstore

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/stratacache/strata/cache"
	"github.com/stratacache/strata/cache/driver"
	"github.com/stratacache/strata/cache/driver/storeurl"
)

// The schemes of cache.Open, all with one meaning: the names that other
// frameworks have for a memcached.
func init() {
	cache.Register(open, "memcached", "memcache", "pymemcached", "pymemcache", "pylibmc", "djangopylibmc")
}

func open(_ context.Context, u *url.URL) (driver.Store, error) {
	s, err := OpenURL(u)
	if err != nil {
		return nil, err // and not a nil *Store in an interface
	}
	return s, nil
}

// OpenURL returns a store at a URL, of any of the schemes:
//
//	memcached://host[:port][,host[:port]…][/]?namespace=…&call_timeout=…
//	memcached:///run/memcached.sock?…
//
// The default port is 11211. The parameters are namespace, call_timeout,
// dial_timeout and max_idle_conns, as in [Options].
func OpenURL(u *url.URL) (*Store, error) {
	servers, opts, err := parseURL(u)
	if err != nil {
		return nil, fmt.Errorf("memcachedstore: the URL: %w", err)
	}
	return New(servers, opts)
}

func parseURL(u *url.URL) ([]string, *Options, error) {
	if err := storeurl.Check(u); err != nil {
		return nil, nil, err
	}
	if u.User != nil {
		return nil, nil, errors.New("it has a user, of which memcached knows nothing")
	}
	separated := *u
	separated.Host = strings.ReplaceAll(u.Host, ";", ",")
	servers, err := storeurl.Hosts(&separated, defaultPort)
	path := strings.TrimSuffix(u.Path, "/")
	switch {
	case err != nil:
		return nil, nil, err
	case len(servers) > 0 && path != "":
		return nil, nil, errors.New("it has hosts and a path")
	case len(servers) == 0 && path == "":
		return nil, nil, errors.New("it has no host, and no path of a socket")
	case len(servers) == 0:
		servers = []string{"unix:" + path}
	}
	p := storeurl.ParamsOf(u)
	opts := &Options{
		Namespace:    p.String("namespace", ""),
		Timeout:      p.Duration("call_timeout", 0),
		DialTimeout:  p.Duration("dial_timeout", 0),
		MaxIdleConns: int(p.Int("max_idle_conns", 0, 1)),
	}
	return servers, opts, p.Err()
}

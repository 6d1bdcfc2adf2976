package memcachedstore

import (
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"

	"github.com/bradfitz/gomemcache/memcache"
	"github.com/cespare/xxhash/v2"
)

const defaultPort = "11211"

// address is where a server listens.
type address struct{ network, name string }

// parseAddress reads "host:port", "host", "/path" or "unix:/path". Spellings of
// one address become the same, as far as that can be seen.
func parseAddress(s string) (address, error) {
	if path := strings.TrimPrefix(s, "unix:"); strings.HasPrefix(path, "/") {
		return address{"unix", path}, nil
	}
	host, port, err := net.SplitHostPort(s)
	if err != nil && !strings.Contains(s, ":") || strings.HasPrefix(s, "[") && strings.HasSuffix(s, "]") {
		host, port, err = strings.Trim(s, "[]"), defaultPort, nil
	}
	if _, bad := strconv.ParseUint(port, 10, 16); err != nil || bad != nil || host == "" || strings.ContainsAny(host, " ,;/@") {
		return address{}, errors.New("memcachedstore: a server is not host:port, host, or the path of a Unix socket")
	}
	return address{"tcp", net.JoinHostPort(strings.ToLower(host), port)}, nil
}

// picker says which server has an item.
type picker interface {
	pick(name string) (*server, error)
}

// ring is rendezvous hashing: of all servers, an item is on the one for which
// the hash of both is the greatest. A new server thus takes its share from each
// of the others, and nothing else moves.
type ring struct {
	servers []*server
	seeds   []uint64
}

func newRing(servers []*server) *ring {
	r := &ring{servers: servers}
	for _, s := range servers {
		r.seeds = append(r.seeds, xxhash.Sum64String(s.address))
	}
	return r
}

func (r *ring) pick(name string) (*server, error) {
	if len(r.servers) == 1 {
		return r.servers[0], nil
	}
	h := xxhash.Sum64String(name)
	best, most := 0, uint64(0)
	for i, seed := range r.seeds {
		if w := mix(h ^ seed); w >= most {
			best, most = i, w
		}
	}
	return r.servers[best], nil
}

// mix spreads each bit of x over all bits (the finalizer of SplitMix64).
func mix(x uint64) uint64 {
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// selected leaves the choice to gomemcache's selector.
type selected struct {
	selector memcache.ServerSelector
	servers  []*server
}

func (p *selected) pick(name string) (*server, error) {
	a, err := p.selector.PickServer(name)
	if err != nil {
		return nil, fmt.Errorf("memcachedstore: the selector: %w", err)
	}
	network, text := a.Network(), a.String()
	for _, s := range p.servers {
		if s.address == text && s.network == network {
			return s, nil
		}
	}
	return nil, errors.New("memcachedstore: the selector's servers are no longer those that the store was made with")
}

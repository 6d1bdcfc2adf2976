package redisstore

import (
	"strings"

	"github.com/redis/go-redis/v9"
)

// NewWithoutHistory is New without the check of the server's history.
func NewWithoutHistory(rdb redis.UniversalClient, opts *Options) (*Store, error) {
	p, err := newPrimary(rdb.(*redis.Client), defaultNamespace)
	return &Store{engine: p}, err
}

func (s *Store) space() *space {
	switch e := s.engine.(type) {
	case *primary:
		return &e.space
	case *replicated:
		return &e.space
	case *cluster:
		return &e.space
	}
	return nil
}

// MetaKey is the key of the meta record.
func (s *Store) MetaKey() string { return s.space().meta }

// Namespace is the name of the store's keys.
func (s *Store) Namespace() string {
	name, _, _ := strings.Cut(s.Prefix(), ":")
	return name
}

// Prefix is what the keys of entries begin with.
func (s *Store) Prefix() string { return s.space().prefix }

// LimitFields bounds the fields of the meta record.
func (s *Store) LimitFields(n int) { s.space().maxFields = n }

// Client is the client that the store uses.
func (s *Store) Client() redis.UniversalClient {
	if c, ok := s.engine.(*cluster); ok {
		return c.rdb
	}
	return s.Primary()
}

// Primary is the client of a store over one primary.
func (s *Store) Primary() *redis.Client {
	if r, ok := s.engine.(*replicated); ok {
		return r.rdb
	}
	return s.engine.(*primary).rdb
}

// ReadAllAsLarge has s read each entry by a plain GET beside the script that
// judges it.
func (s *Store) ReadAllAsLarge() {
	z := &s.engine.(*primary).sizes
	z.from = 0
	for i := range z.large {
		z.large[i].Store(true)
	}
}

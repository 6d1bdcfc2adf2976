package redisstore

import "github.com/redis/go-redis/v9"

// NewWithoutHistory is New without the check of the server's history.
func NewWithoutHistory(rdb redis.UniversalClient, opts *Options) (*Store, error) {
	return newStore(rdb, opts)
}

// MetaKey is the key of the meta record.
func (s *Store) MetaKey() string { return s.meta }

// Prefix is what the keys of entries begin with.
func (s *Store) Prefix() string { return s.prefix }

// LimitFields bounds the fields of the meta record.
func (s *Store) LimitFields(n int) { s.maxFields = n }

// Client is the client that the store uses.
func (s *Store) Client() *redis.Client { return s.rdb }

// ReadAllAsLarge has s read each entry by a plain GET beside the script that
// judges it.
func (s *Store) ReadAllAsLarge() {
	s.sizes.from = 0
	for i := range s.sizes.large {
		s.sizes.large[i].Store(true)
	}
}

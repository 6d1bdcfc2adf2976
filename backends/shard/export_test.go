package shard

import (
	"time"

	"github.com/stratacache/strata/cache/driver"
)

// Pick is the name of the shard where key lives.
func (s *Store) Pick(key driver.Key) string { return s.parts[s.pick(key)].name }

// Settle sets how long an invalidation of tags may take, and how old a stamp
// must be.
func (s *Store) Settle(within, settle time.Duration) { s.within, s.settle = within, settle }

package shard

import (
	"time"

	"github.com/stratacache/strata/cache/driver"
)

// Pick is the name of the shard where key lives.
func (s *Store) Pick(key driver.Key) string { return s.parts[s.pick(key)].name }

// Within sets how long an invalidation of tags may take.
func (s *Store) Within(d time.Duration) { s.within, s.settle = d, d+d/10 }

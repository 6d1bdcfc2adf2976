package shard

import "github.com/stratacache/strata/cache/driver"

// Pick is the name of the shard where key lives.
func (s *Store) Pick(key driver.Key) string { return s.parts[s.pick(key)].name }

package encrypt

import "github.com/stratacache/strata/cache/driver"

// Inner is the store under s.
func (s *Store) Inner() driver.Store { return s.Logged() }

// Open is what a reader makes of an entry, and Seal what a writer makes of one.
func (s *Store) Open(key driver.Key, e *driver.Entry) (*driver.Entry, error) {
	return s.sealer.Decode(key, e)
}

func (s *Store) Seal(key driver.Key, e *driver.Entry) *driver.Entry { return s.sealer.Encode(key, e) }

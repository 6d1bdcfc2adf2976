package filestore

import "github.com/stratacache/strata/cache/driver"

// Dir is the folder of the namespace.
func (s *Store) Dir() string { return s.dir }

// Path is the file of a key.
func (s *Store) Path(key driver.Key) string { return s.place(key).path }

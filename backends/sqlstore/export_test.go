package sqlstore

import (
	"database/sql"
	"time"

	"github.com/stratacache/strata/cache/driver"
)

// DB is what the store works on.
func (s *Store) DB() *sql.DB { return s.db }

// Dialect is its dialect.
func (s *Store) Dialect() Dialect { return s.dialect }

// Namespace is what the store has of the tables.
func (s *Store) Namespace() string { return s.namespace }

// Table is the quoted name of one of the tables: entry, meta or tag.
func (s *Store) Table(which string) string {
	names, err := s.dialect.tables(s.opts.Table)
	if err != nil {
		panic(err)
	}
	return names["{"+which+"}"]
}

// Mark is the n-th placeholder.
func (s *Store) Mark(n int) string { return s.dialect.placeholder(n) }

// NameOf is the name under which the database knows a key.
func NameOf(key driver.Key) []byte { return nameOf(key) }

// BoundTags changes how many tags are too many.
func (s *Store) BoundTags(n int64) { s.maxTags = n }

// NeverLook makes the readings of the log that wait look again only when they are
// woken.
func (s *Store) NeverLook() { s.log.poll = 24 * time.Hour }

// Channel is where they are woken.
func (s *Store) Channel() string { return s.channel() }

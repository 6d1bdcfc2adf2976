package sqlstore

import (
	"context"
	"database/sql"
	"sync"
	"time"

	"github.com/stratacache/strata/cache/driver"
)

// beside are handles by the stores that keep their own connection for themselves.
var beside sync.Map

// DB is what the store works on, or the handle beside that.
func (s *Store) DB() *sql.DB {
	if db, ok := beside.Load(s); ok {
		return db.(*sql.DB)
	}
	return s.db
}

// Beside gives the store a handle for tests.
func (s *Store) Beside(db *sql.DB) { beside.Store(s, db) }

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

// Turn is a turn.
type Turn struct{ t *turn }

// NewTurn is nobody's.
func NewTurn() Turn { return Turn{newTurn()} }

// Take takes it.
func (t Turn) Take(ctx context.Context) error { return t.t.take(ctx) }

// Give gives it back.
func (t Turn) Give() { t.t.give() }

// ReadsFully says whether readings are full ones at once.
func (s *Store) ReadsFully() bool { return s.full.expected() }

// IsMariaDB says what the server is.
func (s *Store) IsMariaDB(is bool) { s.mariadb.Store(is) }

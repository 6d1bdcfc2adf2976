package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"regexp"
	"sync/atomic"
	"time"

	"github.com/stratacache/strata/cache/driver"
	"github.com/stratacache/strata/internal/gather"
)

// Options configure a [Store]. The zero value, and nil, work.
type Options struct {
	// Table is the name of the table of entries; that of others begins with it. A
	// letter or underscore, and up to 53 letters, digits, underscores and spaces.
	// Default "strata".
	Table string

	// Namespace is what the store has of the tables: 1 to 64 of A-Z, a-z, 0-9,
	// ".", "_" and "-". Default "strata".
	Namespace string

	// MaxEntries and MaxBytes bound the namespace, roughly: see the package
	// documentation. Bytes are those of keys and values. Default 0: no bound, only
	// what has ended is removed.
	MaxEntries int
	MaxBytes   int64

	// MaxValue is the largest value in bytes, with its key and tags. What is larger
	// is driver.ErrTooLarge. Default 512 MiB, and 15 MiB for MySQL, whose servers
	// refuse packets of 16 MiB unless told otherwise.
	MaxValue int

	// SweepEvery is after how many writes of this store, about, it removes what
	// has ended. Default 1000.
	SweepEvery int

	// Unlogged has CreateTable make the table of entries UNLOGGED, in PostgreSQL
	// only: faster, and empty after the server has crashed.
	Unlogged bool
}

const (
	defaultName       = "strata"
	defaultMaxValue   = 512 << 20
	defaultMySQLValue = 15 << 20
	defaultSweepEvery = 1000
)

// Store is a driver.Store in a database. It also reads and sets many keys at
// once, moves entries, and in PostgreSQL keeps a log.
type Store struct {
	db      *sql.DB
	owned   bool // by Open: Close closes it
	create  bool // the tables, before the first call
	pin     *pin // or nil: statements run on any connection
	dialect Dialect
	engine  engine

	namespace  string
	opts       Options
	statements *statements
	// epoch is the last one that was seen.
	epoch atomic.Uint64
	full  fullness
	// mariadb says that the server is one, which a first connection finds out.
	mariadb atomic.Bool

	reads    *gather.Reads
	sets     *gather.Sets
	drops    *gather.Group[driver.Invalidation, driver.Invalidated]
	sweeper  sweeper
	log      logState
	notifier notifier
	listener listener
	maxTags  int64 // maxTags, but in tests
	created  atomic.Bool
	closed   atomic.Bool
}

var (
	_ driver.Store      = (*Store)(nil)
	_ driver.ManyGetter = (*Store)(nil)
	_ driver.ManyPutter = (*Store)(nil)
	_ driver.Mover      = (*Store)(nil)
	_ driver.LogReader  = (*Store)(nil)
	_ driver.LogKeeper  = (*Store)(nil)
	_ driver.Peeker     = (*Store)(nil)
)

// New returns a store over db, whose driver speaks the dialect. It makes no
// round trip: the tables must be there, or be made with [Store.CreateTable].
//
// The store does not close db. It always works on connections and in
// transactions of its own, never in those of the caller, but for
// [Store.InvalidateTx].
func New(db *sql.DB, dialect Dialect, opts *Options) (*Store, error) {
	if db == nil {
		return nil, errors.New("sqlstore: the database is nil")
	}
	var o Options
	if opts != nil {
		o = *opts
	}
	if err := o.complete(dialect); err != nil {
		return nil, fmt.Errorf("sqlstore: %w", err)
	}
	tables, err := dialect.tables(o.Table)
	if err != nil {
		return nil, fmt.Errorf("sqlstore: the option Table: %w", err)
	}
	var history int64
	if dialect == SQLite {
		history = bootID()
	}
	st, err := load(dialect, tables, dialect.literals(o.Namespace, history))
	if err != nil {
		return nil, err
	}
	s := &Store{db: db, dialect: dialect, namespace: o.Namespace, opts: o, statements: st, engine: steps{}, maxTags: maxTags}
	if dialect == PostgreSQL {
		s.engine = single{}
	}
	s.log.began, s.log.poll, s.notifier.store = time.Now(), logPoll, s
	s.together()
	s.sweeper.ctx, s.sweeper.cancel = context.WithCancel(context.Background())
	s.sweeper.next.Store(s.sweeper.after(o.SweepEvery))
	return s, nil
}

var namespaceName = regexp.MustCompile(`^[A-Za-z0-9._-]{1,64}$`)

// complete puts in the defaults.
func (o *Options) complete(d Dialect) error {
	if d < PostgreSQL || d > SQLite {
		return fmt.Errorf("%v: %w", d, errors.ErrUnsupported)
	}
	if o.Table == "" {
		o.Table = defaultName
	}
	if o.Namespace == "" {
		o.Namespace = defaultName
	}
	if !namespaceName.MatchString(o.Namespace) {
		return errors.New(`the option Namespace is not 1 to 64 of A-Z, a-z, 0-9, ".", "_" and "-"`)
	}
	for name, v := range map[string]int64{
		"MaxEntries": int64(o.MaxEntries), "MaxBytes": o.MaxBytes, "MaxValue": int64(o.MaxValue), "SweepEvery": int64(o.SweepEvery),
	} {
		if v < 0 {
			return fmt.Errorf("the option %s is negative: %d", name, v)
		}
	}
	if o.Unlogged && d != PostgreSQL {
		return fmt.Errorf("the option Unlogged: %v has no such tables: %w", d, errors.ErrUnsupported)
	}
	if o.MaxValue == 0 {
		o.MaxValue = defaultMaxValue
		if d == MySQL {
			o.MaxValue = defaultMySQLValue
		}
	}
	if o.SweepEvery == 0 {
		o.SweepEvery = defaultSweepEvery
	}
	return nil
}

// Ping asks the server whether it answers.
func (s *Store) Ping(ctx context.Context) error {
	if s.closed.Load() {
		return driver.ErrClosed
	}
	if s.pin != nil {
		return wrap(ctx, "ping", s.pin.use(ctx, func() error { return s.pin.conn.PingContext(ctx) }))
	}
	return wrap(ctx, "ping", s.db.PingContext(ctx))
}

// Close ends what the store does in the background, for which it waits until ctx
// ends, and closes the database if [Open] made the handle. All other methods
// return driver.ErrClosed afterwards.
func (s *Store) Close(ctx context.Context) error {
	if s.closed.Swap(true) {
		return nil
	}
	err := wrap(ctx, "close", errors.Join(s.reads.Close(ctx), s.sets.Close(ctx), s.drops.Close(ctx)))
	select {
	case <-s.sweeper.end():
	case <-ctx.Done():
		err = wrap(ctx, "close", ctx.Err())
	}
	s.statements.close()
	if s.listener.db != nil {
		err = errors.Join(err, wrap(ctx, "close", s.listener.db.Close()))
	}
	if s.pin != nil {
		s.pin.close(ctx)
	}
	if s.owned {
		err = errors.Join(err, wrap(ctx, "close", s.db.Close()))
	}
	return err
}

// newToken is random, and none that means something else.
func newToken() driver.Token {
	for {
		if t := rand.Uint64(); t > entryStands {
			return driver.Token(t)
		}
	}
}

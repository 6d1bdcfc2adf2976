package outbox

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/stratacache/strata/cache"
	"github.com/stratacache/strata/invalidate"
)

// Options configure an [Outbox].
type Options struct {
	// Dialect is the kind of database. It is required.
	Dialect Dialect
	// Caches are those whose rows are written and delivered, by the name that
	// stands in the row. They must be the very values that are invalidated: a view
	// by WithPrefix is another cache, because its keys are others. At least one is
	// required.
	Caches map[string]cache.Cache
	// Table is the name of the table. Default [Table].
	Table string
	// Grace is how long a row is left to its writer, which delivers it after its
	// commit. Default 2 seconds.
	Grace time.Duration
	// Poll is how often the relay looks if nothing wakes it. Default 1 second.
	Poll time.Duration
	// Batch is how many rows the relay takes at once. Default 100.
	Batch int
	// Wake, if set, returns when something may have been written, or ctx ends: see
	// package pgnotify. An error costs no more than the wait for Poll.
	Wake func(ctx context.Context) error
	// OnError, if set, is told what the relay could not do, and will try again, and
	// what it found in a row that no cache can use.
	OnError func(error)
}

// Outbox is the table and its relay. It is an [invalidate.Journal], and safe for
// concurrent use.
type Outbox struct {
	db   *sql.DB
	opts Options
	sql  *statements
}

var _ invalidate.Journal = (*Outbox)(nil)

// New returns an outbox in db, which it does not own. It does not touch the
// network.
func New(db *sql.DB, opts Options) (*Outbox, error) {
	if db == nil {
		return nil, errors.New("outbox.New: db is nil")
	}
	if opts.Table == "" {
		opts.Table = Table
	}
	if opts.Batch == 0 {
		opts.Batch = 100
	}
	for d, value := range map[*time.Duration]time.Duration{&opts.Grace: 2 * time.Second, &opts.Poll: time.Second} {
		if *d == 0 {
			*d = value
		}
		if *d < 0 {
			return nil, fmt.Errorf("outbox.Options: Grace and Poll cannot be %v", *d)
		}
	}
	if len(opts.Caches) == 0 || opts.Batch < 0 {
		return nil, fmt.Errorf("outbox.Options: %d Caches, Batch %d", len(opts.Caches), opts.Batch)
	}
	for name, c := range opts.Caches {
		if name == "" || len(name) > 100 || c == nil {
			return nil, fmt.Errorf("outbox.Options.Caches: %q: a name is 1 to 100 bytes, and its cache is not nil", name)
		}
	}
	opts.Caches = maps.Clone(opts.Caches)
	s, err := newStatements(opts.Dialect, opts.Table, opts.Batch)
	return &Outbox{db: db, opts: opts, sql: s}, err
}

// CreateTable makes the table if it is not there.
func (o *Outbox) CreateTable(ctx context.Context) error {
	for _, statement := range o.sql.schema {
		if _, err := o.db.ExecContext(ctx, statement); err != nil {
			return fmt.Errorf("outbox: create table: %w", err)
		}
	}
	return nil
}

// ErrUnknownCache: a transaction invalidates a cache that is not in
// [Options].Caches.
var ErrUnknownCache = errors.New("outbox: a cache that Options.Caches has not")

// Record implements [invalidate.Journal]: it writes what into tx. Without delay
// the rows are the writer's for [Options].Grace.
func (o *Outbox) Record(ctx context.Context, tx invalidate.Conn, what []invalidate.Scoped, delay time.Duration) (invalidate.Receipt, error) {
	if delay == 0 {
		delay = o.opts.Grace
	}
	var ids []int64
	for _, s := range what {
		name := ""
		for n, c := range o.opts.Caches {
			if c == s.Cache {
				name = n
			}
		}
		if name == "" {
			return nil, ErrUnknownCache
		}
		id, err := o.add(ctx, tx, name, s.Names, delay)
		if err != nil {
			return nil, err
		}
		ids = append(ids, id)
	}
	return ids, nil
}

// Add writes names of a cache into tx, to be delivered after the commit and
// delay. It is for programs that do not have the cache.
func (o *Outbox) Add(ctx context.Context, tx invalidate.Conn, cache string, names invalidate.Names, delay time.Duration) error {
	_, err := o.add(ctx, tx, cache, names, delay)
	return err
}

func (o *Outbox) add(ctx context.Context, tx invalidate.Conn, cache string, names invalidate.Names, delay time.Duration) (id int64, err error) {
	text, err := encode(names)
	if err != nil {
		return 0, err
	}
	args := []any{cache, text, delay.Milliseconds()}
	if o.sql.dialect == PostgreSQL {
		err = tx.QueryRowContext(ctx, o.sql.add, args...).Scan(&id)
	} else {
		var r sql.Result
		if r, err = tx.ExecContext(ctx, o.sql.add, args...); err == nil {
			id, err = r.LastInsertId()
		}
	}
	if err != nil {
		return 0, fmt.Errorf("outbox: add: %w", err)
	}
	return id, nil
}

// Settle implements [invalidate.Journal]: the writer has delivered its rows. If
// they cannot be removed the relay delivers them again.
func (o *Outbox) Settle(ctx context.Context, r invalidate.Receipt) {
	ids, _ := r.([]int64)
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	if err := o.remove(ctx, o.db, ids); err != nil {
		o.tell(err)
	}
}

func (o *Outbox) remove(ctx context.Context, on invalidate.Conn, ids []int64) error {
	most := 500
	if o.sql.dialect == MySQL {
		most = 1 // with more it looks at the rows beside them, which another relay may hold
	}
	for some := range slices.Chunk(ids, most) {
		args := make([]any, len(some))
		for i, id := range some {
			args[i] = id
		}
		if _, err := on.ExecContext(ctx, o.sql.list(o.sql.done, len(args)), args...); err != nil {
			return fmt.Errorf("outbox: remove: %w", err)
		}
	}
	return nil
}

package invalidate

import (
	"context"
	"errors"
	"fmt"

	"github.com/stratacache/strata/cache"
)

// Table is what a [Repository] is made of. Each method runs on the [Conn] of its
// context, see [DB.Conn].
type Table[K comparable, V any] interface {
	// Get returns the record, or an error that wraps cache.ErrNotFound.
	Get(ctx context.Context, id K) (V, error)
	// Lock returns the record as it will stand until the transaction ends, or an
	// error that wraps cache.ErrNotFound: SELECT … FOR UPDATE, where there is that.
	Lock(ctx context.Context, id K) (V, error)
	// Create stores a new record, and returns it as it was stored.
	Create(ctx context.Context, record V) (V, error)
	// Update replaces the record that was locked, and returns it as it was stored.
	Update(ctx context.Context, id K, record V) (V, error)
	// Delete removes the record that was locked.
	Delete(ctx context.Context, id K) error
}

// Repository is a table behind a cache: records are read through it, and writes
// drop what they change, in the old state and in the new one. It is safe for
// concurrent use.
type Repository[K comparable, V any] struct {
	db    *DB
	table Table[K, V]
	view  cache.Typed[V]
	cache cache.Cache
	key   func(K) string
	opts  []cache.Option

	affects func(V) Names // the record's own key too
}

// RepositoryOptions describe the records of a [Repository].
type RepositoryOptions[K comparable, V any] struct {
	// ID returns a record's own. It is required.
	ID func(V) K
	// Affects says what depends on a record in a given state besides the record
	// itself, such as the list of its owner. Default nothing.
	Affects func(V) Names
	// Key is the key of a record. Default its ID's text.
	Key func(K) string
	// View and Read are options of the view and of each read, such as cache.TTL.
	View []cache.ViewOption
	Read []cache.Option
}

// NewRepository returns a repository whose records are kept in c, which has
// nothing else under its prefix. Keys that Affects names are those of c.
func NewRepository[K comparable, V any](db *DB, c cache.Cache, table Table[K, V], opts RepositoryOptions[K, V]) (*Repository[K, V], error) {
	if opts.ID == nil {
		return nil, errors.New("invalidate.RepositoryOptions.ID is nil")
	}
	r := &Repository[K, V]{db: db, table: table, view: cache.For[V](c, opts.View...), cache: c, key: opts.Key, opts: opts.Read}
	if r.key == nil {
		r.key = func(id K) string { return fmt.Sprint(id) }
	}
	r.affects = func(v V) Names {
		n := Names{Keys: []string{r.key(opts.ID(v))}}
		if opts.Affects != nil {
			n = n.And(opts.Affects(v))
		}
		return n
	}
	return r, nil
}

// Get returns a record, through the cache as any view does.
func (r *Repository[K, V]) Get(ctx context.Context, id K) (V, error) {
	return r.view.GetOrSet(ctx, r.key(id), func(ctx context.Context) (V, error) { return r.table.Get(ctx, id) }, r.opts...)
}

// Create stores a new record, in the transaction of ctx or one of its own. That
// there was none, if it is remembered, is dropped.
func (r *Repository[K, V]) Create(ctx context.Context, record V) (V, error) {
	return r.write(ctx, func(ctx context.Context) (V, Names, error) {
		created, err := r.table.Create(ctx, record)
		return created, Names{}, err
	})
}

// Update changes a record: change is given its present state, locked, and
// returns the new one. A changed ID is a new record's.
func (r *Repository[K, V]) Update(ctx context.Context, id K, change func(V) (V, error)) (V, error) {
	return r.write(ctx, func(ctx context.Context) (record V, before Names, err error) {
		if record, err = r.table.Lock(ctx, id); err != nil {
			return record, before, err
		}
		before = r.affects(record) // now, as change may work on what record points to
		if record, err = change(record); err != nil {
			return record, before, err
		}
		record, err = r.table.Update(ctx, id, record)
		return record, before, err
	})
}

// Delete removes a record, and returns what it was.
func (r *Repository[K, V]) Delete(ctx context.Context, id K) (V, error) {
	return r.write(ctx, func(ctx context.Context) (record V, before Names, err error) {
		if record, err = r.table.Lock(ctx, id); err == nil {
			err = r.table.Delete(ctx, id)
		}
		return record, before, err
	})
}

// write runs one write in a transaction, and drops what depends on the record
// that it returns and on what was there before.
func (r *Repository[K, V]) write(ctx context.Context, do func(context.Context) (V, Names, error)) (record V, err error) {
	err = r.db.InTx(ctx, nil, func(ctx context.Context, _ *Tx) error {
		var before Names
		if record, before, err = do(ctx); err != nil {
			return err
		}
		return Drop(ctx, r.cache, before.And(r.affects(record)))
	})
	return record, err
}

// ErrUnnamed: a write of many rows that names nothing that depends on them.
var ErrUnnamed = errors.New("invalidate: a bulk write must name what it changes")

// Bulk runs a write of many rows, in the transaction of ctx or one of its own.
// Their states are not looked at, and so the caller names what it changes: tags,
// keys, or All, which is every record and list of the repository's cache.
func (r *Repository[K, V]) Bulk(ctx context.Context, n Names, write func(context.Context) error) error {
	if n.Empty() {
		return ErrUnnamed
	}
	return r.db.InTx(ctx, nil, func(ctx context.Context, _ *Tx) error {
		return Write(ctx, r.cache, n, write)
	})
}

package invalidate

import (
	"context"
	"database/sql"
	"sync"
	"time"
)

// Options configure a [DB]. The zero value, and nil, work.
type Options struct {
	// Journal, if set, keeps what a transaction invalidates in the database.
	Journal Journal
	// ReplicaLag is how far the replicas that readers load from may lag: what a
	// transaction invalidates is then invalidated once more after that time.
	// Default 0: there are none. Without a Journal, what a process that dies has
	// still to do is lost.
	ReplicaLag time.Duration
}

// Journal keeps invalidations in the writer's own transaction, for somebody to
// deliver who does not die with the writer.
type Journal interface {
	// Record writes what into tx, to be delivered after the commit unless Settle
	// was called before, or, with a delay, after that time.
	Record(ctx context.Context, tx Conn, what []Scoped, delay time.Duration) (Receipt, error)
	// Settle says that what was recorded has been delivered. It is a hint.
	Settle(ctx context.Context, r Receipt)
}

// Receipt is what a [Journal] knows a record by.
type Receipt any

// DB runs transactions of a database that invalidate what they change. It is
// safe for concurrent use.
type DB struct {
	db   *sql.DB
	opts Options

	mu     sync.Mutex
	closed bool
	timers sync.WaitGroup
	stop   chan struct{}
	hurry  func()
}

// NewDB returns a DB for db, which it does not own.
func NewDB(db *sql.DB, opts *Options) *DB {
	d := &DB{db: db, stop: make(chan struct{})}
	d.hurry = sync.OnceFunc(func() { close(d.stop) })
	if opts != nil {
		d.opts = *opts
	}
	return d
}

// Close waits for what waits for replicas, and when ctx ends does it at once. It
// is idempotent, and leaves the database open.
func (d *DB) Close(ctx context.Context) error {
	d.mu.Lock()
	d.closed = true
	d.mu.Unlock()
	done := make(chan struct{})
	go func() {
		defer close(done)
		d.timers.Wait()
	}()
	select {
	case <-done:
	case <-ctx.Done():
		d.hurry()
		<-done
	}
	return nil
}

// record writes what is to be invalidated into the transaction.
func (d *DB) record(ctx context.Context, tx Conn, what []Scoped) (Receipt, error) {
	if d.opts.Journal == nil || len(what) == 0 {
		return nil, nil
	}
	r, err := d.opts.Journal.Record(ctx, tx, what, 0)
	if err == nil && d.opts.ReplicaLag > 0 {
		_, err = d.opts.Journal.Record(ctx, tx, what, d.opts.ReplicaLag)
	}
	return r, err
}

// send invalidates what a transaction has changed; committed is false if nobody
// knows whether it committed.
func (d *DB) send(ctx context.Context, what []Scoped, r Receipt, committed bool) error {
	recorded := d.opts.Journal != nil
	err := send(ctx, what, recorded)
	switch {
	case recorded && err == nil && committed && r != nil:
		d.opts.Journal.Settle(context.WithoutCancel(ctx), r)
	case !recorded && d.opts.ReplicaLag > 0 && len(what) > 0:
		d.again(ctx, what)
	}
	return err
}

// again invalidates what once more when the replicas have caught up.
func (d *DB) again(ctx context.Context, what []Scoped) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return
	}
	ctx = context.WithoutCancel(ctx)
	d.timers.Go(func() {
		select {
		case <-time.After(d.opts.ReplicaLag):
		case <-d.stop:
		}
		_ = send(ctx, what, false) // as late as the replicas, and nobody to tell
	})
}

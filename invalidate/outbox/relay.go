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

// Run is the relay: it delivers what is due until ctx ends, whose cause it then
// returns. What goes wrong it tells Options.OnError, and tries again.
func (o *Outbox) Run(ctx context.Context) error {
	for ctx.Err() == nil {
		wait := o.opts.Poll
		n, err := o.Deliver(ctx)
		if err == nil {
			var next time.Duration
			var some bool
			next, some, err = o.next(ctx)
			switch {
			case !some:
			case next > 0:
				wait = min(wait, next)
			case n > 0: // more is due than one batch; or another relay has it
				continue
			}
		}
		if err != nil && ctx.Err() == nil {
			o.tell(err)
		}
		o.sleep(ctx, wait)
	}
	return context.Cause(ctx)
}

// sleep waits for that long, or to be woken.
func (o *Outbox) sleep(ctx context.Context, wait time.Duration) {
	ctx, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	if o.opts.Wake != nil {
		err := o.opts.Wake(ctx)
		if err == nil || ctx.Err() != nil {
			return
		}
		o.tell(err)
	}
	<-ctx.Done()
}

func (o *Outbox) tell(err error) {
	if o.opts.OnError != nil {
		o.opts.OnError(err)
	}
}

// next returns how long it is until a row is due, and whether there is one.
func (o *Outbox) next(ctx context.Context) (time.Duration, bool, error) {
	names := o.names()
	var ms sql.NullInt64
	err := o.db.QueryRowContext(ctx, o.sql.list(o.sql.next, len(names)), names...).Scan(&ms)
	if err != nil {
		return 0, false, fmt.Errorf("outbox: next: %w", err)
	}
	return time.Duration(ms.Int64) * time.Millisecond, ms.Valid, nil
}

func (o *Outbox) names() []any {
	var names []any
	for _, n := range slices.Sorted(maps.Keys(o.opts.Caches)) {
		names = append(names, n)
	}
	return names
}

// Deliver delivers one batch of what is due, and returns how many rows that was.
// It is one step of Run, for programs with a clock of their own.
func (o *Outbox) Deliver(ctx context.Context) (int, error) {
	if o.sql.dialect == SQLite {
		return o.deliver(ctx, o.db)
	}
	// Read committed: what MySQL would lock beyond the rows keeps writers out.
	tx, err := o.db.BeginTx(ctx, &sql.TxOptions{Isolation: sql.LevelReadCommitted})
	if err != nil {
		return 0, fmt.Errorf("outbox: deliver: %w", err)
	}
	defer tx.Rollback()
	n, err := o.deliver(ctx, tx)
	if err != nil || n == 0 {
		return 0, err
	}
	if err := tx.Commit(); err != nil {
		return 0, fmt.Errorf("outbox: deliver: %w", err)
	}
	return n, nil
}

// deliver takes rows, sends them, and only then deletes them.
func (o *Outbox) deliver(ctx context.Context, on invalidate.Conn) (int, error) {
	ids, what, err := o.take(ctx, on)
	if err != nil || len(ids) == 0 {
		return 0, err
	}
	for _, name := range slices.Sorted(maps.Keys(what)) {
		err := what[name].Invalidate(ctx, o.opts.Caches[name])
		if unusable(err) { // it names nothing, today and tomorrow
			o.tell(fmt.Errorf("outbox: %q: %w", name, err))
		} else if err != nil {
			return 0, fmt.Errorf("outbox: %q: %w", name, err)
		}
	}
	return len(ids), o.remove(ctx, on, ids)
}

// unusable reports whether err is only of keys or tags that the cache refuses.
func unusable(err error) bool {
	return errors.Is(err, cache.ErrKey) && !errors.Is(err, cache.ErrUnavailable) && !errors.Is(err, cache.ErrClosed) &&
		!errors.Is(err, context.Canceled) && !errors.Is(err, context.DeadlineExceeded)
}

// take reads a batch, and puts together what is for the same cache.
func (o *Outbox) take(ctx context.Context, on invalidate.Conn) (ids []int64, _ map[string]invalidate.Names, err error) {
	names := o.names()
	rows, err := on.QueryContext(ctx, o.sql.list(o.sql.take, len(names)), names...)
	if err != nil {
		return nil, nil, fmt.Errorf("outbox: take: %w", err)
	}
	defer rows.Close()
	what := map[string]invalidate.Names{}
	for rows.Next() {
		var id int64
		var name, text string
		if err := rows.Scan(&id, &name, &text); err != nil {
			return nil, nil, fmt.Errorf("outbox: take: %w", err)
		}
		n, err := decode(text)
		if err != nil { // nobody knows what it names
			n = invalidate.Names{All: true}
			o.tell(fmt.Errorf("outbox: row %d: %w", id, err))
		}
		ids, what[name] = append(ids, id), what[name].And(n)
	}
	return ids, what, rows.Err()
}

package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/stratacache/strata/cache/driver"
)

// steps does what a single statement cannot do in a transaction. Whatever
// advances the clock begins with that, and so keeps all others of its kind
// waiting until its commit: stamps become visible in their order.
type steps struct{}

// advancing runs f in a transaction after the clock was advanced, which is p's
// clock then. If f says that nothing was done, the clock stays as it was.
func (e steps) advancing(ctx context.Context, c session, p *params, names []string, f func(session) (bool, error)) (outcome, error) {
	var out outcome
	err := c.transact(ctx, p, append(names, "advance"), func(c session) (bool, error) {
		if err := e.advance(ctx, c, p); err != nil {
			return false, err
		}
		done, err := f(c)
		out = outcome{clock: p.clock, done: done}
		if !done {
			out.clock.N -= uint64(p.by)
		}
		return done, err
	})
	if err != nil {
		return outcome{}, err
	}
	return out, nil
}

func (steps) advance(ctx context.Context, c session, p *params) error {
	if c.s.dialect == SQLite {
		var epoch, clock int64
		ok, err := c.one(ctx, "advance", p, &epoch, &clock)
		if err == nil && !ok {
			err = errNoRecord
		}
		p.clock = c.s.stamp(epoch, clock)
		return err
	}
	// MySQL returns the clock alone: it must be that of the epoch that is known.
	p.clock.Epoch = c.s.epoch.Load()
	result, err := c.exec(ctx, "advance", p)
	if err != nil {
		return err
	}
	clock, err := result.LastInsertId()
	if err == nil && clock == 0 {
		err = errNoRecord
	}
	p.clock.N = uint64(clock)
	return err
}

// changed runs a statement and says whether it changed a row. value is what it
// brought back by LAST_INSERT_ID, which is not 0 unless nothing was changed.
func (c session) changed(ctx context.Context, name string, p *params) (done bool, value int64, err error) {
	result, err := c.exec(ctx, name, p)
	if err != nil {
		return false, 0, err
	}
	n, err := result.RowsAffected()
	if err == nil && c.s.dialect == MySQL {
		value, err = result.LastInsertId() // SQLite has another idea of it
	}
	return n > 0 || value != 0, value, err
}

func (e steps) plant(ctx context.Context, c session, p *params) (map[string]driver.Token, error) {
	if c.s.dialect == SQLite {
		return tokensOf(c.query(ctx, "plant", p))
	}
	result, err := c.exec(ctx, "plant", p)
	if err != nil || len(p.items) > 1 {
		if err != nil {
			return nil, err
		}
		return tokensOf(c.query(ctx, "planted", p))
	}
	token, err := result.LastInsertId()
	it := &p.items[0]
	switch token {
	case entryStands:
		return nil, err
	case 0:
		token = int64(it.new)
	}
	return map[string]driver.Token{string(it.name): driver.Token(token)}, err
}

// entryStands is what planting brings back, which no token is.
const entryStands = 1

func (e steps) set(ctx context.Context, c session, p *params) (outcome, error) {
	if c.s.mariadb.Load() {
		if len(p.items) == 1 && p.by == 1 {
			return e.replace(ctx, c, p)
		}
		return e.setAtOnce(ctx, c, p)
	}
	name := "put"
	if p.plain() {
		name = "putplain"
	}
	return e.advancing(ctx, c, p, []string{name}, func(c session) (bool, error) {
		p.fence = p.clock
		_, err := c.exec(ctx, name, p)
		return true, err
	})
}

// setAtOnce sets entries in one statement of MariaDB, which is a transaction.
func (e steps) setAtOnce(ctx context.Context, c session, p *params) (outcome, error) {
	name := "set"
	if p.plain() {
		name = "setplain"
	}
	return e.atOnce(ctx, c, name, p)
}

// atOnce runs a statement of MariaDB that is a transaction.
func (steps) atOnce(ctx context.Context, c session, name string, p *params) (outcome, error) {
	p.clock.Epoch = c.s.epoch.Load()
	p.fence = p.clock
	var clock int64
	var removed sql.NullString
	ok, err := c.one(ctx, name, p, &clock, &removed)
	if err == nil && !ok {
		err = errNoRecord
	}
	if err != nil {
		return outcome{}, err
	}
	out := outcome{clock: driver.Stamp{Epoch: p.clock.Epoch, N: uint64(clock)}, done: true}
	if removed.Valid {
		out.removed, _ = unlist(removed.String + " ")
	}
	return out, nil
}

// replace sets an entry in one statement where a row is there for it, and in three
// where there is none.
func (e steps) replace(ctx context.Context, c session, p *params) (outcome, error) {
	for attempt := 0; ; attempt++ {
		p.clock.Epoch = c.s.epoch.Load()
		done, clock, err := c.changed(ctx, "replace", p)
		if err == nil && done {
			return outcome{clock: driver.Stamp{Epoch: p.clock.Epoch, N: uint64(clock)}, done: true}, nil
		}
		if err == nil && attempt > 0 {
			err = errNoRecord
		}
		if err == nil {
			_, err = c.exec(ctx, "occupy", p)
		}
		if err != nil {
			return outcome{}, err
		}
	}
}

func (e steps) add(ctx context.Context, c session, p *params) (outcome, error) {
	names := []string{"add"}
	if c.s.dialect == MySQL {
		names = []string{"add", "occupy"}
	}
	return e.advancing(ctx, c, p, names, func(c session) (bool, error) {
		p.fence = p.clock
		if c.s.dialect == MySQL {
			if _, err := c.exec(ctx, "occupy", p); err != nil {
				return false, err
			}
		}
		done, _, err := c.changed(ctx, "add", p)
		return done, err
	})
}

func (e steps) fill(ctx context.Context, c session, p *params) (outcome, error) {
	done, clock, err := c.changed(ctx, filling(c, p), p)
	if err != nil {
		return outcome{}, err
	}
	if done && c.s.dialect == MySQL {
		return outcome{clock: driver.Stamp{Epoch: p.fence.Epoch, N: uint64(clock)}, done: true}, nil
	}
	return e.now(ctx, c, outcome{done: done})
}

// filling is a statement: looking at tags where there are none costs MySQL much.
func filling(c session, p *params) string {
	if c.s.dialect == MySQL && len(p.items[0].entry.Tags) > 0 {
		return "filltagged"
	}
	return "fill"
}

// now puts the clock into an outcome. What was done must not be begun again
// because the clock could not be read, which may be on another connection.
func (steps) now(ctx context.Context, c session, out outcome) (outcome, error) {
	var err error
	out.clock, err = c.clock(ctx)
	if !out.done || err == nil {
		return out, err
	}
	read := func(c session) error {
		out.clock, err = c.clock(ctx)
		return err
	}
	switch {
	case !errors.Is(err, errNoRecord):
	case c.conn == nil && c.pin == nil:
		err = c.s.withRecord(ctx, read)
	default:
		if err = c.record(ctx); err == nil {
			err = read(c)
		}
	}
	if err != nil {
		return outcome{}, fmt.Errorf("it is done, but the clock could not be read: %v", err)
	}
	return out, nil
}

func (e steps) setFenced(ctx context.Context, c session, p *params) (outcome, error) {
	stored := false
	out, err := e.advancing(ctx, c, p, []string{filling(c, p), "delete"}, func(c session) (bool, error) {
		var err error
		stored, _, err = c.changed(ctx, filling(c, p), p)
		if err == nil && !stored {
			_, err = c.exec(ctx, "delete", p)
		}
		return true, err
	})
	out.done = stored
	return out, err
}

func (e steps) touch(ctx context.Context, c session, p *params) (outcome, error) {
	return e.advancing(ctx, c, p, []string{"touch"}, func(c session) (bool, error) {
		done, _, err := c.changed(ctx, "touch", p)
		return done, err
	})
}

func (e steps) incr(ctx context.Context, c session, p *params) (outcome, error) {
	var out outcome
	var err error
	if c.s.dialect == SQLite {
		out.done, err = c.one(ctx, "incr", p, &out.value)
	} else {
		out.done, out.value, err = c.changed(ctx, "incr", p)
	}
	if err != nil {
		return outcome{}, err
	}
	return e.now(ctx, c, out)
}

func (e steps) move(ctx context.Context, c session, p *params) (outcome, error) {
	return e.advancing(ctx, c, p, []string{"move", "leave"}, func(c session) (bool, error) {
		done, _, err := c.changed(ctx, "move", p)
		if err == nil && done {
			_, err = c.exec(ctx, "leave", p)
		}
		return done, err
	})
}

func (e steps) invalidate(ctx context.Context, c session, p *params) (outcome, error) {
	if c.s.mariadb.Load() && !c.foreign && len(p.items) <= manyKeys { // whose names it can bring back
		if len(p.items) == 0 {
			return e.atOnce(ctx, c, "invalidatetags", p)
		}
		return e.atOnce(ctx, c, "invalidatekeys", p)
	}
	var removed []string
	names := []string{"clear"}
	if len(p.items) > 0 {
		names = append(names, "alive", "delete")
	}
	tags := &params{}
	for _, t := range p.tags {
		tags.items = append(tags.items, item{name: []byte(t)})
	}
	if len(p.tags) > 0 {
		if err := c.prepare(ctx, tags, "drop"); err != nil {
			return outcome{}, err
		}
	}
	out, err := e.advancing(ctx, c, p, names, func(c session) (bool, error) {
		if len(p.items) > 0 {
			var err error
			if removed, err = namesIn(c.query(ctx, "alive", p)); err != nil {
				return false, err
			}
			if _, err := c.exec(ctx, "delete", p); err != nil {
				return false, err
			}
		}
		if len(tags.items) > 0 {
			tags.fence = p.clock
			if _, err := c.exec(ctx, "drop", tags); err != nil {
				return false, err
			}
		}
		if p.clear {
			if _, err := c.exec(ctx, "clear", p); err != nil {
				return false, err
			}
		}
		return true, nil
	})
	out.removed = removed
	return out, err
}

// namesIn reads names.
func namesIn(rows *sql.Rows, err error) ([]string, error) {
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []string
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return nil, err
		}
		out = append(out, name)
	}
	return out, rows.Err()
}

package sqlstore

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/stratacache/strata/cache/driver"
)

const (
	// manyKeys is how many keys one statement reads, manyItems how many it stores:
	// databases bound the number of parameters.
	manyKeys  = 512
	manyItems = 128
)

// GetMany implements driver.ManyGetter, in one statement for 512 keys, and
// another one for placeholders.
func (s *Store) GetMany(ctx context.Context, keys []driver.Key, hold time.Duration) ([]driver.KeyReading, error) {
	if len(keys) == 0 {
		return nil, nil
	}
	var out []driver.KeyReading
	tokens := make([]driver.Token, len(keys)) // the same in each attempt, one of which may have planted some
	planted := 0
	err := s.run(ctx, "get many", func(c session) error {
		out, planted = make([]driver.KeyReading, len(keys)), 0
		useless := make([]driver.Token, len(keys)) // tokens of what may be replaced
		for from := 0; from < len(keys); from += manyKeys {
			to := min(from+manyKeys, len(keys))
			if err := s.getPart(ctx, c, keys[from:to], out[from:to], useless[from:to]); err != nil {
				return err
			}
			if out[from].Fence.Stamp.Epoch != out[0].Fence.Stamp.Epoch {
				return errChanged // a new epoch began in between
			}
		}
		for i := range out {
			out[i].Fence.Stamp = out[0].Fence.Stamp // read with or before all of them
		}
		if hold <= 0 {
			return nil
		}
		var which []int
		for i := range out {
			if wants(&out[i].Reading) {
				which = append(which, i)
			}
		}
		slices.SortFunc(which, func(a, b int) int { return strings.Compare(keys[a].String(), keys[b].String()) }) // in one order for all
		for part := range slices.Chunk(which, manyKeys) {
			p := &params{items: make([]item, len(part)), hold: hold}
			for j, i := range part {
				if tokens[i] == 0 {
					tokens[i] = newToken()
				}
				p.items[j] = item{name: nameOf(keys[i]), new: tokens[i], seen: useless[i]}
			}
			if err := s.plant(ctx, c, p, func(j int) *driver.Reading { return &out[part[j]].Reading }); err != nil {
				return err
			}
		}
		planted = len(which)
		return nil
	})
	if err != nil {
		return nil, err
	}
	s.wrote(planted)
	return out, nil
}

// getPart reads keys in one statement.
func (s *Store) getPart(ctx context.Context, c session, keys []driver.Key, out []driver.KeyReading, useless []driver.Token) error {
	p := &params{items: make([]item, len(keys))}
	at := make(map[string]int, len(keys))
	names := namesOf(keys)
	joined := string(slices.Concat(names...)) // the map's keys, in one allocation
	for i, name := range names {
		p.items[i].name = name
		at[joined[:len(name)]], joined = i, joined[len(name):]
	}
	full := s.full.expected()
	more, err := s.getRows(ctx, c, full, p, at, keys, out, useless)
	if err == nil && more && !full { // all of them again, at once: a reading is of one moment
		clear(out)
		clear(useless)
		_, err = s.getRows(ctx, c, true, p, at, keys, out, useless)
	}
	return err
}

// getRows is getPart by one of the two statements. If a plain one met more than it
// reads, nothing else that it read counts.
func (s *Store) getRows(ctx context.Context, c session, full bool, p *params, at map[string]int,
	keys []driver.Key, out []driver.KeyReading, useless []driver.Token,
) (more bool, err error) {
	statement := "getmany"
	if full {
		statement = "getmanyfull"
	}
	rows, err := c.query(ctx, statement, p)
	if err != nil {
		return false, err
	}
	defer rows.Close()
	var clock driver.Stamp
	var name, body sql.RawBytes
	var r row
	into := []any{&name, &r.token, &r.stands, &body}
	if full {
		into = append(into, &r.changed)
	}
	eachRow := s.dialect == MySQL // tells the clock; else one that is below zero
	if eachRow {
		into = append(into, &r.epoch, &r.clock)
	}
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			return false, err
		}
		switch {
		case eachRow:
			clock = s.stamp(int64(r.epoch), int64(r.clock))
		case r.stands < 0:
			clock = s.stamp(int64(r.token), -1-int64(r.stands))
			continue
		}
		i, ok := at[string(name)]
		if !ok {
			continue
		}
		if r.what() == standsMore {
			more = true
			continue
		}
		r.body = body
		out[i].Reading = s.reading(keys[i], &r)
		if e := out[i].Entry; e != nil {
			e.Payload = bytes.Clone(e.Payload) // body is the driver's
			more = more || r.more(e)
		}
		if r.what() > standsPlaceholder {
			useless[i] = out[i].Fence.Token
		}
	}
	if err := rows.Err(); err != nil {
		return false, err
	}
	if clock.Epoch == 0 {
		return false, errNoRecord
	}
	s.full.met(more)
	for i := range out {
		out[i].Fence.Stamp = clock
		if e := out[i].Entry; e != nil {
			e.Stamp.Epoch = clock.Epoch
		}
	}
	return more, nil
}

// PutMany implements driver.ManyPutter. Items that are all to be Set take one
// statement (in a transaction, with two more, where the dialect has no arrays)
// for 128 of them.
func (s *Store) PutMany(ctx context.Context, items []driver.Item) []driver.ItemResult {
	return s.putMany(ctx, items, func(int) bool { return false })
}

// putMany leaves out, each time that it begins, those whose caller has left.
func (s *Store) putMany(ctx context.Context, items []driver.Item, left func(i int) bool) []driver.ItemResult {
	out := make([]driver.ItemResult, len(items))
	for from := 0; from < len(items); {
		to := from
		for to < len(items) && to-from < manyItems && items[to].Mode == driver.Set && s.check(items[to].Entry) == nil {
			to++
		}
		if to-from > 1 {
			result, err := s.setMany(ctx, items[from:to], func(i int) bool { return left(from + i) })
			for i := from; i < to; i++ {
				out[i] = driver.ItemResult{Result: result, Err: err}
			}
			from = to
			continue
		}
		if out[from].Err = errLeft; !left(from) {
			out[from].Result, out[from].Err = s.putOne(ctx, items[from])
		}
		from++
	}
	return out
}

// errLeft is for nobody.
var errLeft = errors.New("sqlstore: put: the caller has left")

// setMany sets all items in one step. Of several with one key the last remains.
func (s *Store) setMany(ctx context.Context, items []driver.Item, left func(i int) bool) (driver.Result, error) {
	made := make([]setting, 0, len(items))
	at := make(map[string]int, len(items))
	for i, it := range items {
		one := setting{newItem(it.Key, it.Entry), i}
		if j, twice := at[string(one.name)]; twice {
			made[j] = one
			continue
		}
		at[string(one.name)] = len(made)
		made = append(made, one)
	}
	// In one order for all, so that nobody waits in a circle.
	slices.SortFunc(made, func(a, b setting) int { return bytes.Compare(a.name, b.name) })
	var out outcome
	err := s.run(ctx, "put many", func(c session) (err error) {
		p := &params{by: int64(len(items))}
		for _, one := range made {
			if !left(one.of) {
				p.items = append(p.items, one.item)
			}
		}
		if len(p.items) == 0 {
			return errLeft
		}
		out, err = s.engine.set(ctx, c, p)
		return err
	})
	if err == nil {
		s.wrote(len(items))
	}
	return out.result(), err
}

// setting is an item on its way, and the index of the one that it was made of.
type setting struct {
	item
	of int
}

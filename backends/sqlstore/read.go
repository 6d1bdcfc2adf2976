package sqlstore

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/stratacache/strata/cache/driver"
	"github.com/stratacache/strata/cache/driver/envelope"
)

// maxName is the longest name that is kept as it is.
const maxName = 512

// nameOf is the name under which the database knows key: itself, or, if it is
// long, its beginning and its SHA-256, which together are longer than any other.
func nameOf(key driver.Key) []byte {
	name := append(append(make([]byte, 0, key.Len()), key.Scope...), key.Name...)
	if len(name) <= maxName {
		return name
	}
	sum := sha256.Sum256(name)
	return append(name[:maxName+1-len(sum)], sum[:]...)
}

// What stands under a key, as the database judges it.
const (
	standsNothing = iota
	standsPlaceholder
	standsValid
	standsInvalid
	standsExpired
)

// row is what a reading brings.
type row struct {
	epoch, clock, token, stamp, fresh, ends, stands column64
	number                                          null64
	body                                            []byte
}

// column64 is an integer. Into an int64, database/sql goes by way of a text.
type column64 int64

// Scan implements sql.Scanner.
func (n *column64) Scan(src any) error {
	switch v := src.(type) {
	case int64:
		*n = column64(v)
		return nil
	case []byte: // MySQL, where nothing is prepared
		i, err := strconv.ParseInt(string(v), 10, 64)
		*n = column64(i)
		return err
	}
	return fmt.Errorf("%T is no integer", src)
}

// null64 is one that may be NULL.
type null64 struct {
	n  column64
	ok bool
}

// Scan implements sql.Scanner.
func (n *null64) Scan(src any) error {
	n.ok = src != nil
	if !n.ok {
		return nil
	}
	return n.n.Scan(src)
}

func (r *row) into() []any {
	return []any{&r.epoch, &r.clock, &r.token, &r.stamp, &r.fresh, &r.ends, &r.number, &r.stands, &r.body}
}

// reading makes a Reading of a row.
func (s *Store) reading(key driver.Key, r *row) driver.Reading {
	out := driver.Reading{Fence: driver.Fence{Stamp: s.stamp(int64(r.epoch), int64(r.clock))}}
	if r.stands == standsNothing {
		return out
	}
	out.Fence.Token = driver.Token(r.token)
	if r.stands == standsPlaceholder {
		return out
	}
	e, err := envelope.Decode(key, r.body)
	switch {
	case errors.Is(err, driver.ErrNewer):
		out.Odd, out.Fence.Token = err, 0
	case errors.Is(err, driver.ErrMiss): // a placeholder of another backend
		out.Odd = driver.ErrForeign
	case err == nil && e.Kind == driver.Integer && !r.number.ok:
		out.Odd = driver.ErrCorrupt
	case err != nil:
		out.Odd = err
	case r.stands == standsValid, r.stands == standsExpired:
		e.Token = driver.Token(r.token)
		e.Stamp = driver.Stamp{Epoch: uint64(r.epoch), N: uint64(r.stamp)}
		e.Life = driver.Life{Fresh: int64(r.fresh), Expires: int64(r.ends)}
		if e.Kind == driver.Integer {
			e.Payload = strconv.AppendInt(nil, int64(r.number.n), 10)
		}
		out.Entry, out.Expired = e, r.stands == standsExpired
	}
	return out
}

// Get implements driver.Store. A hit is one statement, a miss with a hold two.
func (s *Store) Get(ctx context.Context, key driver.Key, hold time.Duration) (driver.Reading, error) {
	var out driver.Reading
	p := &params{items: []item{{name: nameOf(key)}}, hold: hold}
	err := s.run(ctx, "get", func(c session) error {
		var r row
		ok, err := c.one(ctx, "get", p, r.into()...)
		if err != nil {
			return err
		}
		if !ok {
			return errNoRecord
		}
		out = s.reading(key, &r)
		if hold <= 0 || !wants(&out) {
			return nil
		}
		p.items[0].new, p.items[0].seen = newToken(), 0
		if r.stands > standsPlaceholder {
			p.items[0].seen = out.Fence.Token // what stands with it may be replaced
		}
		return s.plant(ctx, c, p, func(int) *driver.Reading { return &out })
	})
	if err != nil {
		return driver.Reading{}, err
	}
	if hold > 0 && out.Planted {
		s.wrote(1)
	}
	return out, nil
}

// wants says whether a reading with a hold needs a placeholder, or one that
// stands for longer.
func wants(r *driver.Reading) bool { return r.Entry == nil && !errors.Is(r.Odd, driver.ErrNewer) }

// plant plants placeholders for the items of p, and writes their tokens into
// their readings. If meanwhile something else came to stand there, all is to be
// read again.
func (s *Store) plant(ctx context.Context, c session, p *params, reading func(i int) *driver.Reading) error {
	tokens, err := s.engine.plant(ctx, c, p)
	if err != nil {
		return err
	}
	for i := range p.items {
		it := &p.items[i]
		token, ok := tokens[string(it.name)]
		if !ok {
			return errChanged
		}
		r := reading(i)
		r.Fence.Token, r.Planted = token, token == it.new
	}
	return nil
}

// tokensOf reads names and tokens.
func tokensOf(rows *sql.Rows, err error) (map[string]driver.Token, error) {
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	out := make(map[string]driver.Token)
	for rows.Next() {
		var name []byte
		var token int64
		if err := rows.Scan(&name, &token); err != nil {
			return nil, err
		}
		out[string(name)] = driver.Token(token)
	}
	return out, rows.Err()
}

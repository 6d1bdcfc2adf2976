package sqlstore

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/stratacache/strata/cache/driver"
	"github.com/stratacache/strata/cache/driver/envelope"
)

// maxName is the longest name that is kept as it is.
const maxName = 512

// nameOf is the name under which the database knows key: itself, or, if it is
// long, its beginning and its SHA-256, which together are longer than any other.
func nameOf(key driver.Key) []byte { return appendName(make([]byte, 0, key.Len()), key) }

// namesOf is nameOf for each of keys, in one allocation.
func namesOf(keys []driver.Key) [][]byte {
	size := 0
	for _, k := range keys {
		size += k.Len()
	}
	all, out := make([]byte, 0, size), make([][]byte, len(keys))
	for i, k := range keys {
		begin := len(all)
		all = appendName(all, k)
		out[i] = all[begin:len(all):len(all)]
	}
	return out
}

func appendName(to []byte, key driver.Key) []byte {
	begin := len(to)
	to = append(append(to, key.Scope...), key.Name...)
	if key.Len() <= maxName {
		return to
	}
	sum := sha256.Sum256(to[begin:])
	return append(to[:begin+maxName+1-len(sum)], sum[:]...)
}

// What stands under a key, as the database judges it.
const (
	standsNothing = iota
	standsPlaceholder
	standsValid
	standsInvalid
	standsExpired
	standsMore // than a plain reading reads: it leaves that to a full one

	standsBits = 3 // the stamp, where there is one, is above them
)

// row is what a reading brings; changed only a full one.
type row struct {
	epoch, clock, token, stands column64
	body                        []byte
	changed                     changed
}

// entry is where the columns go that are an entry's.
func (r *row) entry(full bool) []any {
	if full {
		return []any{&r.token, &r.stands, &r.body, &r.changed}
	}
	return []any{&r.token, &r.stands, &r.body}
}

// more says that there is something to the entry which only a full reading reads.
func (r *row) more(e *driver.Entry) bool {
	return len(e.Tags) > 0 || r.changed.number != nil || r.changed.life != nil
}

// what stands there. Whatever does has a token.
func (r *row) what() int {
	if r.token == 0 {
		return standsNothing
	}
	return int(r.stands & (1<<standsBits - 1))
}

// column64 is an integer, 0 for NULL. Into an int64, database/sql goes by way of a
// text.
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
	case nil:
		*n = 0
		return nil
	}
	return fmt.Errorf("%T is no integer", src)
}

// changed is what the database knows of an entry and its body does not: the
// number of an integer, and the life that a Touch gave it. It comes as a text
// "number,fresh,ends", in which NULL may be, since a column costs a reading more than
// to be judged.
type changed struct {
	number *int64
	life   *driver.Life
}

// Scan implements sql.Scanner.
func (c *changed) Scan(src any) error {
	*c = changed{}
	var text string
	switch v := src.(type) {
	case nil:
		return nil
	case []byte:
		text = string(v)
	case string:
		text = v
	default:
		return fmt.Errorf("%T is no text", src)
	}
	var n [3]*int64
	parts := strings.Split(strings.Trim(text, "{}"), ",") // in PostgreSQL it is an array
	if len(parts) != len(n) {
		return fmt.Errorf("%q is not a number and a life", text)
	}
	for i, part := range parts {
		if part == "NULL" {
			continue
		}
		v, err := strconv.ParseInt(part, 10, 64)
		if err != nil {
			return err
		}
		n[i] = &v
	}
	c.number = n[0]
	if n[1] != nil && n[2] != nil {
		c.life = &driver.Life{Fresh: *n[1], Expires: *n[2]}
	}
	return nil
}

// reading makes a Reading of a row.
func (s *Store) reading(key driver.Key, r *row) driver.Reading {
	out := driver.Reading{Fence: driver.Fence{Stamp: s.stamp(int64(r.epoch), int64(r.clock))}}
	what := r.what()
	if what == standsNothing {
		return out
	}
	out.Fence.Token = driver.Token(r.token)
	if what == standsPlaceholder {
		return out
	}
	e, err := envelope.Decode(key, r.body)
	switch {
	case errors.Is(err, driver.ErrNewer):
		out.Odd, out.Fence.Token = err, 0
	case errors.Is(err, driver.ErrMiss): // a placeholder of another backend
		out.Odd = driver.ErrForeign
	case err == nil && e.Kind == driver.Integer && r.changed.number == nil:
		out.Odd = driver.ErrCorrupt
	case err != nil:
		out.Odd = err
	case what == standsValid, what == standsExpired:
		e.Token = driver.Token(r.token)
		e.Stamp = driver.Stamp{Epoch: uint64(r.epoch), N: uint64(r.stands >> standsBits)}
		if r.changed.life != nil {
			e.Life = *r.changed.life
		}
		if e.Kind == driver.Integer {
			e.Payload = strconv.AppendInt(nil, *r.changed.number, 10)
		}
		out.Entry, out.Expired = e, what == standsExpired
	}
	return out
}

// readFully is how many readings are full ones at once, since an entry was met that
// needs it.
const readFully = 64

// fullness says whether a reading is a full one at once: where there are entries with
// tags, or integers, or lives that were touched, that saves the second reading; where
// there are none, it would cost each of them.
type fullness struct{ next atomic.Int32 }

func (f *fullness) expected() bool { return f.next.Load() > 0 }

func (f *fullness) met(some bool) {
	switch n := f.next.Load(); {
	case some && n < readFully:
		f.next.Store(readFully)
	case !some && n > 0:
		f.next.Store(n - 1) // of several at once one may be lost
	}
}

// look reads what stands under the one key of p.
func (s *Store) look(ctx context.Context, c session, p *params) (row, error) {
	full := s.full.expected()
	r, err := lookOnce(ctx, c, p, full)
	if err == nil && !full && r.what() == standsMore {
		s.full.met(true)
		r, err = lookOnce(ctx, c, p, true)
	}
	return r, err
}

func lookOnce(ctx context.Context, c session, p *params, full bool) (row, error) {
	var r row
	name := "get"
	if full {
		name = "getfull"
	}
	ok, err := c.one(ctx, name, p, append([]any{&r.epoch, &r.clock}, r.entry(full)...)...)
	if err == nil && !ok {
		err = errNoRecord
	}
	return r, err
}

// Get implements driver.Store. A hit is one statement, a miss with a hold two.
// Where several are on their way, further ones go together.
func (s *Store) Get(ctx context.Context, key driver.Key, hold time.Duration) (driver.Reading, error) {
	if s.pin != nil { // no server: together it is no quicker
		return s.getOne(ctx, key, hold)
	}
	return s.reads.Get(ctx, key, hold)
}

func (s *Store) getOne(ctx context.Context, key driver.Key, hold time.Duration) (driver.Reading, error) {
	var out driver.Reading
	p := &params{items: []item{{name: nameOf(key)}}, hold: hold}
	err := s.run(ctx, "get", func(c session) error {
		r, err := s.look(ctx, c, p)
		if err != nil {
			return err
		}
		out = s.reading(key, &r)
		if out.Entry != nil {
			s.full.met(r.more(out.Entry))
		}
		if hold <= 0 || !wants(&out) {
			return nil
		}
		if p.items[0].seen = 0; p.items[0].new == 0 { // in each attempt the same, one of which may have planted it
			p.items[0].new = newToken()
		}
		if r.what() > standsPlaceholder {
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

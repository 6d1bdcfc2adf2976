package memcachedstore

import (
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/stratacache/strata/cache/driver"
	"github.com/stratacache/strata/cache/driver/envelope"
)

// view is what stands under some keys, and the meta record, which was read
// before them.
type view struct {
	record *record
	all    uint64 // the stamp of TagAll
	tags   []op   // the stamps that were asked for as well
	found  []found
	ops    []op // by which all was read
}

// smallView is the most keys of a small view. Views of up to togetherMost are kept for
// another call, apart from the small ones.
const smallView = 4

func (s *Store) viewsFor(keys int) *sync.Pool {
	if keys <= smallView {
		return &s.smallViews
	}
	return &s.views
}

// newView returns an empty view of so many keys.
func (s *Store) newView(keys int) *view {
	v, ok := s.viewsFor(keys).Get().(*view)
	if !ok {
		v = &view{ops: make([]op, 0, 2+keys), found: make([]found, 0, keys)}
	}
	v.found = slices.Grow(v.found, keys)[:keys]
	v.ops = slices.Grow(v.ops, 2+keys)[:2+keys]
	return v
}

// freeView takes back a view of which nothing is used any more.
func (s *Store) freeView(v *view) {
	keys := len(v.found)
	if keys > togetherMost {
		return
	}
	clear(v.found)
	clear(v.ops)
	*v = view{ops: v.ops[:0], found: v.found[:0]}
	s.viewsFor(keys).Put(v)
}

// found is what stands under a key.
type found struct {
	name   string
	server *server
	err    error

	// entry is one that is valid, or expired, and has not ended, or nil.
	entry   *driver.Entry
	expired bool
	// item says that something is there, of that cas; blob is its bytes.
	item bool
	cas  cas
	blob []byte
	// token is the fence that stands, or 0.
	token   driver.Token
	held    time.Time // of a placeholder that stands: when its hold ends
	over    bool      // it is a placeholder whose hold has ended
	odd     error
	planted bool
	// changed: it must be looked at again.
	changed bool
}

func (f *found) reading(clock driver.Stamp) driver.Reading {
	return driver.Reading{
		Entry: f.entry, Expired: f.expired, Fence: driver.Fence{Token: f.token, Stamp: clock}, Planted: f.planted, Odd: f.odd,
	}
}

// newer reports whether what stands is a later program's.
func (f *found) newer() bool { return f.odd != nil && errors.Is(f.odd, driver.ErrNewer) }

// live reports whether an entry stands that more than readers see.
func (f *found) live() bool { return f.entry != nil && !f.expired && f.entry.Kind != driver.Negative }

// view reads the record, what stands under keys, and the stamps of tags. It does
// not look at the tags of what stands.
func (s *Store) view(c *call, keys []driver.Key, tags []string) (*view, error) {
	v := s.newView(len(keys))
	for i, k := range keys {
		f := &v.found[i]
		f.name = s.names.key(k)
		server, err := s.pick.pick(f.name)
		if err != nil {
			return nil, err
		}
		f.server = server
	}
	if err := s.look(c, v, tags); err != nil {
		return nil, err
	}
	now := time.Now()
	for i, k := range keys {
		v.judge(k, i, now)
	}
	return v, nil
}

// look reads what a view is of, whose keys have names and servers. It judges nothing.
func (s *Store) look(c *call, v *view, tags []string) error {
	ops, keys := v.ops, len(v.found)
	for attempt := 0; ; attempt++ {
		if err := c.again(attempt); err != nil {
			return err
		}
		r, err := s.known(c)
		if err != nil {
			return err
		}
		metaOps(ops, r)
		for i := range v.found {
			ops[2+i] = op{server: v.found[i].server, verb: get, name: v.found[i].name}
		}
		if ops, err = s.tagOps(ops[:2+keys], r, tags); err != nil {
			return err
		}
		c.do(ops)
		if v.record, v.all, err = s.meta(c, r, ops); err != nil {
			return err
		}
		if v.record != nil {
			v.ops, v.tags = ops, ops[2+keys:]
			s.afterClock(c, r, v.record, ops[2:2+keys])
			return nil
		}
	}
}

// metaOps reads the clock and the stamp of TagAll.
func metaOps(ops []op, r *record) {
	ops[0] = op{server: r.server, verb: get, name: r.clock, number: true}
	ops[1] = op{server: r.server, verb: get, name: r.allName, number: true}
}

// meta is what metaOps have read, which asked for what belongs to r. Without a
// record all must be read again.
func (s *Store) meta(c *call, r *record, ops []op) (*record, uint64, error) {
	if err := firstErr(ops[:2]); err != nil {
		return nil, 0, err
	}
	if ops[0].status == missing {
		_, err := s.now(c) // makes one
		return nil, 0, err
	}
	if ops[0].num>>nBits != r.word>>nBits {
		_, err := s.saw(ops[0].num, 0)
		return nil, 0, err
	}
	if ops[1].status == missing {
		return nil, 0, s.remake(c, r)
	}
	now, err := s.saw(ops[0].num, ops[1].num)
	return now, ops[1].num, err
}

// afterClock reads again what other servers than the clock's have answered, if
// that may have been before the clock was read. It was not if the clock still
// was what it had been before anybody was asked.
func (s *Store) afterClock(c *call, before, now *record, ops []op) {
	if before.word == now.word {
		return
	}
	var other []op
	var at []int
	for i := range ops {
		if ops[i].server != now.server && ops[i].err == nil {
			other, at = append(other, ops[i]), append(at, i)
		}
	}
	c.do(other)
	for i, o := range other {
		ops[at[i]] = o
	}
}

// judge says what stands under the key that is number i, but for the tags of an
// entry.
func (v *view) judge(key driver.Key, i int, now time.Time) {
	v.judgeAs(key, &v.found[i], &v.ops[2+i], now)
}

func (v *view) judgeAs(key driver.Key, f *found, o *op, now time.Time) {
	if f.err = o.err; f.err != nil || o.status == missing {
		return
	}
	f.item, f.cas, f.blob = true, o.got, o.data
	if end, ok := holdEnd(o, now); ok {
		if f.over = !now.Before(end); !f.over {
			f.token, f.held = o.got.token(), end
		}
		return
	}
	e, err := envelope.Decode(key, o.data)
	if err != nil {
		if !errors.Is(err, driver.ErrMiss) {
			f.odd = err
		}
		return
	}
	if e.Life.Ended(now) {
		return
	}
	f.token = e.Token
	clock := stampOf(v.record.word)
	switch {
	case e.Stamp.Epoch != clock.Epoch:
	case e.Stamp.N > clock.N:
		// A Set that is under way: it is seen once the clock shows its number.
		f.changed = true
	case v.all <= e.Stamp.N:
		f.entry = e
	}
}

// fewTags are looked for one after the other.
const fewTags = 16

// settle looks at what judge left open: the tags of entries, and entries that
// wait for the clock.
func (s *Store) settle(c *call, v *view, attempt int) error {
	var tags []string
	for i := range v.found {
		f := &v.found[i]
		if f.changed && attempt > 0 {
			if err := s.catchUp(c, v.record, stampOf(v.record.word).N+1); err != nil {
				return err
			}
			attempt = 0 // once is enough
		}
		if f.entry != nil {
			for _, t := range f.entry.Tags {
				if len(tags) > fewTags || !slices.Contains(tags, t) {
					tags = append(tags, t)
				}
			}
		}
	}
	if len(tags) == 0 {
		return nil
	}
	if len(tags) > fewTags {
		slices.Sort(tags)
		tags = slices.Compact(tags)
	}
	ops, err := s.tagOps(make([]op, 0, len(tags)), v.record, tags)
	if err != nil {
		return err
	}
	c.do(ops)
	if len(tags) <= fewTags {
		v.checkTags(func(tag string) *op { return &ops[slices.Index(tags, tag)] })
		return nil
	}
	of := make(map[string]*op, len(tags))
	for i, t := range tags {
		of[t] = &ops[i]
	}
	v.checkTags(func(tag string) *op { return of[tag] })
	return nil
}

// checkTags takes away the entries whose tags were invalidated, or says that they
// have expired.
func (v *view) checkTags(of func(tag string) *op) {
	for i := range v.found {
		f := &v.found[i]
		if f.entry == nil {
			continue
		}
		verdict := f.entry.Judge(func(tag string) uint64 {
			if tag == driver.TagAll {
				return 0 // judge has looked
			}
			o := of(tag)
			if o.err != nil && f.err == nil {
				f.err = o.err
			}
			return stampIn(o)
		})
		switch {
		case f.err != nil:
			f.entry, f.token = nil, 0
		case verdict == driver.Invalid:
			f.entry = nil
		default:
			f.expired = verdict == driver.Expired
		}
	}
}

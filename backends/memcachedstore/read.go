package memcachedstore

import (
	"context"
	"time"

	"github.com/stratacache/strata/cache/driver"
)

// Get implements driver.Store. Where several are on their way to a server, further
// ones look together; what there is to do then, each does by itself.
func (s *Store) Get(ctx context.Context, key driver.Key, hold time.Duration) (driver.Reading, error) {
	c, err := s.begin(ctx)
	if err != nil {
		return driver.Reading{}, err
	}
	name := s.names.key(key)
	server, err := s.pick.pick(name)
	if err != nil {
		return driver.Reading{}, err
	}
	l := &look{c, name}
	for attempt := 0; ; attempt++ {
		if err := l.again(attempt); err != nil {
			return driver.Reading{}, err
		}
		var v *view
		if attempt == 0 {
			v, err = server.looks.Do(ctx, l)
		} else { // those that begin just now have more time left
			v, err = s.lookOne(l, server)
		}
		if err != nil {
			return driver.Reading{}, err
		}
		v.judge(key, 0, time.Now())
		if err := s.complete(&l.call, v, hold, attempt); err != nil {
			return driver.Reading{}, err
		}
		f := &v.found[0]
		out, changed, err := f.reading(stampOf(v.record.word)), f.changed, f.err
		s.freeView(v)
		if !changed {
			return out, err
		}
	}
}

// GetMany implements driver.ManyGetter, in one pipeline for each server. Keys of
// a server that is down have errors of their own.
func (s *Store) GetMany(ctx context.Context, keys []driver.Key, hold time.Duration) ([]driver.KeyReading, error) {
	if len(keys) == 0 {
		return nil, nil
	}
	c, err := s.begin(ctx)
	if err != nil {
		return nil, err
	}
	out := make([]driver.KeyReading, len(keys))
	if err := s.read(&c, keys, out, hold); err != nil {
		return nil, err
	}
	return out, nil
}

// read is Get for each of keys.
func (s *Store) read(c *call, keys []driver.Key, out []driver.KeyReading, hold time.Duration) error {
	var todo []int // of keys; nil: all
	for attempt := 0; ; attempt++ {
		if err := c.again(attempt); err != nil {
			return err
		}
		part := keys
		if todo != nil {
			part = make([]driver.Key, len(todo))
			for i, k := range todo {
				part[i] = keys[k]
			}
		}
		v, err := s.view(c, part, nil)
		if err == nil {
			err = s.complete(c, v, hold, attempt)
		}
		if err != nil {
			return err
		}
		var next []int
		for i := range v.found {
			at := i
			if todo != nil {
				at = todo[i]
			}
			f := &v.found[i]
			if f.changed {
				next = append(next, at)
				continue
			}
			out[at] = driver.KeyReading{Reading: f.reading(stampOf(v.record.word)), Err: f.err}
		}
		s.freeView(v)
		if len(next) == 0 {
			return nil
		}
		todo = next
	}
}

// complete does what a reading does beside looking.
func (s *Store) complete(c *call, v *view, hold time.Duration, attempt int) error {
	if err := s.settle(c, v, attempt); err != nil {
		return err
	}
	if hold > 0 {
		s.plant(c, v, hold)
	} else {
		s.tidy(c, v)
	}
	return nil
}

// plant puts placeholders where nothing valid stands, and has those that stand
// held long enough.
func (s *Store) plant(c *call, v *view, hold time.Duration) {
	var ops []op
	var at []int
	now := time.Now()
	for i := range v.found {
		f := &v.found[i]
		if f.err != nil || f.changed || f.entry != nil || f.newer() {
			continue
		}
		o := op{server: f.server, name: f.name}
		switch {
		case f.held.IsZero():
			o.verb, o.back, o.value, o.expiry = set, true, placeholder(now.Add(hold)), expiry(hold, now)
			if o.when = absent; f.item {
				o.when, o.cas = exact, f.cas
			}
		case f.held.Before(now.Add(hold)):
			o.verb, o.plain, o.expiry = get, true, expiry(hold+touchMargin*time.Second, now)
		default:
			continue
		}
		ops, at = append(ops, o), append(at, i)
	}
	c.do(ops)
	for i := range ops {
		o, f := &ops[i], &v.found[at[i]]
		switch {
		case o.err != nil:
			f.err = o.err
		case o.status == tooLarge:
			f.token = 0 // a server that takes no placeholder takes no value
		case o.status != done:
			f.changed = true
		case o.verb == set:
			f.token, f.planted = o.got.token(), true
		}
	}
}

// tidy removes placeholders whose hold has ended and that the server still has,
// so that the loads which they guarded are refused. It is best effort.
func (s *Store) tidy(c *call, v *view) {
	var ops []op
	for i := range v.found {
		if f := &v.found[i]; f.over {
			ops = append(ops, op{server: f.server, verb: remove, name: f.name, when: exact, cas: f.cas})
		}
	}
	c.do(ops)
}

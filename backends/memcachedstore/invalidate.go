package memcachedstore

import (
	"context"
	"slices"
	"time"

	"github.com/stratacache/strata/cache/driver"
)

// Invalidate implements driver.Store.
func (s *Store) Invalidate(ctx context.Context, what driver.Invalidation) (driver.Invalidated, error) {
	c, err := s.begin(ctx)
	if err != nil {
		return driver.Invalidated{}, err
	}
	return s.invalidate(&c, what)
}

// invalidate first reads the clock, n. It then removes the keys, gives the tags
// the stamp n+1, and advances the clock.
//
// All that was loaded or stored before it began has a stamp of n at most, so n+1
// is enough; and it is no more than the clock in the end, so that what is loaded
// afterwards is valid. If others have advanced meanwhile the tags then get the
// very number of this invalidation: that only refuses more.
func (s *Store) invalidate(c *call, what driver.Invalidation) (driver.Invalidated, error) {
	var v *view
	var guards, stamps []raising
	for attempt := 0; v == nil; attempt++ {
		if err := c.again(attempt); err != nil {
			return driver.Invalidated{}, err
		}
		r, err := s.known(c)
		if err != nil {
			return driver.Invalidated{}, err
		}
		if guards, stamps, err = s.raisings(r, what.Tags); err != nil {
			return driver.Invalidated{}, err
		}
		keys := distinct(what.Keys)
		names := make([]string, len(keys))
		ops := make([]op, 2, 3+2*len(keys)+len(guards)+len(stamps))
		metaOps(ops, r)
		together := len(stamps) == 0
		for i, k := range keys {
			names[i] = s.names.key(k)
			server, err := s.pick.pick(names[i])
			if err != nil {
				return driver.Invalidated{}, err
			}
			together = together && server == r.server
			ops = append(ops, op{server: server, verb: get, name: names[i]}, op{server: server, verb: remove, name: names[i]})
		}
		for i := range guards {
			ops = append(ops, guards[i].reading())
		}
		for i := range stamps {
			ops = append(ops, stamps[i].reading())
		}
		if together {
			ops = append(ops, s.advancing(r.server, 1))
		}
		c.do(ops)
		now, all, err := s.meta(c, r, ops)
		if err == nil {
			err = firstErr(ops)
		}
		if err != nil {
			return driver.Invalidated{}, err
		}
		if now == nil {
			continue
		}
		v = &view{record: now, all: all}
		v.judgeRemoved(keys, ops[2:])
		if err := s.settle(c, v, 0); err != nil {
			return driver.Invalidated{}, err
		}
		if together {
			return s.finish(c, v, ops[len(ops)-1:])
		}
		if err := s.raiseAll(c, guards, stamps, ops[2+2*len(keys):], stampOf(now.word).N+1); err != nil {
			return driver.Invalidated{}, err
		}
	}
	last := []op{s.advancing(v.record.server, 1)}
	c.do(last)
	out, err := s.finish(c, v, last)
	if n := out.Clock.N; err == nil && len(stamps) > 0 && n > stampOf(v.record.word).N+1 && out.Clock.Epoch == stampOf(v.record.word).Epoch {
		_, err = s.raise(c, stamps, nil, n)
	}
	if err == nil && slices.Contains(what.Tags, driver.TagAll) {
		_, err = s.saw(wordOf(out.Clock), out.Clock.N)
	}
	return out, err
}

// judgeRemoved is judge for keys that were removed; ops are the pairs that read
// and removed them. What somebody else removed is left out.
func (v *view) judgeRemoved(keys []driver.Key, ops []op) {
	now := time.Now()
	for i, k := range keys {
		if ops[2*i+1].status == done {
			var f found
			v.judgeAs(k, &f, &ops[2*i], now)
			v.found = append(v.found, f)
		}
	}
}

// finish counts what was removed. last is the advance.
func (s *Store) finish(c *call, v *view, last []op) (driver.Invalidated, error) {
	if err := last[0].err; err != nil {
		return driver.Invalidated{}, err
	}
	var now *record
	var err error
	if last[0].status == missing { // the clock was lost, and all with it
		now, err = s.advance(c)
	} else {
		now, err = s.saw(last[0].num, 0)
	}
	if err != nil {
		return driver.Invalidated{}, err
	}
	out := driver.Invalidated{Clock: stampOf(now.word)}
	for i := range v.found {
		if v.found[i].live() {
			out.Removed++
		}
	}
	return out, nil
}

// distinct leaves out keys that were named before.
func distinct(keys []driver.Key) []driver.Key {
	if len(keys) < 2 {
		return keys
	}
	seen := make(map[string]bool, len(keys))
	out := make([]driver.Key, 0, len(keys))
	for _, k := range keys {
		if name := k.String(); !seen[name] {
			seen[name] = true
			out = append(out, k)
		}
	}
	return out
}

package memcachedstore

import (
	"errors"
	"slices"

	"github.com/stratacache/strata/cache/driver"
	"github.com/stratacache/strata/cache/driver/envelope"
)

// setting is an entry on its way to be set.
type setting struct {
	call
	key    driver.Key
	entry  *driver.Entry
	name   string
	server *server
}

func (s *Store) setting(c *call, key driver.Key, e *driver.Entry) (setting, error) {
	name := s.names.key(key)
	server, err := s.pick.pick(name)
	return setting{*c, key, e, name, server}, err
}

// outcome is what became of a setting. Some need a step of their own then.
type outcome struct {
	clock  driver.Stamp
	err    error
	large  bool // over the server's limit
	unseen bool // a stamp is newer than the entry's
}

// set stores e. With gather it may go together with others, which have begun just now,
// too.
func (s *Store) set(c *call, key driver.Key, e *driver.Entry, gather bool) (driver.Result, error) {
	x, err := s.setting(c, key, e)
	if err != nil {
		return driver.Result{}, err
	}
	var o outcome
	if gather && len(e.Tags) == 0 && envelope.Len(e) <= togetherSize {
		o, err = x.server.sets.Do(c.ctx, &x)
	} else {
		o, err = s.setOne(&x)
	}
	if err != nil {
		return driver.Result{}, err
	}
	return s.finishSet(c, &x, o)
}

func (s *Store) setOne(x *setting) (outcome, error) {
	xs, out := [1]*setting{x}, [1]outcome{}
	err := s.setAll(&x.call, xs[:], out[:], false)
	if errors.Is(err, driver.ErrTooLarge) {
		return outcome{large: true}, nil
	}
	return out[0], err
}

// finishSet does what one of several that were set needs alone.
func (s *Store) finishSet(c *call, x *setting, o outcome) (driver.Result, error) {
	switch {
	case o.err != nil:
	case o.large:
		o.err = s.tooLarge(c, x.key)
	case o.unseen:
		o.err = s.mend(c, x.key, x.entry)
	}
	if o.err != nil {
		return driver.Result{}, o.err
	}
	return driver.Result{Done: true, Clock: o.clock}, nil
}

// setAll stores entries with the number that the clock is about to have. Until the
// clock has it, readers do not see them: the advance makes them seen. If somebody
// else takes that number first, they are seen from then on, and the clock that a Set
// returns is a later one: an entry's stamp is older than that, and valid.
//
// Quiet ones cost the server no answer; but if it has no room for one of them, none
// of those is known to be stored.
func (s *Store) setAll(c *call, xs []*setting, out []outcome, quiet bool) error {
	buf, pooled := s.buffer(), s.opsFor(len(xs)+2)
	defer s.free(buf)
	defer s.freeOps(pooled)
	ops := *pooled
	size, tags := 0, []string(nil)
	for i := range xs {
		size += envelope.Len(xs[i].entry)
		tags = append(tags, xs[i].entry.Tags...)
	}
	slices.Sort(tags)
	tags = slices.Compact(tags)
	for attempt := 0; ; attempt++ {
		if err := c.again(attempt); err != nil {
			return err
		}
		if attempt > 0 && slices.ContainsFunc(xs, left) {
			return errLeft
		}
		r, err := s.known(c)
		if err != nil {
			return err
		}
		*buf = slices.Grow((*buf)[:0], size)
		for i := range xs {
			x := xs[i]
			x.entry.Token, x.entry.Stamp = newToken(), stampOf(r.word+1)
			if ops[i], err = s.storing(x.server, x.name, x.key, x.entry, buf); err != nil {
				return err
			}
			ops[i].quiet = quiet && ops[i].verb == set
		}
		ops[len(xs)] = s.advancing(r.server, len(xs))
		ops[len(xs)+1] = op{server: r.server, verb: get, name: r.allName, number: true}
		if ops, err = s.tagOps(ops[:len(xs)+2], r, tags); err != nil {
			return err
		}
		if ok, err := s.commit(c, r, xs, ops, tags, out); ok || err != nil {
			return err
		}
	}
}

// tooLarge removes what stands under key, because it is older than what was to
// be stored, and returns driver.ErrTooLarge.
func (s *Store) tooLarge(c *call, key driver.Key) error {
	if _, err := s.invalidate(c, driver.Invalidation{Keys: []driver.Key{key}}); err != nil {
		return err
	}
	return driver.ErrTooLarge
}

// commit does ops, which store entries (or remove what stands, if they have ended),
// advance the clock by their number, and read the stamps of TagAll and of tags: in one
// round trip if all stores are on the clock's server. ok is false if the epoch ended
// meanwhile: nothing that was stored is valid then.
func (s *Store) commit(c *call, r *record, xs []*setting, ops []op, tags []string, out []outcome) (ok bool, err error) {
	n := len(xs)
	stores, clock, all, tagOps := ops[:n], &ops[n], &ops[n+1], ops[n+2:]
	if slices.ContainsFunc(xs, func(x *setting) bool { return x.server != r.server }) {
		c.do(stores)
		c.do(ops[n:])
	} else {
		c.do(ops)
	}
	if clock.err != nil { // what was stored may be seen or not
		for i := range out {
			out[i] = outcome{err: clock.err}
		}
		return true, nil
	}
	if clock.status == missing {
		_, err := s.now(c)
		return false, err
	}
	now, err := s.saw(clock.num, 0)
	if err != nil || now.epoch != r.epoch {
		return false, err
	}
	stamp := stampIn(all)
	if firstErr(tagOps) != nil || all.err != nil {
		stamp = absentStamp
	}
	for i := range stores {
		o, e := &stores[i], xs[i].entry
		out[i] = outcome{
			clock: stampOf(now.word - uint64(n-1-i)), // each has a number of its own
			err:   o.err, large: o.status == tooLarge,
			unseen: o.verb == set && max(stamp, greatestOf(tagOps, tags, e.Tags)) > e.Stamp.N,
		}
	}
	return true, nil
}

// greatestOf is the greatest of the stamps that some of the tags have.
func greatestOf(ops []op, tags, some []string) (n uint64) {
	if len(some) == len(tags) {
		return greatest(ops)
	}
	for _, t := range some {
		if i, found := slices.BinarySearch(tags, t); found {
			n = max(n, stampIn(&ops[i]))
		}
	}
	return n
}

// mend makes valid what was stored under key and is not, because a tag had no
// stamp yet, or because e's stamp was older than was thought. If somebody else
// has replaced it meanwhile, it was there before that.
func (s *Store) mend(c *call, key driver.Key, e *driver.Entry) error {
	buf := s.buffer()
	defer s.free(buf)
	for attempt := 0; ; attempt++ {
		if err := c.again(attempt); err != nil {
			return err
		}
		v, err := s.view(c, []driver.Key{key}, e.Tags)
		if err != nil {
			return err
		}
		f := &v.found[0]
		if f.err != nil || envelope.Token(f.blob) != e.Token {
			return f.err
		}
		stamp, err := s.ensure(c, v.record, e.Tags, v.tags)
		if err != nil {
			return err
		}
		stamp = max(stamp, v.all)
		clock := stampOf(v.record.word)
		if e.Stamp.Epoch == clock.Epoch && stamp <= e.Stamp.N {
			return nil
		}
		if stamp == absentStamp {
			continue // the epoch has ended
		}
		if stamp > clock.N {
			// Somebody invalidates it just now.
			if err := s.catchUp(c, v.record, stamp); err != nil {
				return err
			}
			continue
		}
		e.Stamp = clock
		*buf = (*buf)[:0]
		again, err := s.storing(f.server, f.name, key, e, buf)
		if err != nil {
			return err
		}
		again.when, again.cas = exact, f.cas
		ops := []op{again}
		c.do(ops)
		if ops[0].err != nil {
			return ops[0].err
		}
	}
}

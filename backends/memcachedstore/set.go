package memcachedstore

import (
	"errors"
	"slices"

	"github.com/stratacache/strata/cache/driver"
	"github.com/stratacache/strata/cache/driver/envelope"
)

// set stores e with the number that the clock is about to have. Until the clock
// has it, readers do not see e: the advance makes it seen. If somebody else takes
// that number first, e is seen from then on, and the clock that set returns is
// a later one: e's stamp is older than that, and valid.
func (s *Store) set(c *call, key driver.Key, e *driver.Entry) (driver.Result, error) {
	buf := s.buffer()
	defer s.free(buf)
	for attempt := 0; ; attempt++ {
		if err := c.again(attempt); err != nil {
			return driver.Result{}, err
		}
		r, err := s.known(c)
		if err != nil {
			return driver.Result{}, err
		}
		*buf = (*buf)[:0]
		name := s.names.key(key)
		server, err := s.pick.pick(name)
		if err != nil {
			return driver.Result{}, err
		}
		e.Token, e.Stamp = newToken(), stampOf(r.word+1)
		store, err := s.storing(server, name, key, e, buf)
		if errors.Is(err, driver.ErrTooLarge) {
			return driver.Result{}, s.tooLarge(c, key)
		}
		if err != nil {
			return driver.Result{}, err
		}
		result, ok, err := s.commit(c, r, append(make([]op, 0, 3+len(e.Tags)), store), []driver.Key{key}, []*driver.Entry{e})
		if err != nil {
			return driver.Result{}, err
		}
		if ok {
			return result[0].Result, result[0].Err
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

// commit stores entries (or removes what stands, if they have ended) and then
// advances the clock by their number, in one round trip if they are all on the
// clock's server. ok is false if the epoch ended meanwhile: nothing that was
// stored is valid then.
func (s *Store) commit(c *call, r *record, stores []op, keys []driver.Key, entries []*driver.Entry) (out []driver.ItemResult, ok bool, err error) {
	together := true
	for i := range stores {
		together = together && stores[i].server == r.server
		stores[i].quiet = stores[i].verb == set && len(stores) > 1
	}
	n := len(stores)
	ops := stores
	if !together {
		c.do(stores)
		ops, n = nil, 0
	}
	ops = append(ops, s.advancing(r.server, len(stores)), op{server: r.server, verb: get, name: r.allName, number: true})
	tags := tagsOf(entries)
	if ops, err = s.tagOps(ops, r, tags); err != nil {
		return nil, false, err
	}
	c.do(ops)
	if together {
		stores = ops[:n]
	}
	clock, all, tagOps := &ops[n], &ops[n+1], ops[n+2:]
	out = make([]driver.ItemResult, len(stores))
	if clock.err != nil { // what was stored may be seen or not
		for i := range out {
			out[i].Err = clock.err
		}
		return out, true, nil
	}
	if clock.status == missing {
		_, err := s.now(c)
		return nil, false, err
	}
	now, err := s.saw(clock.num, 0)
	if err != nil || now.epoch != r.epoch {
		return nil, false, err
	}
	stamp := stampIn(all)
	if firstErr(tagOps) != nil || all.err != nil {
		stamp = absentStamp
	}
	for i := range stores {
		o := &stores[i]
		out[i] = driver.ItemResult{Result: driver.Result{Done: true, Clock: stampOf(now.word)}, Err: o.err}
		switch {
		case o.err != nil:
		case o.status == tooLarge:
			out[i] = driver.ItemResult{Err: s.tooLarge(c, keys[i])}
		case o.verb == remove:
		case max(stamp, greatestOf(tagOps, tags, entries[i].Tags)) > entries[i].Stamp.N:
			out[i].Err = s.mend(c, keys[i], entries[i])
		}
		if out[i].Err != nil {
			out[i].Result = driver.Result{}
		}
	}
	return out, true, nil
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

// tagsOf are the tags of all entries, each once, sorted.
func tagsOf(entries []*driver.Entry) []string {
	var tags []string
	for _, e := range entries {
		tags = append(tags, e.Tags...)
	}
	slices.Sort(tags)
	return slices.Compact(tags)
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

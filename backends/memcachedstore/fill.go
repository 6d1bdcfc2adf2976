package memcachedstore

import (
	"errors"

	"github.com/stratacache/strata/cache/driver"
	"github.com/stratacache/strata/cache/driver/envelope"
)

// fill stores e if exactly its token stands, nothing of it was invalidated, and
// its epoch is the current one.
//
// The token of a placeholder is its cas, so that the server compares it, in the
// same round trip in which the clock and the stamps are read: what they say is
// thus said of an instant after the call began. Before that they are read once
// more where they may refuse e, because then what stands is to stay. They may not
// as far as is known if e has no tags; if they do after all, the placeholder is
// gone, and no reader will ever see what has taken its place.
func (s *Store) fill(c *call, key driver.Key, e *driver.Entry, token driver.Token) (driver.Result, error) {
	if !envelope.Fits(e) {
		return driver.Result{}, driver.ErrTooLarge
	}
	r, err := s.known(c)
	if err != nil {
		return driver.Result{}, err
	}
	id, ok := casOf(token)
	if !ok || len(e.Tags) > 0 || r.word>>nBits != e.Stamp.Epoch || r.all > e.Stamp.N {
		now, f, err := s.mayFill(c, key, e, token)
		if err != nil || f == nil {
			return driver.Result{Clock: stampOf(now.orZero())}, err
		}
		if r = now; !ok {
			id = f.cas
		}
	}
	return s.fillNow(c, r, key, e, id)
}

// mayFill looks whether fill would be refused: then found is nil.
func (s *Store) mayFill(c *call, key driver.Key, e *driver.Entry, token driver.Token) (*record, *found, error) {
	v, f, err := s.stands(c, key, e.Tags, 0)
	if err != nil {
		return nil, nil, err
	}
	if token == 0 || f.token != token || stampOf(v.record.word).Epoch != e.Stamp.Epoch || v.all > e.Stamp.N {
		return v.record, nil, nil
	}
	stamp, err := s.ensure(c, v.record, e.Tags, v.tags)
	if err != nil {
		return nil, nil, err
	}
	if stamp == absentStamp {
		return v.record, nil, nil
	}
	if stamp > e.Stamp.N {
		// If an invalidation was broken off, no load would ever be stored until the
		// clock gets there.
		return v.record, nil, s.catchUp(c, v.record, stamp)
	}
	return v.record, f, nil
}

func (s *Store) fillNow(c *call, r *record, key driver.Key, e *driver.Entry, id cas) (driver.Result, error) {
	name := s.names.key(key)
	server, err := s.pick.pick(name)
	if err != nil {
		return driver.Result{}, err
	}
	buf := s.buffer()
	defer s.free(buf)
	e.Token = newToken()
	store, err := s.storing(server, name, key, e, buf)
	if err != nil {
		return driver.Result{}, err
	}
	store.when, store.cas = exact, id
	ops := make([]op, 3, 3+len(e.Tags))
	ops[0] = store
	metaOps(ops[1:], r)
	if ops, err = s.tagOps(ops, r, e.Tags); err != nil {
		return driver.Result{}, err
	}
	c.do(ops)
	if err := firstErr(ops); err != nil {
		return driver.Result{}, err
	}
	if ops[0].status == tooLarge {
		return driver.Result{}, driver.ErrTooLarge
	}
	now, all, err := s.meta(c, r, ops[1:3])
	if err == nil && now == nil { // the epoch or the stamp of TagAll was lost: e is not valid
		now, err = s.now(c)
		all = absentStamp
	}
	if err != nil {
		return driver.Result{}, err
	}
	valid := max(all, greatest(ops[3:])) <= e.Stamp.N
	return driver.Result{Done: valid && ops[0].status == done, Clock: stampOf(now.word)}, nil
}

// orZero is the clock, or 0 of no record.
func (r *record) orZero() uint64 {
	if r == nil {
		return 0
	}
	return r.word
}

// setFenced is fill, but removes what stands if it is refused, and advances.
func (s *Store) setFenced(c *call, key driver.Key, e *driver.Entry, token driver.Token) (driver.Result, error) {
	r, err := s.fill(c, key, e, token)
	if errors.Is(err, driver.ErrTooLarge) {
		return driver.Result{}, s.tooLarge(c, key)
	}
	if err != nil {
		return driver.Result{}, err
	}
	if !r.Done {
		inv, err := s.invalidate(c, driver.Invalidation{Keys: []driver.Key{key}})
		return driver.Result{Clock: inv.Clock}, err
	}
	now, err := s.advance(c)
	if err != nil {
		return driver.Result{}, err
	}
	clock := stampOf(now.word)
	return driver.Result{Done: clock.Epoch == e.Stamp.Epoch, Clock: clock}, nil
}

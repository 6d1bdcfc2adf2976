package memcachedstore

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/stratacache/strata/cache/driver"
	"github.com/stratacache/strata/cache/driver/envelope"
)

// Put implements driver.Store.
func (s *Store) Put(ctx context.Context, key driver.Key, e *driver.Entry, mode driver.Mode, token driver.Token) (driver.Result, error) {
	c, err := s.begin(ctx)
	if err != nil {
		return driver.Result{}, err
	}
	return s.put(&c, key, e, mode, token)
}

func (s *Store) put(c *call, key driver.Key, e *driver.Entry, mode driver.Mode, token driver.Token) (driver.Result, error) {
	if e.Kind > driver.Coded {
		return driver.Result{}, fmt.Errorf("memcachedstore: put: kind %d: %w", e.Kind, errors.ErrUnsupported)
	}
	switch mode {
	case driver.Set:
		return s.set(c, key, e)
	case driver.Add:
		return s.add(c, key, e)
	case driver.Fill:
		return s.fill(c, key, e, token)
	case driver.SetFenced:
		return s.setFenced(c, key, e, token)
	}
	return driver.Result{}, fmt.Errorf("memcachedstore: put: mode %d: %w", mode, errors.ErrUnsupported)
}

// newToken is a token of an entry: never 0, and never a placeholder's.
func newToken() driver.Token {
	for {
		if t := driver.Token(rand.Uint64() &^ tokenBit); t != 0 {
			return t
		}
	}
}

// storing is the op that stores e under name, or removes what stands there if e
// has ended. The value is appended to buf.
func (s *Store) storing(server *server, name string, key driver.Key, e *driver.Entry, buf *[]byte) (op, error) {
	if !envelope.Fits(e) {
		return op{}, driver.ErrTooLarge
	}
	at, ended := expiryOf(e.Life, time.Now())
	if ended {
		return op{server: server, verb: remove, name: name}, nil
	}
	from := len(*buf)
	*buf = envelope.Encode(slices.Grow(*buf, envelope.Len(e)), key, e)
	return op{server: server, verb: set, name: name, value: (*buf)[from:len(*buf):len(*buf)], expiry: at}, nil
}

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

// add stores e if no live entry stands.
func (s *Store) add(c *call, key driver.Key, e *driver.Entry) (driver.Result, error) {
	if !envelope.Fits(e) {
		return driver.Result{}, driver.ErrTooLarge
	}
	buf := s.buffer()
	defer s.free(buf)
	for attempt := 0; ; attempt++ {
		v, f, err := s.stands(c, key, nil, attempt)
		if err != nil {
			return driver.Result{}, err
		}
		if f.live() || f.newer() {
			return driver.Result{Clock: stampOf(v.record.word)}, nil
		}
		result, ok, err := s.addOver(c, v, f, key, e, buf)
		if ok || err != nil {
			return result, err
		}
	}
}

// addOver stores e in place of f, which is not live. ok is false if something
// else stands by now, or the epoch has ended.
func (s *Store) addOver(c *call, v *view, f *found, key driver.Key, e *driver.Entry, buf *[]byte) (r driver.Result, ok bool, err error) {
	*buf = (*buf)[:0]
	e.Token, e.Stamp = newToken(), stampOf(v.record.word+1)
	o, err := s.storing(f.server, f.name, key, e, buf)
	if err != nil {
		return driver.Result{}, false, err
	}
	ops := []op{o}
	if ops[0].when = absent; f.item {
		ops[0].when, ops[0].cas = exact, f.cas
	}
	switch {
	case o.verb == set:
		c.doOnce(ops)
	case f.item:
		c.do(ops)
	default: // it has ended, and nothing stands: nothing is to be done
	}
	switch {
	case ops[0].err != nil:
		return driver.Result{}, false, ops[0].err
	case ops[0].status == tooLarge:
		return driver.Result{}, false, driver.ErrTooLarge
	case ops[0].status != done:
		return driver.Result{}, false, nil
	}
	now, err := s.advance(c)
	if err != nil {
		return driver.Result{}, false, err
	}
	r = driver.Result{Done: true, Clock: stampOf(now.word)}
	if o.verb == remove {
		return r, true, nil
	}
	if now.epoch == v.record.epoch && len(e.Tags) == 0 && v.all <= e.Stamp.N {
		return r, true, nil
	}
	return r, true, s.mend(c, key, e)
}

// stands is what stands under one key, its own tags considered. The stamps of
// tags are read with it.
func (s *Store) stands(c *call, key driver.Key, tags []string, attempt int) (*view, *found, error) {
	for ; ; attempt++ {
		if err := c.again(attempt); err != nil {
			return nil, nil, err
		}
		if attempt > 3 {
			// Others are at it too: they all would be in each other's way.
			wait := time.NewTimer(rand.N(time.Duration(min(attempt, 50)) * 50 * time.Microsecond))
			select {
			case <-wait.C:
			case <-c.ctx.Done():
			}
		}
		v, err := s.view(c, []driver.Key{key}, tags)
		if err == nil {
			err = s.settle(c, v, attempt)
		}
		if err != nil {
			return nil, nil, err
		}
		f := &v.found[0]
		if f.err != nil {
			return nil, nil, f.err
		}
		if !f.changed {
			return v, f, nil
		}
	}
}

// Touch implements driver.Store. The entry's bytes are replaced, and its token
// stays.
func (s *Store) Touch(ctx context.Context, key driver.Key, life driver.Life) (driver.Result, error) {
	c, err := s.begin(ctx)
	if err != nil {
		return driver.Result{}, err
	}
	for attempt := 0; ; attempt++ {
		v, f, err := s.stands(&c, key, nil, attempt)
		if err != nil {
			return driver.Result{}, err
		}
		if !f.live() {
			return driver.Result{Clock: stampOf(v.record.word)}, nil
		}
		ops := []op{{server: f.server, verb: remove, name: f.name, when: exact, cas: f.cas}}
		if at, ended := expiryOf(life, time.Now()); !ended {
			envelope.AppendLife(f.blob[:envelope.LifeAt], life)
			ops[0].verb, ops[0].value, ops[0].expiry = set, f.blob, at
		}
		c.doOnce(ops)
		if err := ops[0].err; err != nil {
			return driver.Result{}, err
		}
		if ops[0].status != done {
			continue
		}
		now, err := s.advance(&c)
		if err != nil {
			return driver.Result{}, err
		}
		return driver.Result{Done: true, Clock: stampOf(now.word)}, nil
	}
}

// buffer returns an empty buffer for envelopes, which are sent by the time it is
// freed.
func (s *Store) buffer() *[]byte {
	if b, ok := s.buffers.Get().(*[]byte); ok {
		return b
	}
	return new([]byte)
}

// maxBuffer is the largest that is kept.
const maxBuffer = 1 << 20

func (s *Store) free(b *[]byte) {
	if cap(*b) <= maxBuffer {
		*b = (*b)[:0]
		s.buffers.Put(b)
	}
}

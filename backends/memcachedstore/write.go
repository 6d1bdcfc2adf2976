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

// Put implements driver.Store. Where several small Sets are on their way to a server,
// further ones go together.
func (s *Store) Put(ctx context.Context, key driver.Key, e *driver.Entry, mode driver.Mode, token driver.Token) (driver.Result, error) {
	c, err := s.begin(ctx)
	if err != nil {
		return driver.Result{}, err
	}
	return s.put(&c, key, e, mode, token, true)
}

func (s *Store) put(c *call, key driver.Key, e *driver.Entry, mode driver.Mode, token driver.Token, gather bool) (driver.Result, error) {
	if e.Kind > driver.Coded {
		return driver.Result{}, fmt.Errorf("memcachedstore: put: kind %d: %w", e.Kind, errors.ErrUnsupported)
	}
	switch mode {
	case driver.Set:
		return s.set(c, key, e, gather)
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

// opsFor returns so many ops, to be freed when nothing of them is used any more.
func (s *Store) opsFor(n int) *[]op {
	ops, ok := s.ops.Get().(*[]op)
	if !ok {
		ops = new([]op)
	}
	*ops = slices.Grow((*ops)[:0], n)[:n]
	return ops
}

func (s *Store) freeOps(ops *[]op) {
	clear(*ops)
	if cap(*ops) <= 4*togetherMost {
		s.ops.Put(ops)
	}
}

// maxBuffer is the largest that is kept.
const maxBuffer = 1 << 20

func (s *Store) free(b *[]byte) {
	if cap(*b) <= maxBuffer {
		*b = (*b)[:0]
		s.buffers.Put(b)
	}
}

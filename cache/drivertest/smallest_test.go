package drivertest_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stratacache/strata/cache/driver"
	"github.com/stratacache/strata/cache/drivertest"
)

// smallest is the smallest backend that keeps every rule: maps and one mutex.
// It never forgets what has ended, so it is of use only where a test is.
type smallest struct {
	mu     sync.Mutex
	closed bool
	clock  driver.Stamp        // the meta record: epoch, counter,
	tags   map[string]uint64   // and the stamps of invalidated tags
	slots  map[driver.Key]slot // what stands under each key
}

// slot is an entry, or a placeholder: a token without one.
type slot struct {
	token driver.Token
	until int64
	entry *driver.Entry
}

func newSmallest() *smallest {
	s := &smallest{slots: make(map[driver.Key]slot)}
	s.loseMeta()
	return s
}

// loseMeta begins a new epoch: all entries and fences of the old are void.
func (s *smallest) loseMeta() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.clock, s.tags = driver.Stamp{Epoch: rand.Uint64() | 1}, make(map[string]uint64)
}

// enter begins a step.
func (s *smallest) enter(ctx context.Context) error {
	s.mu.Lock()
	switch {
	case s.closed:
		s.mu.Unlock()
		return driver.ErrClosed
	case ctx.Err() != nil:
		s.mu.Unlock()
		return context.Cause(ctx)
	}
	return nil
}

// standing is what stands under key now; the zero slot if nothing does.
func (s *smallest) standing(key driver.Key) slot {
	at := s.slots[key]
	if (driver.Life{Expires: at.until}).Ended(time.Now()) {
		return slot{}
	}
	return at
}

// valid: of this epoch, and no tag invalidated since. Equal is valid.
func (s *smallest) valid(e *driver.Entry) bool { return s.judge(e) == driver.Valid }

func (s *smallest) judge(e *driver.Entry) driver.Verdict {
	if e.Stamp.Epoch != s.clock.Epoch || s.tags[driver.TagAll] > e.Stamp.N {
		return driver.Invalid
	}
	verdict, twins := driver.Valid, len(e.Tags) > 0 && strings.HasPrefix(e.Tags[0], driver.Twin(""))
	for _, t := range e.Tags {
		if s.tags[t] > e.Stamp.N {
			if !twins || t[0] == driver.TagAll[0] {
				return driver.Invalid
			}
			verdict = driver.Expired
		}
	}
	return verdict
}

// live is the valid entry under key that is a value, or nil.
func (s *smallest) live(key driver.Key) *driver.Entry {
	e := s.standing(key).entry
	if e == nil || e.Kind == driver.Negative || !s.valid(e) {
		return nil
	}
	return e
}

// store puts e under key, with a token of its own.
func (s *smallest) store(key driver.Key, e *driver.Entry) {
	e.Token = newToken()
	s.slots[key] = slot{token: e.Token, until: e.Life.Expires, entry: e}
}

func newToken() driver.Token { return driver.Token(rand.Uint64() | 1) }

func (s *smallest) Get(ctx context.Context, key driver.Key, hold time.Duration) (driver.Reading, error) {
	if err := s.enter(ctx); err != nil {
		return driver.Reading{}, err
	}
	defer s.mu.Unlock()
	at, r := s.standing(key), driver.Reading{}
	verdict := driver.Invalid
	if at.entry != nil {
		verdict = s.judge(at.entry)
	}
	switch until := time.Now().Add(hold).UnixNano(); {
	case verdict != driver.Invalid:
		r.Entry, r.Expired = at.entry, verdict == driver.Expired
	case hold > 0 && (at.token == 0 || at.entry != nil):
		r.Planted = true
		at = slot{token: newToken(), until: until}
		s.slots[key] = at
	case hold > 0 && at.until < until:
		at.until = until
		s.slots[key] = at
	}
	r.Fence = driver.Fence{Token: at.token, Stamp: s.clock}
	return r, nil
}

func (s *smallest) Put(ctx context.Context, key driver.Key, e *driver.Entry, mode driver.Mode, token driver.Token) (driver.Result, error) {
	if err := s.enter(ctx); err != nil {
		return driver.Result{}, err
	}
	defer s.mu.Unlock()
	done := true
	switch mode {
	case driver.Set:
	case driver.Add:
		done = s.live(key) == nil
	case driver.Fill, driver.SetFenced:
		done = token != 0 && s.standing(key).token == token && s.valid(e)
	default:
		return driver.Result{}, errors.ErrUnsupported
	}
	if mode == driver.SetFenced && !done {
		delete(s.slots, key)
	}
	if mode == driver.SetFenced || mode != driver.Fill && done {
		s.clock.N++
	}
	if mode == driver.Set || mode == driver.Add {
		e.Stamp = s.clock
	}
	if done {
		s.store(key, e)
	}
	return driver.Result{Done: done, Clock: s.clock}, nil
}

func (s *smallest) Touch(ctx context.Context, key driver.Key, life driver.Life) (driver.Result, error) {
	if err := s.enter(ctx); err != nil {
		return driver.Result{}, err
	}
	defer s.mu.Unlock()
	e := s.live(key)
	if e != nil {
		s.clock.N++
		e = e.Clone() // readers may have the old one
		e.Life = life
		s.slots[key] = slot{token: e.Token, until: life.Expires, entry: e}
	}
	return driver.Result{Done: e != nil, Clock: s.clock}, nil
}

func (s *smallest) Incr(ctx context.Context, key driver.Key, delta int64, initial *driver.Entry) (driver.Sum, error) {
	if err := s.enter(ctx); err != nil {
		return driver.Sum{}, err
	}
	defer s.mu.Unlock()
	e := s.live(key)
	created := e == nil && initial != nil
	switch {
	case created:
		e, delta = initial, 0
	case e == nil:
		return driver.Sum{}, driver.ErrMiss
	case e.Kind != driver.Integer:
		return driver.Sum{}, driver.ErrNotInteger
	}
	n, err := strconv.ParseInt(string(e.Payload), 10, 64)
	sum := n + delta
	switch {
	case err != nil:
		return driver.Sum{}, driver.ErrNotInteger
	case (sum < n) != (delta < 0):
		return driver.Sum{}, driver.ErrOverflow
	}
	e = e.Clone() // readers may have the old one
	if created {
		s.clock.N++
		e.Stamp = s.clock
	}
	e.Payload = strconv.AppendInt(nil, sum, 10)
	s.store(key, e)
	return driver.Sum{Value: sum, Created: created, Clock: s.clock}, nil
}

func (s *smallest) Invalidate(ctx context.Context, what driver.Invalidation) (driver.Invalidated, error) {
	if err := s.enter(ctx); err != nil {
		return driver.Invalidated{}, err
	}
	defer s.mu.Unlock()
	removed := 0
	for _, k := range what.Keys {
		if s.live(k) != nil {
			removed++
		}
		delete(s.slots, k)
	}
	s.clock.N++
	for _, t := range what.Tags {
		s.tags[t] = s.clock.N
	}
	return driver.Invalidated{Removed: removed, Clock: s.clock}, nil
}

func (s *smallest) Ping(ctx context.Context) error {
	err := s.enter(ctx)
	if err == nil {
		s.mu.Unlock()
	}
	return err
}

func (s *smallest) Close(context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	return nil
}

func TestSmallest(t *testing.T) {
	t.Parallel()
	drivertest.Run(t, drivertest.Harness{
		Open:     func(testing.TB) driver.Store { return newSmallest() },
		LoseMeta: func(_ testing.TB, s driver.Store) { s.(*smallest).loseMeta() },
		Bubble:   true,
	})
}

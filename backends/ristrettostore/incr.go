package ristrettostore

import (
	"context"
	"strconv"

	"github.com/stratacache/strata/cache/driver"
)

// Incr implements driver.Store. A counter that ristretto has thrown out is
// absent.
func (s *Store) Incr(ctx context.Context, key driver.Key, delta int64, initial *driver.Entry) (driver.Sum, error) {
	p, err := s.begin(ctx, key)
	if err != nil {
		return driver.Sum{}, err
	}
	defer p.end()
	old := p.live()
	if old == nil {
		return p.first(initial)
	}
	n, err := integer(old)
	if err != nil {
		return driver.Sum{Clock: p.m.stamp()}, err
	}
	sum := n + delta
	if delta != 0 && (sum > n) != (delta > 0) {
		return driver.Sum{Clock: p.m.stamp()}, driver.ErrOverflow
	}
	e := old.Clone()
	e.Payload = strconv.AppendInt(nil, sum, 10)
	if p.tooLarge(e) {
		return driver.Sum{Clock: p.m.stamp()}, driver.ErrTooLarge
	}
	e.Token = driver.Token(random())
	p.store(e)
	return driver.Sum{Value: sum, Clock: p.m.stamp()}, nil
}

// first stores the first value of a counter.
func (p *step) first(initial *driver.Entry) (driver.Sum, error) {
	if initial == nil {
		return driver.Sum{Clock: p.m.stamp()}, driver.ErrMiss
	}
	n, err := integer(initial)
	if err != nil {
		return driver.Sum{Clock: p.m.stamp()}, err
	}
	if p.tooLarge(initial) {
		return driver.Sum{Clock: p.m.stamp()}, driver.ErrTooLarge
	}
	initial.Stamp = p.m.advance()
	initial.Token = driver.Token(random())
	p.store(initial)
	return driver.Sum{Value: n, Created: true, Clock: initial.Stamp}, nil
}

// integer is the value of an Integer entry, which is a canonical decimal.
func integer(e *driver.Entry) (int64, error) {
	if e.Kind != driver.Integer {
		return 0, driver.ErrNotInteger
	}
	n, err := strconv.ParseInt(string(e.Payload), 10, 64)
	if err != nil || strconv.FormatInt(n, 10) != string(e.Payload) {
		return 0, driver.ErrNotInteger
	}
	return n, nil
}

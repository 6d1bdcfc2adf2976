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
	n, err := old.Integer()
	if err != nil {
		return driver.Sum{Clock: p.m.Stamp()}, err
	}
	sum := n + delta
	if delta != 0 && (sum > n) != (delta > 0) {
		return driver.Sum{Clock: p.m.Stamp()}, driver.ErrOverflow
	}
	e := old.Clone()
	e.Payload = strconv.AppendInt(nil, sum, 10)
	if p.tooLarge(e) {
		return driver.Sum{Clock: p.m.Stamp()}, driver.ErrTooLarge
	}
	e.Token = driver.NewToken()
	p.store(e)
	return driver.Sum{Value: sum, Clock: p.m.Stamp()}, nil
}

// first stores the first value of a counter.
func (p *step) first(initial *driver.Entry) (driver.Sum, error) {
	if initial == nil {
		return driver.Sum{Clock: p.m.Stamp()}, driver.ErrMiss
	}
	n, err := initial.Integer()
	if err != nil {
		return driver.Sum{Clock: p.m.Stamp()}, err
	}
	if p.tooLarge(initial) {
		return driver.Sum{Clock: p.m.Stamp()}, driver.ErrTooLarge
	}
	initial.Stamp = p.m.Advance(p.key)
	initial.Token = driver.NewToken()
	p.store(initial)
	return driver.Sum{Value: n, Created: true, Clock: initial.Stamp}, nil
}

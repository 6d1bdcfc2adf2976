package locmem

import (
	"context"
	"strconv"

	"github.com/stratacache/strata/cache/driver"
	"github.com/stratacache/strata/cache/driver/metarecord"
)

// Incr implements driver.Store. It counts as use.
func (s *Store) Incr(ctx context.Context, key driver.Key, delta int64, initial *driver.Entry) (driver.Sum, error) {
	if err := s.ready(ctx); err != nil {
		return driver.Sum{}, err
	}
	now := s.clock.sync()
	sh := s.shard(key)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	m := s.meta.Load()

	old := sh.live(key, now, m)
	if old == nil {
		return s.begin(sh, key, initial, now, m)
	}
	n, err := old.Integer()
	if err != nil {
		return driver.Sum{Clock: m.Stamp()}, err
	}
	sum := n + delta
	if delta != 0 && (sum > n) != (delta > 0) {
		return driver.Sum{Clock: m.Stamp()}, driver.ErrOverflow
	}
	e := old.Clone()
	e.Payload = strconv.AppendInt(nil, sum, 10)
	if s.tooLarge(key, e) {
		return driver.Sum{Clock: m.Stamp()}, driver.ErrTooLarge
	}
	e.Token = driver.NewToken()
	s.store(sh, key, e, now, true, nil)
	return driver.Sum{Value: sum, Clock: m.Stamp()}, nil
}

// begin stores the first value of a counter.
func (s *Store) begin(sh *shard, key driver.Key, initial *driver.Entry, now int64, m *metarecord.Record) (driver.Sum, error) {
	if initial == nil {
		return driver.Sum{Clock: m.Stamp()}, driver.ErrMiss
	}
	n, err := initial.Integer()
	if err != nil {
		return driver.Sum{Clock: m.Stamp()}, err
	}
	if s.tooLarge(key, initial) {
		return driver.Sum{Clock: m.Stamp()}, driver.ErrTooLarge
	}
	busy := s.busy.of(key)
	busy.Add(1)
	defer busy.Add(-1)
	initial.Stamp = m.Advance(key)
	initial.Token = driver.NewToken()
	s.store(sh, key, initial, now, true, nil)
	return driver.Sum{Value: n, Created: true, Clock: initial.Stamp}, nil
}

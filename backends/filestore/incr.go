package filestore

import (
	"context"
	"strconv"
	"time"

	"github.com/stratacache/strata/cache/driver"
	"github.com/stratacache/strata/cache/driver/envelope"
)

func fileSize(e *driver.Entry) int64 { return int64(envelope.Len(e)) }

// Incr implements driver.Store.
func (s *Store) Incr(ctx context.Context, key driver.Key, delta int64, initial *driver.Entry) (driver.Sum, error) {
	if err := s.begin(ctx); err != nil {
		return driver.Sum{}, err
	}
	sum, err := s.incr(ctx, key, delta, initial)
	if sum.Created {
		s.makeRoom(ctx)
	}
	return sum, s.wrap("incr", err)
}

func (s *Store) incr(ctx context.Context, key driver.Key, delta int64, initial *driver.Entry) (driver.Sum, error) {
	l, err := s.meta.lock(ctx)
	if err != nil {
		return driver.Sum{}, err
	}
	defer l.unlock()
	at := s.place(key)
	is, err := l.look(at, key)
	if err != nil {
		return driver.Sum{}, err
	}
	e := is.live(&l.view)
	created := e == nil
	switch {
	case created && initial == nil:
		return driver.Sum{Clock: l.stamp()}, driver.ErrMiss
	case created:
		e, delta = initial, 0
	}
	n, err := e.Integer()
	if err != nil {
		return driver.Sum{Clock: l.stamp()}, err
	}
	value := n + delta
	if delta != 0 && (value > n) != (delta > 0) {
		return driver.Sum{Clock: l.stamp()}, driver.ErrOverflow
	}
	e.Payload = strconv.AppendInt(nil, value, 10)
	e.Token = driver.NewToken()
	if created {
		e.Stamp, err = l.intend()
	}
	switch {
	case err != nil:
	case !s.opts.fits(e):
		err = driver.ErrTooLarge
	case e.Life.Ended(time.Now()):
		err = s.clear(l, at, &is)
	default:
		err = s.replace(l, at, key, e, &is)
	}
	if err == nil && created {
		err = l.advance(nil)
	}
	if err != nil {
		return driver.Sum{Clock: l.stamp()}, err
	}
	return driver.Sum{Value: value, Created: created, Clock: l.stamp()}, nil
}

package compress

import (
	"context"
	"errors"

	"github.com/stratacache/strata/cache/driver"
	"github.com/stratacache/strata/cache/driver/coded"
)

type base = coded.Store

// A Store is a driver.Store that compresses what goes into another. Make one
// with [New].
type Store struct {
	*base
	codec *codec
}

var (
	_ driver.Store        = (*Store)(nil)
	_ driver.ManyGetter   = (*Store)(nil)
	_ driver.ManyPutter   = (*Store)(nil)
	_ driver.ClockCounter = (*Store)(nil)
	_ driver.Mover        = (*Store)(nil)
)

// New wraps store; opts may be nil. The store is closed with the wrapper.
func New(store driver.Store, opts *Options) (*Store, error) {
	if store == nil {
		return nil, errors.New("compress: the store is nil")
	}
	o, err := opts.withDefaults()
	if err != nil {
		return nil, err
	}
	c := &codec{coder: newCoder(o), threshold: o.Threshold}
	return &Store{base: coded.New(store, c), codec: c}, nil
}

// Move implements driver.Mover, by what the store can do.
func (s *Store) Move(ctx context.Context, from, to driver.Key) (driver.Result, error) {
	return driver.Move(ctx, s.Logged(), from, to)
}

// codec implements coded.Codec.
type codec struct {
	coder     *coder
	threshold int64
	always    bool // for tests: whether it saves anything or not
}

// Encode compresses a payload, if that is worth it.
func (c *codec) Encode(_ driver.Key, e *driver.Entry) *driver.Entry {
	if e.Kind != driver.Bytes || int64(len(e.Payload)) < c.threshold {
		return e
	}
	// Inflating costs each reader something: it has to be worth it.
	most := len(e.Payload) - len(e.Payload)/8
	if c.always {
		most = 2*len(e.Payload) + 100
	}
	p := c.coder.compress(e.Payload, most)
	if p == nil {
		return e
	}
	out := e.Clone()
	out.Kind, out.Payload = driver.Coded, p
	return out
}

// Decode inflates what Encode has compressed.
func (c *codec) Decode(_ driver.Key, e *driver.Entry) (*driver.Entry, error) {
	if e.Kind != driver.Coded || len(e.Payload) == 0 || driver.Coding(e.Payload[0]) != driver.Compressed {
		return e, nil
	}
	p, err := c.coder.inflate(e.Payload)
	if err != nil {
		return nil, err
	}
	out := e.Clone()
	out.Kind, out.Payload = driver.Bytes, p
	return out, nil
}

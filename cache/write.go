package cache

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"time"

	"github.com/stratacache/strata/cache/driver"
)

// item is an encoded value on its way into a store.
type item struct {
	payload []byte
	kind    driver.Kind
	schema  uint64
	decoded any // to be kept by memory tiers, or nil
}

func (it item) entry(c *call, l driver.Life) *driver.Entry {
	e := &driver.Entry{Life: l, Kind: it.kind, Schema: it.schema, Tags: c.tags, Payload: it.payload}
	if l.Fresh < l.Expires {
		e.Tags = withTwins(c.tags)
	}
	if it.decoded != nil {
		e.Keep(it.decoded)
	}
	return e
}

// write brackets an operation on one key: closed, key, options, and afterwards
// counters and hook.
func (v *view) write(ctx context.Context, op, name string, size int, takes optionKind, opts []Option, do func(driver.Key, *call) (bool, error)) (bool, error) {
	e := v.engine
	if err := e.open(); err != nil {
		return false, err
	}
	done, err := func() (bool, error) {
		key, err := v.key(name)
		if err != nil {
			return false, err
		}
		c, err := v.resolve(op, takes, opts)
		if err != nil {
			return false, err
		}
		if op != "set" && op != "fill" { // what these do does not depend on what stands there
			if err := e.settle(ctx, key); err != nil {
				return false, err
			}
		}
		return do(key, &c)
	}()
	err = wrap(op, name, err)
	if done {
		e.count.writes.Add(1)
	}
	if e.opts.Hooks.Write != nil {
		e.opts.Hooks.Write(ctx, WriteInfo{Prefix: v.path, Key: name, Op: op, Done: done, Bytes: size, Err: err})
	}
	return done, err
}

// put gives an entry to the authoritative store and takes in its clock, so that
// what the near tiers hold is asked for again.
func (e *engine) put(ctx context.Context, key driver.Key, entry *driver.Entry, mode driver.Mode, token driver.Token) (bool, error) {
	sent, mark := time.Now(), e.recovery.mark()
	r, err := e.store.Put(ctx, key, entry, mode, token)
	if mode == driver.SetFenced && undelivered(err) {
		e.owe(ctx, []driver.Key{key}, nil)
	}
	e.wrote(sent, r.Clock, err, nil, key)
	if mark > 0 && err == nil && (r.Done || mode == driver.SetFenced) {
		e.paid(ctx, mark, []driver.Key{key}, nil)
	}
	return r.Done, err
}

// wrote takes in the outcome of a step that advances the clock and changes tags
// and keys.
func (e *engine) wrote(sent time.Time, clock driver.Stamp, err error, tags []string, keys ...driver.Key) {
	defer e.writes.Add(1) // after the near tiers know: what is read until then is not kept
	if len(e.near) == 0 {
		return
	}
	if err != nil {
		e.node.doubt()
		return
	}
	c := driver.Change{Tags: tags}
	if e.node.logged {
		for _, k := range keys {
			c.Keys = append(c.Keys, k.String())
		}
	}
	e.node.own(sent, clock, c)
}

// invalidate drops keys, and what has one of tags, which are the driver's.
func (e *engine) invalidate(ctx context.Context, keys []driver.Key, tags []string) (int, error) {
	sent, mark := time.Now(), e.recovery.mark()
	r, err := e.store.Invalidate(ctx, driver.Invalidation{Keys: keys, Tags: tags})
	if undelivered(err) {
		e.owe(ctx, keys, tags)
	}
	e.wrote(sent, r.Clock, err, tags, keys...)
	if err == nil {
		e.paid(ctx, mark, keys, tags)
	}
	return r.Removed, err
}

// tooLarge removes what stands under a key whose new value cannot be stored:
// the old one is known to be outdated.
func (e *engine) tooLarge(ctx context.Context, key driver.Key, size int) error {
	err := fmt.Errorf("%w: %d bytes, over Options.MaxValue (%d)", ErrTooLarge, size, e.opts.MaxValue)
	_, derr := e.invalidate(ctx, []driver.Key{key}, nil)
	return errors.Join(err, derr)
}

func (v *view) set(ctx context.Context, name string, it item, opts []Option) error {
	e := v.engine
	_, err := v.write(ctx, "set", name, len(it.payload), optTTL|optStale|optTags|optFenced, opts, func(key driver.Key, c *call) (bool, error) {
		switch {
		case c.userTags && !c.fenced:
			return false, ErrUnfenced
		case c.fenced && c.fence.owner != e.owner(key):
			return false, fmt.Errorf("%w: the fence is another key's", ErrKey)
		case len(it.payload) > e.opts.MaxValue:
			return false, e.tooLarge(ctx, key, len(it.payload))
		case c.ttl <= 0:
			_, err := e.invalidate(ctx, []driver.Key{key}, nil)
			return err == nil, err
		}
		if AccessOf(ctx) != ReadWrite {
			return false, ErrReadOnly
		}
		entry := it.entry(c, e.life(time.Now(), c.ttl, c.stale))
		if c.fenced {
			entry.Stamp = c.fence.fence.Stamp
			return e.put(ctx, key, entry, driver.SetFenced, c.fence.fence.Token)
		}
		return e.put(ctx, key, entry, driver.Set, 0)
	})
	return err
}

func (v *view) add(ctx context.Context, name string, it item, opts []Option) (bool, error) {
	e := v.engine
	return v.write(ctx, "add", name, len(it.payload), optTTL|optTags, opts, func(key driver.Key, c *call) (bool, error) {
		switch {
		case c.userTags:
			return false, ErrUnfenced
		case len(it.payload) > e.opts.MaxValue:
			return false, fmt.Errorf("%w: %d bytes, over Options.MaxValue (%d)", ErrTooLarge, len(it.payload), e.opts.MaxValue)
		case c.ttl <= 0:
			r, err := e.store.Get(ctx, key, 0)
			return err == nil && !r.Live(), err
		case AccessOf(ctx) != ReadWrite:
			return false, ErrReadOnly
		}
		return e.put(ctx, key, it.entry(c, e.life(time.Now(), c.ttl, 0)), driver.Add, 0)
	})
}

func (v *view) fill(ctx context.Context, name string, it item, f Fence, opts []Option) (bool, error) {
	e := v.engine
	return v.write(ctx, "fill", name, len(it.payload), optTTL|optStale|optTags, opts, func(key driver.Key, c *call) (bool, error) {
		if f.owner != e.owner(key) {
			return false, fmt.Errorf("%w: the fence is another key's", ErrKey)
		}
		if AccessOf(ctx) != ReadWrite {
			return false, nil
		}
		c.staleAsLoad(&e.opts)
		return e.fill(ctx, key, it, f.fence, c)
	})
}

// fill stores the result of a load that began at fence, and reports whether the
// protocol let it.
func (e *engine) fill(ctx context.Context, key driver.Key, it item, fence driver.Fence, c *call) (bool, error) {
	if len(it.payload) > e.opts.MaxValue {
		return false, fmt.Errorf("%w: %d bytes, over Options.MaxValue (%d)", ErrTooLarge, len(it.payload), e.opts.MaxValue)
	}
	if c.ttl <= 0 || fence.Token == 0 {
		return false, nil
	}
	entry := it.entry(c, e.life(time.Now(), c.ttl, c.stale))
	entry.Stamp, entry.Cost = fence.Stamp, c.cost
	sent := time.Now()
	r, err := e.store.Put(ctx, key, entry, driver.Fill, fence.Token)
	if c := e.filled(sent, entry, r, err); c != nil {
		e.toNear(ctx, key, c, entry.Life, len(e.near))
	}
	return r.Done, err
}

// filled takes in the outcome of a Fill that was sent at that time. It returns
// the copy for the near tiers, if there is to be one.
func (e *engine) filled(sent time.Time, entry *driver.Entry, r driver.Result, err error) *nearCopy {
	if len(e.near) == 0 || err != nil {
		return nil
	}
	e.node.observe(sent, r.Clock)
	if !r.Done {
		return nil
	}
	return &nearCopy{entry: entry, asOf: entry.Stamp}
}

// Set implements Cache.
func (v *view) Set(ctx context.Context, key string, value []byte, opts ...Option) error {
	return v.set(ctx, key, item{payload: bytes.Clone(value)}, opts)
}

// Add implements Cache.
func (v *view) Add(ctx context.Context, key string, value []byte, opts ...Option) (bool, error) {
	return v.add(ctx, key, item{payload: bytes.Clone(value)}, opts)
}

// Fill implements Cache.
func (v *view) Fill(ctx context.Context, key string, value []byte, f Fence, opts ...Option) (bool, error) {
	return v.fill(ctx, key, item{payload: bytes.Clone(value)}, f, opts)
}

// Fence implements Cache.
func (v *view) Fence(ctx context.Context, key string) (Fence, error) {
	e := v.engine
	if err := e.open(); err != nil {
		return Fence{}, err
	}
	k, err := v.key(key)
	if err != nil {
		return Fence{}, wrap("fence", key, err)
	}
	if AccessOf(ctx) != ReadWrite {
		return Fence{owner: e.owner(k)}, nil // under which nothing is stored, also later
	}
	sent := time.Now()
	r, err := e.store.Get(ctx, k, e.hold)
	if err != nil {
		return Fence{}, wrap("fence", key, err)
	}
	e.planted(r.Fence.Token, true)
	if len(e.near) > 0 {
		e.node.observe(sent, r.Fence.Stamp)
		e.node.require(r.Fence.Stamp)
	}
	return Fence{fence: r.Fence, owner: e.owner(k)}, nil
}

// owner identifies a key of this client.
func (e *engine) owner(key driver.Key) uint64 { return max(maphash.Comparable(e.seed, key), 1) }

// Touch implements Cache.
func (v *view) Touch(ctx context.Context, key string, opts ...Option) (bool, error) {
	e := v.engine
	return v.write(ctx, "touch", key, 0, optTTL|optStale, opts, func(k driver.Key, c *call) (bool, error) {
		if c.ttl <= 0 {
			n, err := e.invalidate(ctx, []driver.Key{k}, nil)
			return n > 0, err
		}
		sent := time.Now()
		r, err := e.store.Touch(ctx, k, e.life(sent, c.ttl, c.stale))
		e.wrote(sent, r.Clock, err, nil, k)
		return r.Done, err
	})
}

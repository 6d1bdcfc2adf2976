package cache

import (
	"bytes"
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/stratacache/strata/cache/driver"
)

// lookup is one distinct name of a batch, and what was found there.
type lookup struct {
	name string
	found
	err error // the store did not answer for this key
}

// lookUp reads each of names once: the near tiers first, then the store in one
// step for what is left. The caller reports the outcomes. The error is for all.
func (v *view) lookUp(ctx context.Context, names []string, hold time.Duration, flags optionKind) ([]lookup, error) {
	e := v.engine
	if err := e.open(); err != nil {
		return nil, err
	}
	out := make([]lookup, 0, len(names))
	seen := make(map[string]bool, len(names))
	var ask []int
	var keys []driver.Key
	r := e.request(ctx)
	access := r.allows()
	if access != ReadWrite {
		hold = 0
	}
	for _, n := range names {
		if seen[n] {
			continue
		}
		seen[n] = true
		key, err := v.key(n)
		if err != nil {
			return nil, err
		}
		l := lookup{name: n, found: found{key: key, flags: flags, access: access}}
		if access == NoAccess {
			l.outcome = Bypassed
			out = append(out, l)
			continue
		}
		if flags == 0 {
			if l.entry = e.fromMemo(r, key); l.entry != nil {
				l.outcome = hitOutcome(l.entry, MemoHit)
			}
		}
		if l.entry == nil && !e.remote {
			l.entry = e.nearest(ctx, &l.found)
		}
		out = append(out, l)
	}
	if e.remote && access != NoAccess {
		e.nearMany(ctx, out)
	}
	for i := range out {
		if out[i].entry == nil && access != NoAccess {
			ask, keys = append(ask, i), append(keys, out[i].key)
		}
	}
	writes := e.writes.Load()
	if len(ask) == 0 {
		return out, nil
	}
	sent := time.Now()
	readings, err := e.askMany(ctx, sent, keys, hold)
	took := time.Since(sent)
	var back backfill
	for i, at := range ask {
		l := &out[at]
		l.took, took = took, 0
		switch {
		case err != nil:
			l.err, l.outcome = err, Failed
		case readings[i].Err != nil:
			l.err, l.outcome = readings[i].Err, Failed
		default:
			if e.remote {
				l.back = &back
			}
			e.take(ctx, sent, &readings[i].Reading, &l.found)
			l.back = nil
			e.toMemo(r, l.key, l.entry, writes)
		}
	}
	e.copyAll(ctx, back, len(e.near))
	return out, err
}

// reportAll reports what a batch found that goes no further.
func (v *view) reportAll(ctx context.Context, lookups []lookup) {
	for i := range lookups {
		v.report(ctx, lookups[i].name, &lookups[i].found, lookups[i].err)
	}
}

// getMany returns the entries of names that the caller finds usable.
func (v *view) getMany(ctx context.Context, names []string, usable func(string, *driver.Entry) error) (map[string]*driver.Entry, error) {
	lookups, err := v.lookUp(ctx, names, 0, 0)
	var failed ManyError
	out := make(map[string]*driver.Entry, len(lookups))
	for i := range lookups {
		l := &lookups[i]
		if l.entry != nil && l.entry.Kind != driver.Negative {
			if why := usable(l.name, l.entry); why != nil {
				l.entry, l.outcome, l.odd = nil, Miss, why
			}
		}
		v.report(ctx, l.name, &l.found, l.err)
		switch {
		case l.err != nil:
			if failed == nil {
				failed = make(ManyError)
			}
			failed[l.name] = l.err
		case l.entry != nil:
			keep(out, l.name, l.entry)
		}
	}
	switch {
	case err != nil:
		return nil, wrap("get many", "", err)
	case failed != nil:
		return out, wrap("get many", "", failed)
	}
	return out, nil
}

func keep(out map[string]*driver.Entry, name string, e *driver.Entry) {
	if e.Kind != driver.Negative {
		out[name] = e
	}
}

// GetMany implements Cache.
func (v *view) GetMany(ctx context.Context, keys ...string) (map[string][]byte, error) {
	entries, err := v.getMany(ctx, keys, func(string, *driver.Entry) error { return nil })
	out := make(map[string][]byte, len(entries))
	for k, e := range entries {
		out[k] = bytes.Clone(e.Payload)
	}
	return out, err
}

// SetMany implements Cache.
func (v *view) SetMany(ctx context.Context, values map[string][]byte, opts ...Option) error {
	items := make(map[string]item, len(values))
	for k, b := range values {
		items[k] = item{payload: bytes.Clone(b)}
	}
	return v.setMany(ctx, items, opts)
}

func (v *view) setMany(ctx context.Context, values map[string]item, opts []Option) error {
	e := v.engine
	if err := e.open(); err != nil {
		return err
	}
	c, err := v.resolve("set many", optTTL|optStale|optTags, opts)
	switch {
	case err != nil:
	case c.userTags:
		err = ErrUnfenced
	case c.ttl > 0 && AccessOf(ctx) != ReadWrite:
		err = ErrReadOnly
	}
	names := slices.Sorted(maps.Keys(values))
	keys, kerr := v.keys(names)
	if err = errors.Join(err, kerr); err != nil {
		return wrap("set many", "", err)
	}
	if len(keys) == 0 {
		return nil
	}
	if c.ttl <= 0 {
		_, err := e.invalidate(ctx, keys, nil)
		return wrap("set many", "", err)
	}
	failed := make(ManyError)
	items := make([]driver.Item, 0, len(keys))
	sentNames := make([]string, 0, len(keys))
	l := e.life(time.Now(), c.ttl, c.stale)
	for i, n := range names {
		it := values[n]
		if len(it.payload) > e.opts.MaxValue {
			failed[n] = e.tooLarge(ctx, keys[i], len(it.payload))
			continue
		}
		items = append(items, driver.Item{Key: keys[i], Entry: it.entry(&c, l), Mode: driver.Set})
		sentNames = append(sentNames, n)
	}
	sent, mark := time.Now(), e.recovery.mark()
	for i, r := range driver.PutMany(ctx, e.store, items) {
		n := sentNames[i]
		e.wrote(sent, r.Clock, r.Err, nil, items[i].Key)
		if mark > 0 && r.Err == nil {
			e.paid(ctx, mark, []driver.Key{items[i].Key}, nil)
		}
		if r.Err != nil {
			failed[n] = r.Err
		} else {
			e.count.writes.Add(1)
		}
		if e.opts.Hooks.Write != nil {
			e.opts.Hooks.Write(ctx, WriteInfo{Prefix: v.path, Key: n, Op: "set", Done: r.Err == nil, Bytes: len(values[n].payload), Err: r.Err})
		}
	}
	if len(failed) == 0 {
		return nil
	}
	return wrap("set many", "", failed)
}

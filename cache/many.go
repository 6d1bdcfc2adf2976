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

// getMany reads each of names once: the near tiers first, then the store in one
// step for what is left.
func (v *view) getMany(ctx context.Context, names []string) (map[string]*driver.Entry, error) {
	e := v.engine
	if err := e.open(); err != nil {
		return nil, err
	}
	keys, err := v.keys(names)
	if err != nil {
		return nil, wrap("get many", "", err)
	}
	out := make(map[string]*driver.Entry, len(names))
	seen := make(map[string]bool, len(names))
	var askNames []string
	var askKeys []driver.Key
	for i, n := range names {
		if seen[n] {
			continue
		}
		seen[n] = true
		if len(e.near) > 0 {
			if entry := e.fromNear(ctx, keys[i]); entry != nil {
				f := found{entry: entry, outcome: hitOutcome(entry, NearHit)}
				v.report(ctx, n, &f, nil)
				keep(out, n, entry)
				continue
			}
		}
		askNames, askKeys = append(askNames, n), append(askKeys, keys[i])
	}
	if len(askKeys) == 0 {
		return out, nil
	}
	sent := time.Now()
	readings, err := driver.GetMany(ctx, e.store, askKeys, 0)
	took := time.Since(sent)
	var failed ManyError
	for i, n := range askNames {
		f := found{took: took}
		took = 0
		r := driver.KeyReading{Err: err}
		if err == nil {
			r = readings[i]
		}
		if r.Err != nil {
			if failed == nil {
				failed = make(ManyError)
			}
			failed[n] = r.Err
			f.outcome = Failed
			v.report(ctx, n, &f, r.Err)
			continue
		}
		f.odd = r.Odd
		if len(e.near) > 0 {
			e.node.observe(sent, r.Fence.Stamp)
		}
		switch {
		case r.Entry == nil || stale(r.Entry):
		case unreadable(r.Entry):
			f.odd = driver.ErrNewer
		default:
			f.entry, f.outcome = r.Entry, hitOutcome(r.Entry, Hit)
			keep(out, n, r.Entry)
			if len(e.near) > 0 {
				e.toNear(ctx, askKeys[i], &nearCopy{entry: r.Entry, asOf: r.Fence.Stamp}, len(e.near))
			}
		}
		v.report(ctx, n, &f, nil)
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
	entries, err := v.getMany(ctx, keys)
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
	c, err := v.resolve("set many", optTTL|optTags, opts)
	if err == nil && c.userTags {
		err = ErrUnfenced
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
	l := life(time.Now(), c.ttl)
	for i, n := range names {
		it := values[n]
		if len(it.payload) > e.opts.MaxValue {
			failed[n] = e.tooLarge(ctx, keys[i], len(it.payload))
			continue
		}
		items = append(items, driver.Item{Key: keys[i], Entry: it.entry(&c, l), Mode: driver.Set})
		sentNames = append(sentNames, n)
	}
	sent := time.Now()
	for i, r := range driver.PutMany(ctx, e.store, items) {
		n := sentNames[i]
		e.wrote(sent, r.Clock, r.Err)
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

package cache

import (
	"context"

	"github.com/stratacache/strata/cache/driver"
)

// withTwins are tags, after twins of those of applications: so an entry has them
// that may be stale, and so they are invalidated where it is to go too.
func withTwins(tags []string) []string {
	out := make([]string, 0, 2*len(tags))
	for _, t := range tags {
		if t[0] != driver.TagAll[0] {
			out = append(out, driver.Twin(t))
		}
	}
	return append(out, tags...)
}

// verb is what an invalidation does to entries that may be stale.
type verb uint8

const (
	removes verb = iota
	expires
	clears
)

// drop brackets an invalidation: closed, keys, and afterwards counters and hook.
func (v *view) drop(ctx context.Context, op string, names, tags []string, does verb) (int, error) {
	e := v.engine
	if err := e.open(); err != nil {
		return 0, err
	}
	key := ""
	if len(names) == 1 {
		key = names[0]
	}
	var removed int
	keys, err := v.keys(names)
	if err == nil {
		stamped := tags
		if does == removes && len(tags) > 0 {
			stamped = withTwins(tags)
		}
		removed, err = e.invalidate(ctx, keys, stamped)
	}
	err = wrap(op, key, err)
	if err == nil {
		e.count.invalidations.Add(1)
	}
	if e.opts.Hooks.Invalidate != nil {
		info := InvalidateInfo{Prefix: v.path, Keys: names, Expire: does == expires, Clear: does == clears, Removed: removed, Err: err}
		if does != clears {
			info.Tags = tags
		}
		e.opts.Hooks.Invalidate(ctx, info)
	}
	return removed, err
}

// Delete implements Cache.
func (v *view) Delete(ctx context.Context, key string) (bool, error) {
	n, err := v.drop(ctx, "delete", []string{key}, nil, removes)
	return n > 0, err
}

// DeleteMany implements Cache.
func (v *view) DeleteMany(ctx context.Context, keys ...string) (int, error) {
	if len(keys) == 0 {
		return 0, v.engine.open()
	}
	return v.drop(ctx, "delete many", keys, nil, removes)
}

// Invalidate implements Cache.
func (v *view) Invalidate(ctx context.Context, tags ...string) error {
	return v.dropTags(ctx, "invalidate", tags, removes)
}

// Expire implements Cache.
func (v *view) Expire(ctx context.Context, tags ...string) error {
	return v.dropTags(ctx, "expire", tags, expires)
}

func (v *view) dropTags(ctx context.Context, op string, tags []string, does verb) error {
	for _, t := range tags {
		if err := checkTag(t); err != nil {
			return wrap(op, "", err)
		}
	}
	if len(tags) == 0 {
		return v.engine.open()
	}
	_, err := v.drop(ctx, op, nil, tags, does)
	return err
}

// Clear implements Cache.
func (v *view) Clear(ctx context.Context) error {
	_, err := v.drop(ctx, "clear", nil, []string{v.clearTag}, clears)
	return err
}

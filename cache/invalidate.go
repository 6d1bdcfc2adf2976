package cache

import (
	"context"
)

// drop brackets an invalidation: closed, keys, and afterwards counters and hook.
func (v *view) drop(ctx context.Context, op string, names, tags []string, clear bool) (int, error) {
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
		removed, err = e.invalidate(ctx, keys, tags)
	}
	err = wrap(op, key, err)
	if err == nil {
		e.count.invalidations.Add(1)
	}
	if e.opts.Hooks.Invalidate != nil {
		info := InvalidateInfo{Prefix: v.path, Keys: names, Clear: clear, Removed: removed, Err: err}
		if !clear {
			info.Tags = tags
		}
		e.opts.Hooks.Invalidate(ctx, info)
	}
	return removed, err
}

// Delete implements Cache.
func (v *view) Delete(ctx context.Context, key string) (bool, error) {
	n, err := v.drop(ctx, "delete", []string{key}, nil, false)
	return n > 0, err
}

// DeleteMany implements Cache.
func (v *view) DeleteMany(ctx context.Context, keys ...string) (int, error) {
	if len(keys) == 0 {
		return 0, v.engine.open()
	}
	return v.drop(ctx, "delete many", keys, nil, false)
}

// Invalidate implements Cache.
func (v *view) Invalidate(ctx context.Context, tags ...string) error {
	for _, t := range tags {
		if err := checkTag(t); err != nil {
			return wrap("invalidate", "", err)
		}
	}
	if len(tags) == 0 {
		return v.engine.open()
	}
	_, err := v.drop(ctx, "invalidate", nil, tags, false)
	return err
}

// Clear implements Cache.
func (v *view) Clear(ctx context.Context) error {
	_, err := v.drop(ctx, "clear", nil, []string{v.clearTag}, true)
	return err
}

package cache

import (
	"context"
	"errors"
	"reflect"

	"github.com/stratacache/strata/cache/driver"
)

// integerSchema tells the loads of integers, which have no schema, from those of
// bytes.
const integerSchema = 1

// errSchema: an entry of another type or codec.
var errSchema = errors.New("strata: an entry of another type")

// Typed is a view of a [Cache] whose values are of type V. It is small, and
// passed by value.
//
// []byte and string are stored as they are. Integers up to 64 bits, except
// uint and uint64, are stored so that Incr works on them. All else goes through
// the view's codec. An entry that is not a V, or not of V's present shape, is a
// miss that [Stats] counts as odd, and is replaced by the next store.
//
// Each reader gets a value of its own. In a memory store, if V holds no
// pointers, slices or maps, or was declared [Immutable], the decoded value is
// kept and a hit decodes nothing.
//
// The methods have the semantics of those of Cache.
type Typed[V any] struct {
	view *view
	form *form[V]
}

// ViewOption changes a typed view.
type ViewOption func(*viewOptions)

type viewOptions struct {
	codec     Codec
	immutable bool
}

// WithCodec encodes by c instead of [JSON].
func WithCodec(c Codec) ViewOption { return func(o *viewOptions) { o.codec = c } }

// Immutable declares that nobody changes a value that the view returned, nor
// one that was given to it: readers may then share it.
func Immutable() ViewOption { return func(o *viewOptions) { o.immutable = true } }

// For returns a view of c with values of type V.
func For[V any](c Cache, opts ...ViewOption) Typed[V] {
	o := viewOptions{codec: JSON}
	for _, set := range opts {
		set(&o)
	}
	t := reflect.TypeFor[V]()
	f := &form[V]{format: formatOf(t), codec: o.codec, share: o.immutable || flat(t)}
	switch f.format {
	case rawText:
		f.schema = schemaOf("text", t)
	case encoded:
		f.schema = schemaOf(o.codec.Name(), t)
	}
	return Typed[V]{view: c.base(), form: f}
}

// Get returns the value under key, or ErrMiss or ErrNotFound.
func (t Typed[V]) Get(ctx context.Context, key string) (value V, err error) {
	var f found
	err = t.view.find(ctx, key, 0, &f)
	return t.got(ctx, key, &f, err)
}

// got is the end of a Get that found f.
func (t Typed[V]) got(ctx context.Context, key string, f *found, err error) (value V, _ error) {
	var zero V
	if err == nil && f.entry != nil && f.entry.Kind != driver.Negative {
		why := t.form.decode(f.entry, &value)
		if why == nil {
			t.view.report(ctx, key, f, nil)
			return value, nil
		}
		t.unusable(ctx, key, f, why)
	}
	if err != nil && f.outcome != Failed {
		return zero, wrap("get", key, err)
	}
	t.view.report(ctx, key, f, err)
	switch {
	case err != nil:
		return zero, wrap("get", key, err)
	case f.entry == nil:
		return zero, ErrMiss
	}
	return zero, ErrNotFound
}

// GetStale is Get for who may have something stale: a value whose TTL has passed
// or whose tags were expired (see [Cache].Expire), but whose [Stale] time has not
// ended, is returned too, with fresh false.
func (t Typed[V]) GetStale(ctx context.Context, key string) (value V, fresh bool, err error) {
	var f found
	err = t.view.find(ctx, key, 0, &f)
	if err == nil && f.stale != nil && f.access == ReadWrite {
		if why := t.form.decode(f.stale, &value); why == nil {
			f.outcome, f.why = StaleHit, Asked
			t.view.report(ctx, key, &f, nil)
			return value, false, nil
		}
	}
	value, err = t.got(ctx, key, &f, err)
	return value, err == nil, err
}

// unusable turns a hit into a miss, and removes the entry if its bytes are
// damaged. One of another type may belong to another program and stays.
func (t Typed[V]) unusable(ctx context.Context, key string, f *found, why error) {
	f.entry, f.outcome, f.odd = nil, Miss, why
	if !errors.Is(why, errSchema) {
		_, _ = t.view.engine.invalidate(ctx, []driver.Key{f.key}, nil)
	}
}

// GetMany returns what of keys is there.
func (t Typed[V]) GetMany(ctx context.Context, keys ...string) (map[string]V, error) {
	out := make(map[string]V, len(keys))
	_, err := t.view.getMany(ctx, keys, func(k string, e *driver.Entry) error {
		var v V
		if why := t.form.decode(e, &v); why != nil {
			return why
		}
		out[k] = v
		return nil
	})
	return out, err
}

// GetOrSet returns the value under key, or calls load and stores what it
// returns: see [Cache].GetOrSet.
func (t Typed[V]) GetOrSet(ctx context.Context, key string, load func(context.Context) (V, error), opts ...Option) (value V, err error) {
	f := found{flags: flagsOf(opts)}
	err = t.view.find(ctx, key, t.view.engine.hold, &f)
	if err == nil && f.entry != nil {
		if f.entry.Kind == driver.Negative {
			var zero V
			t.view.report(ctx, key, &f, nil)
			return zero, ErrNotFound
		}
		why := t.form.decode(f.entry, &value)
		if why == nil {
			t.view.report(ctx, key, &f, nil)
			if f.access == ReadWrite && t.view.engine.early(f.entry) {
				t.refreshEarly(ctx, key, f, load, opts)
			}
			return value, nil
		}
		if f.fence.Token == 0 && f.access == ReadWrite { // a near copy: the store knows where a load begins
			err = t.view.engine.ask(ctx, t.view.engine.hold, &f)
		}
		f.entry, f.stale, f.odd = nil, nil, why
		if err == nil {
			f.outcome = Miss
		}
	}
	if t.view.engine.givesUp(ctx, &f, err) {
		var zero V
		t.view.reportFailure(ctx, key, &f, err)
		return zero, wrap("get or set", key, err)
	}
	return t.load(ctx, key, &f, err, load, opts)
}

// load is the slow half of GetOrSet, apart so that a hit allocates no closure.
func (t Typed[V]) load(ctx context.Context, key string, f *found, failure error, load func(context.Context) (V, error), opts []Option) (V, error) {
	f.schema = t.form.loads()
	var zero V
	if f.stale != nil {
		var v V
		if f.odd = t.form.decode(f.stale, &v); f.odd != nil {
			f.stale = nil
		}
	}
	e, err := t.view.load(ctx, key, f, failure, t.loader(load), opts)
	switch {
	case err != nil:
		return zero, err
	case e.Kind == driver.Negative:
		return zero, ErrNotFound
	}
	var v V
	err = t.form.decode(e, &v)
	return v, wrap("get or set", key, err)
}

// loader gives load the previous value, and encodes what it returns.
func (t Typed[V]) loader(load func(context.Context) (V, error)) loader {
	return func(ctx context.Context, previous *driver.Entry) (item, error) {
		if previous != nil {
			var v V
			if t.form.decode(previous, &v) == nil {
				Loading(ctx).keep(v)
			}
		}
		v, err := load(ctx)
		if err != nil {
			return item{}, err
		}
		return t.form.encode(v, t.view.engine.keeps)
	}
}

// refreshEarly has a copy of what was found, so that a hit allocates none.
func (t Typed[V]) refreshEarly(ctx context.Context, key string, f found, load func(context.Context) (V, error), opts []Option) {
	f.schema = t.form.loads()
	t.view.refreshEarly(ctx, key, f, t.loader(load), opts)
}

// Set stores value: see [Cache].Set.
func (t Typed[V]) Set(ctx context.Context, key string, value V, opts ...Option) error {
	it, err := t.form.encode(value, t.view.engine.keeps)
	if err != nil {
		return wrap("set", key, err)
	}
	return t.view.set(ctx, key, it, opts)
}

// SetMany stores all values, or none if one of them cannot be encoded: see
// [Cache].SetMany.
func (t Typed[V]) SetMany(ctx context.Context, values map[string]V, opts ...Option) error {
	items := make(map[string]item, len(values))
	for k, v := range values {
		it, err := t.form.encode(v, t.view.engine.keeps)
		if err != nil {
			return wrap("set many", k, err)
		}
		items[k] = it
	}
	return t.view.setMany(ctx, items, opts)
}

// Add stores value if key is absent: see [Cache].Add.
func (t Typed[V]) Add(ctx context.Context, key string, value V, opts ...Option) (bool, error) {
	it, err := t.form.encode(value, t.view.engine.keeps)
	if err != nil {
		return false, wrap("add", key, err)
	}
	return t.view.add(ctx, key, it, opts)
}

// Fill stores the result of a load that the caller made: see [Cache].Fill.
func (t Typed[V]) Fill(ctx context.Context, key string, value V, f Fence, opts ...Option) (bool, error) {
	it, err := t.form.encode(value, t.view.engine.keeps)
	if err != nil {
		return false, wrap("fill", key, err)
	}
	return t.view.fill(ctx, key, it, f, opts)
}

// Fence marks the beginning of a load or write-through: see [Cache].Fence.
func (t Typed[V]) Fence(ctx context.Context, key string) (Fence, error) {
	return t.view.Fence(ctx, key)
}

// Touch gives an entry a new lifetime: see [Cache].Touch.
func (t Typed[V]) Touch(ctx context.Context, key string, opts ...Option) (bool, error) {
	return t.view.Touch(ctx, key, opts...)
}

// Has reports whether there is a value under key, of whatever type.
func (t Typed[V]) Has(ctx context.Context, key string) (bool, error) { return t.view.Has(ctx, key) }

// Delete removes key: see [Cache].Delete.
func (t Typed[V]) Delete(ctx context.Context, key string) (bool, error) {
	return t.view.Delete(ctx, key)
}

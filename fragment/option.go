package fragment

import (
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"time"

	"github.com/stratacache/strata/cache"
)

// Option says what a fragment varies on, what it depends on, or where it is
// kept.
type Option struct {
	vary  []any
	tags  []string
	using string
}

// Vary keeps the output apart for each list of values. In a template it is
// (vary …).
func Vary(values ...any) Option { return Option{vary: values} }

// Tags names what the output depends on: see cache.Cache.Invalidate. In a
// template it is (tags …).
func Tags(names ...string) Option { return Option{tags: names} }

// Using keeps the output in one of [Options].Using. In a template it is
// (using "…").
func Using(name string) Option { return Option{using: name} }

// call is what one use of a fragment comes to.
type call struct {
	in   *store
	key  string
	life time.Duration
	tags []string
}

// call reads the arguments of a use of the fragment whose keys begin with head.
func (k *keeper) call(name, head string, ttl any, more []any) (call, error) {
	c := call{in: k.main}
	var err error
	if c.life, err = lifetime(ttl); err != nil {
		return c, fmt.Errorf("fragment %q: %w", name, err)
	}
	var vary []any
	for _, m := range more {
		o, ok := m.(Option)
		if !ok {
			return c, fmt.Errorf("fragment %q: an argument is a %T: use (vary …), (tags …) or (using …)", name, m)
		}
		vary, c.tags = append(vary, o.vary...), append(c.tags, o.tags...)
		if o.using != "" {
			if c.in = k.others[o.using]; c.in == nil {
				return c, fmt.Errorf("fragment %q: Options.Using has no %q", name, o.using)
			}
		}
	}
	c.key, err = k.key(name, head, vary)
	return c, err
}

// lifetime reads the argument that says how long.
func lifetime(v any) (time.Duration, error) {
	switch v := v.(type) {
	case nil:
		return cache.Forever, nil
	case time.Duration:
		return v, nil
	case string:
		if v == "forever" {
			return cache.Forever, nil
		}
		if d, err := time.ParseDuration(v); err == nil {
			return d, nil
		}
		if s, err := strconv.ParseFloat(v, 64); err == nil {
			return seconds(s)
		}
		return 0, fmt.Errorf("%q is no lifetime: use a duration such as \"5m\", seconds, or \"forever\"", v)
	}
	rv := reflect.ValueOf(v)
	switch {
	case rv.CanInt():
		return seconds(float64(rv.Int()))
	case rv.CanUint():
		return seconds(float64(rv.Uint()))
	case rv.CanFloat():
		return seconds(rv.Float())
	}
	return 0, fmt.Errorf("a %T is no lifetime", v)
}

// seconds converts, without a fraction, and takes what no Duration holds as forever.
func seconds(s float64) (time.Duration, error) {
	switch {
	case s != s:
		return 0, errors.New("NaN is no lifetime")
	case s > float64(cache.Forever)/float64(time.Second):
		return cache.Forever, nil
	case s < 0:
		return 0, nil
	}
	return time.Duration(s) * time.Second, nil
}

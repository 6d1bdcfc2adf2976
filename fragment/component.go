package fragment

import (
	"context"
	"io"
	"time"

	"github.com/stratacache/strata/cache"
)

// Component is what renders itself, such as what templ generates. Its output
// must be whole HTML, escaped, as it is put into the page as it is.
type Component interface {
	Render(ctx context.Context, w io.Writer) error
}

// Components caches what renders itself. It is safe for concurrent use.
type Components struct {
	*keeper
}

// NewComponents keeps components in c.
func NewComponents(c cache.Cache, opts *Options) (*Components, error) {
	o, err := opts.withDefaults()
	if err != nil {
		return nil, err
	}
	return &Components{newKeeper(c, &o)}, nil
}

// Cached returns a component that writes what part wrote, for as long as life,
// and calls part when that is not in the cache. life is as in
// [cache.TTL]; with 0 and less part renders every time. The name stands for part
// in the key: give each kind of component its own.
//
// part is called with the context of the load, in a goroutine of its own, and
// for all who wait for the same output.
func (cs *Components) Cached(name string, life time.Duration, part Component, opts ...Option) Component {
	return cached{cs, name, life, part, opts}
}

// Delete drops the output of one component for one list of vary values, and
// reports whether there was one.
func (cs *Components) Delete(ctx context.Context, name string, vary ...any) (bool, error) {
	key, err := cs.key(name, head(nameOfComponent, name, ""), vary)
	if err != nil {
		return false, err
	}
	return cs.delete(ctx, key)
}

type cached struct {
	in   *Components
	name string
	life time.Duration
	part Component
	opts []Option
}

func (c cached) Render(ctx context.Context, w io.Writer) error {
	more := make([]any, len(c.opts))
	for i, o := range c.opts {
		more[i] = o
	}
	use, err := c.in.call(c.name, head(nameOfComponent, c.name, ""), c.life, more)
	if err != nil {
		return err
	}
	out, err := use.in.render(ctx, use, c.part.Render)
	if err != nil {
		return err
	}
	_, err = io.WriteString(w, out.html)
	return err
}

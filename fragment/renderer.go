package fragment

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"html/template"
	"io"
	"runtime"
	"sync"

	"github.com/stratacache/strata/cache"
)

// Options configure a [Renderer]. The zero value, and nil, work.
type Options struct {
	// Prefix is the cache prefix of the fragments. Default "fragment".
	Prefix string
	// AllowNil lets nil be a vary value like any other.
	AllowNil bool
}

// Renderer executes the templates of a set. It is safe for concurrent use.
//
// Template functions have no context, so each execution works on a copy of the
// set whose functions know its own; copies are reused.
type Renderer struct {
	fragments cache.Typed[string]
	allowNil  bool
	pristine  *template.Template // never executed, so that it can be copied

	mu   sync.Mutex
	free []*execution
}

// Funcs are the template functions cache, vary and tags. Give them to a set
// before it is parsed; in a set that is executed without a [Renderer], cache is
// an error.
func Funcs() template.FuncMap {
	return template.FuncMap{
		"vary": func(values ...any) varyOn { return values },
		"tags": func(names ...string) tagList { return names },
		"cache": func(name string, data, ttl any, more ...any) (template.HTML, error) {
			return "", errors.New("fragment: the template is not executed by a fragment.Renderer")
		},
	}
}

// What the template functions vary and tags return, for cache to take.
type (
	varyOn  []any
	tagList []string
)

// New returns a renderer of set, which was parsed with [Funcs] and not executed
// yet. It fails if a call of cache names a template that set does not have, or
// lacks an argument.
func New(c cache.Cache, set *template.Template, opts *Options) (*Renderer, error) {
	var o Options
	if opts != nil {
		o = *opts
	}
	if o.Prefix == "" {
		o.Prefix = "fragment"
	}
	if err := check(set); err != nil {
		return nil, err
	}
	pristine, err := set.Clone()
	if err != nil {
		return nil, fmt.Errorf("fragment: %w", err)
	}
	return &Renderer{
		fragments: cache.For[string](c.WithPrefix(o.Prefix)),
		allowNil:  o.AllowNil,
		pristine:  pristine,
	}, nil
}

// Execute writes the named template of the set to w. An error may leave part of
// the page written, but never part of a fragment.
func (r *Renderer) Execute(ctx context.Context, w io.Writer, name string, data any) error {
	x, err := r.begin(ctx)
	if err != nil {
		return err
	}
	defer r.end(x)
	return x.set.ExecuteTemplate(w, name, data)
}

// Delete drops the output of one fragment for one list of vary values, and
// reports whether there was one. A tag drops them all.
func (r *Renderer) Delete(ctx context.Context, name string, vary ...any) (bool, error) {
	key, err := fragmentKey(name, vary, r.allowNil)
	if err != nil {
		return false, err
	}
	return r.fragments.Delete(ctx, key)
}

// execution is a copy of the set in use by one goroutine.
type execution struct {
	renderer *Renderer
	set      *template.Template
	ctx      context.Context
}

func (r *Renderer) begin(ctx context.Context) (*execution, error) {
	r.mu.Lock()
	if n := len(r.free); n > 0 {
		x := r.free[n-1]
		r.free = r.free[:n-1]
		r.mu.Unlock()
		x.ctx = ctx
		return x, nil
	}
	r.mu.Unlock()
	set, err := r.pristine.Clone()
	if err != nil {
		return nil, fmt.Errorf("fragment: %w", err)
	}
	x := &execution{renderer: r, set: set, ctx: ctx}
	set.Funcs(template.FuncMap{"cache": x.cache})
	return x, nil
}

// end keeps a few copies for each CPU; a burst of more is left to the garbage
// collector.
func (r *Renderer) end(x *execution) {
	x.ctx = nil
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.free) < 4*runtime.GOMAXPROCS(0) {
		r.free = append(r.free, x)
	}
}

// cache is the template function.
func (x *execution) cache(name string, data, ttl any, more ...any) (template.HTML, error) {
	r := x.renderer
	life, err := lifetime(ttl)
	if err != nil {
		return "", fmt.Errorf("fragment %q: %w", name, err)
	}
	var vary []any
	var tags []string
	for _, m := range more {
		switch m := m.(type) {
		case varyOn:
			vary = append(vary, m...)
		case tagList:
			tags = append(tags, m...)
		default:
			return "", fmt.Errorf("fragment %q: an argument is a %T: use (vary …) and (tags …)", name, m)
		}
	}
	key, err := fragmentKey(name, vary, r.allowNil)
	if err != nil {
		return "", err
	}
	render := func(ctx context.Context) (string, error) { return r.render(ctx, name, data) }
	if life <= 0 {
		out, err := render(x.ctx)
		return template.HTML(out), err
	}
	out, err := r.fragments.GetOrSet(x.ctx, key, render, cache.TTL(life), cache.Tags(tags...))
	return template.HTML(out), err
}

// render executes a fragment. It may run after the execution that asked for it
// has ended, and so works on a copy of its own.
func (r *Renderer) render(ctx context.Context, name string, data any) (string, error) {
	x, err := r.begin(ctx)
	if err != nil {
		return "", err
	}
	defer r.end(x)
	var b bytes.Buffer
	if err := x.set.ExecuteTemplate(&b, name, data); err != nil {
		return "", err
	}
	return b.String(), nil
}

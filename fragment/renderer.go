package fragment

import (
	"context"
	"errors"
	"fmt"
	"html/template"
	"io"
	"sync"

	"github.com/stratacache/strata/cache"
)

// Options configure a [Renderer] or [Components]. The zero value, and nil, work.
type Options struct {
	// Prefix is the cache prefix of the fragments. Default "fragment".
	Prefix string
	// AllowNil lets nil be a vary value like any other.
	AllowNil bool
	// ByName leaves the templates' text out of the keys of named templates: a
	// fragment is then shared by all sets, and releases, that have a template of
	// its name, whatever is in it. Blocks are not: see the package comment.
	ByName bool
	// Using are caches that a fragment may ask for by name, with (using "name").
	Using map[string]cache.Cache
	// OnTags, if set, is told the tags of every fragment that an execution shows,
	// from the cache or not. With httpcache.AddTags a page is dropped with what it
	// shows.
	OnTags func(ctx context.Context, tags ...string)
}

func (o *Options) withDefaults() (Options, error) {
	var out Options
	if o != nil {
		out = *o
	}
	if out.Prefix == "" {
		out.Prefix = "fragment"
	}
	for name, c := range out.Using {
		if c == nil || name == "" {
			return out, fmt.Errorf("fragment.Options.Using: %q has no name or no cache", name)
		}
	}
	return out, nil
}

// Renderer executes the templates of a set. It is safe for concurrent use.
//
// Template functions have no context, so each execution works on a copy of the
// set whose functions know its own; copies are reused.
type Renderer struct {
	*keeper
	set *source

	mu   sync.Mutex
	free []*execution
}

// Funcs are the template functions cache, vary, tags, using and context. Give
// them to a set before it is parsed; in a set that is executed without a
// [Renderer], cache and context are errors.
func Funcs() template.FuncMap {
	return template.FuncMap{
		"vary": Vary, "tags": Tags, "using": Using,
		"cache":   func(string, ...any) (template.HTML, error) { return "", errNoRenderer },
		"context": func() (context.Context, error) { return nil, errNoRenderer },
	}
}

var errNoRenderer = errors.New("fragment: the template is not executed by a fragment.Renderer")

// New returns a renderer of set, which was parsed with [Funcs] and not executed
// yet, and which it does not change. What could never work is an error at once:
// a call of cache that names no template or lacks an argument, and a fragment
// that html/template would refuse.
func New(c cache.Cache, set *template.Template, opts *Options) (*Renderer, error) {
	o, err := opts.withDefaults()
	if err != nil {
		return nil, err
	}
	src, err := newSource(set, &o)
	if err != nil {
		return nil, err
	}
	return &Renderer{keeper: newKeeper(c, &o), set: src}, nil
}

// Execute writes the named template of the set to w. An error may leave part of
// the page written, but never part of a fragment.
func (r *Renderer) Execute(ctx context.Context, w io.Writer, name string, data any) (err error) {
	x, err := r.begin(ctx, w)
	if err != nil {
		return err
	}
	returned := false
	defer func() {
		x.abandon(err)
		if returned { // and did not panic: then the copy goes too
			r.end(x)
		}
	}()
	err = x.set.ExecuteTemplate(x, name, data)
	returned = true
	return err
}

// Key returns the key of one fragment, a template's or a block's, for one list
// of vary values, within [Options].Prefix.
func (r *Renderer) Key(name string, vary ...any) (string, error) {
	for _, heads := range []map[string]string{r.set.blocks, r.set.templates} {
		if head, ok := heads[name]; ok {
			return r.key(name, head, vary)
		}
	}
	return "", fmt.Errorf("fragment: there is no %q", name)
}

// Delete drops the output of one fragment, or of a block and a template of the
// same name, for one list of vary values, and reports whether there was one. A
// tag drops them all.
func (r *Renderer) Delete(ctx context.Context, name string, vary ...any) (bool, error) {
	var keys []string
	for _, heads := range []map[string]string{r.set.blocks, r.set.templates} {
		if head, ok := heads[name]; ok {
			key, err := r.key(name, head, vary)
			if err != nil {
				return false, err
			}
			keys = append(keys, key)
		}
	}
	if len(keys) == 0 {
		return false, fmt.Errorf("fragment: there is no %q", name)
	}
	return r.delete(ctx, keys...)
}

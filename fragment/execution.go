package fragment

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"html/template"
	"io"
	"runtime"
)

// execution is a copy of the set in use by one goroutine. The templates write
// to it.
type execution struct {
	renderer *Renderer
	set      *template.Template

	ctx  context.Context // that of the innermost open block
	out  io.Writer
	open []*block // the blocks that are being rendered, innermost last
}

func (r *Renderer) begin(ctx context.Context, w io.Writer) (*execution, error) {
	x, err := r.copy()
	if err != nil {
		return nil, err
	}
	x.ctx, x.out = ctx, w
	return x, nil
}

func (r *Renderer) copy() (*execution, error) {
	r.mu.Lock()
	if n := len(r.free); n > 0 {
		x := r.free[n-1]
		r.free = r.free[:n-1]
		r.mu.Unlock()
		return x, nil
	}
	r.mu.Unlock()
	set, err := r.set.pristine.Clone()
	if err != nil {
		return nil, fmt.Errorf("fragment: %w", err)
	}
	x := &execution{renderer: r, set: set}
	set.Funcs(template.FuncMap{
		"cache": x.cache, openFunc: x.openBlock, closeFunc: x.closeBlock,
		"context": func() context.Context { return x.ctx },
	})
	return x, nil
}

// end keeps a few copies for each CPU; a burst of more is left to the garbage
// collector.
func (r *Renderer) end(x *execution) {
	x.ctx, x.out = nil, nil
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.free) < 4*runtime.GOMAXPROCS(0) {
		r.free = append(r.free, x)
	}
}

// Write takes what the templates write: into the innermost open block, or out.
func (x *execution) Write(p []byte) (int, error) {
	if b := x.top(); b != nil {
		return b.text.Write(p)
	}
	return x.out.Write(p)
}

func (x *execution) writeString(s string) error {
	var err error
	if b := x.top(); b != nil {
		_, err = b.text.WriteString(s)
	} else {
		_, err = io.WriteString(x.out, s)
	}
	return err
}

func (x *execution) top() *block {
	if n := len(x.open); n > 0 {
		return x.open[n-1]
	}
	return nil
}

// cache is the template function, on a named template of the set. It may run
// after the execution that asked for it has ended, and so the template is
// executed in a copy of its own.
func (x *execution) cache(name string, args ...any) (template.HTML, error) {
	r := x.renderer
	head, ok := r.set.templates[name]
	if !ok || len(args) < 2 {
		return "", fmt.Errorf("fragment: cache needs the name of a template, data and a lifetime; %q is given with %d arguments", name, len(args))
	}
	data := args[0]
	c, err := r.call(name, head, args[1], args[2:])
	if err != nil {
		return "", err
	}
	part, err := c.in.render(x.ctx, c, func(ctx context.Context, w io.Writer) error {
		return r.Execute(ctx, w, name, data)
	})
	if err != nil {
		return "", err
	}
	return template.HTML(part.html), nil
}

// errAbandoned is what others who wait for a fragment get if the execution that
// was rendering it panicked.
var errAbandoned = errors.New("fragment: the execution that was rendering it has panicked")

// abandon gives up the blocks that an execution which failed has left open.
func (x *execution) abandon(err error) {
	if err == nil {
		err = errAbandoned
	}
	for n := len(x.open); n > 0; n = len(x.open) {
		b := x.open[n-1]
		x.open = x.open[:n-1]
		if b.load != nil {
			b.finish(nil, err)
		}
	}
}

// block is a cached block that is being rendered.
type block struct {
	call  call
	text  bytes.Buffer
	outer context.Context
	scope *scope  // nil if it is rendered every time
	load  *inline // nil likewise
}

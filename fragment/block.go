package fragment

import (
	"context"
	"errors"
	"sync"

	"github.com/stratacache/strata/cache"
)

// openBlock is called where a cached block begins, and reports whether its body
// is to be executed. If it is, closeBlock follows at the end of the body; until
// then what the templates write is the block's.
func (x *execution) openBlock(name string, ttl any, more ...any) (bool, error) {
	r := x.renderer
	c, err := r.call(name, r.set.blocks[name], ttl, more)
	if err != nil {
		return false, err
	}
	if c.life <= 0 {
		x.push(&block{call: c, outer: x.ctx})
		return true, nil
	}
	// A hit is one read, and nothing else. All that is no hit, an outage too, is
	// for GetOrSet to judge; but what is stale is shown while another execution
	// renders the block anew.
	part, fresh, err := c.in.parts.GetStale(x.ctx, c.key)
	if err == nil && (fresh || c.in.underway.has(c.key)) {
		if !fresh {
			cache.Loading(x.ctx).LimitTTL(cache.Never) // what it becomes part of is as old
		}
		return false, x.show(c, part, nil)
	}
	for {
		load := c.begin(x.ctx)
		select {
		case ctx := <-load.wanted:
			b := &block{call: c, outer: x.ctx, load: load}
			x.ctx, b.scope = enter(ctx)
			c.in.underway.begin(c.key)
			x.push(b)
			return true, nil
		case <-load.done:
			part, err := load.finish(nil, errElsewhere)
			if f, ok := errors.AsType[*failure](err); ok && f.err == errElsewhere && x.ctx.Err() == nil {
				continue // who was to render it has gone
			}
			return false, x.show(c, part, err)
		}
	}
}

func (x *execution) push(b *block) { x.open = append(x.open, b) }

// closeBlock is called at the end of a block's body.
func (x *execution) closeBlock() (bool, error) {
	b := x.top()
	if b == nil {
		return false, errors.New("fragment: a block ends that has not begun")
	}
	x.open = x.open[:len(x.open)-1]
	x.ctx = b.outer
	part := b.call.unkept(b.text.String())
	var err error
	if b.load != nil {
		part, err = b.call.kept(b.scope, part.html)
		// What this execution has rendered itself it may show, whatever became of it
		// in the cache.
		b.finish(part, err)
	}
	return false, x.show(b.call, part, err)
}

// finish ends the block's load with what this execution made of it.
func (b *block) finish(part *rendered, err error) {
	_, _ = b.load.finish(part, err)
	b.call.in.underway.end(b.call.key)
}

// underway are the blocks that this process is rendering.
type underway struct {
	mu   sync.Mutex
	keys map[string]int
}

func (u *underway) begin(key string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.keys == nil {
		u.keys = make(map[string]int)
	}
	u.keys[key]++
}

func (u *underway) end(key string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.keys[key]--; u.keys[key] == 0 {
		delete(u.keys, key)
	}
}

func (u *underway) has(key string) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.keys[key] > 0
}

func (x *execution) show(c call, part *rendered, err error) error {
	part, err = c.in.shown(x.ctx, part, err)
	if err != nil {
		return err
	}
	return x.writeString(part.html)
}

// inline is a load whose work is done by the goroutine that asked for it: a
// block can only be executed where it stands, with the variables around it.
// GetOrSet, with its flights, fences and leases, runs beside.
type inline struct {
	wanted chan context.Context // the loader is called: render, in this context
	made   chan struct{}        // closed when what the loader returns is there
	part   *rendered
	err    error

	done   chan struct{} // closed when GetOrSet has returned
	got    *rendered
	gotErr error
}

// errElsewhere ends a load that was called for after its caller had a value.
var errElsewhere = errors.New("fragment: a block is rendered only by the execution it stands in")

// begin asks for a block that is not in the cache. Each begin has its finish.
func (c *call) begin(ctx context.Context) *inline {
	l := &inline{wanted: make(chan context.Context, 1), made: make(chan struct{}), done: make(chan struct{})}
	go func() {
		defer close(l.done)
		// A stale block cannot be refreshed in the background, so the first to find
		// it so waits for itself.
		l.got, l.gotErr = c.in.parts.GetOrSet(ctx, c.key, l.render,
			cache.TTL(c.life), cache.Tags(c.tags...), cache.SoftTimeout(cache.Forever))
	}()
	return l
}

func (l *inline) render(ctx context.Context) (*rendered, error) {
	l.wanted <- ctx
	select {
	case <-l.made:
		return l.part, l.err
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// finish gives the loader what it is to return, and returns what GetOrSet came
// to.
func (l *inline) finish(part *rendered, err error) (*rendered, error) {
	if l.part = part; err != nil {
		l.err = &failure{err}
	}
	close(l.made)
	<-l.done
	return l.got, l.gotErr
}

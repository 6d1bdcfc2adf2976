package sim

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/stratacache/strata/cache"
)

// actor is a goroutine of the application: it does one thing after another.
type actor struct {
	p      *process
	name   string
	first  bool // it alone sets the node's own key
	begin  chan op
	ctx    context.Context
	cancel context.CancelFunc

	busy   bool
	report func() // what the last op came to, for the schedule to take in
}

// op is something that an actor does. It returns what is to be made of its
// outcome, which the schedule runs.
type op func(ctx context.Context) (report func())

func (a *actor) live() {
	w := a.p.w
	for do := range a.begin {
		report := do(as(a.ctx, a.name))
		w.mu.Lock()
		a.report = report
		w.returned = append(w.returned, a)
		w.mu.Unlock()
	}
}

// start has the actor do something.
func (a *actor) start() { a.do(a.draw()) }

func (a *actor) do(what op) {
	a.busy = true
	a.begin <- what
	a.p.w.settle()
}

func (a *actor) say(format string, args ...any) { a.p.w.note(a.p.name, a.name, format, args...) }

// draw decides what the actor does next.
func (a *actor) draw() op {
	w := a.p.w
	row := w.random.IntN(w.rows)
	limit := time.Duration(0)
	if w.chance(w.deadlines) {
		limit = []time.Duration{3, 90, 700, 2500}[w.random.IntN(4)]*time.Millisecond + time.Duration(w.random.IntN(1000))
	}
	var do op
	switch n := w.random.IntN(100); {
	case n < 10:
		do = a.get(row)
	case n < 45:
		do = a.getOrSet(row)
	case n < 53 && !a.p.inLine: // batches of one call come to the line in no certain order
		do = a.getOrSetMany()
	case n < 56:
		do = a.memo(row)
	case n < 60:
		do = a.fill(row)
	case n < 66:
		do = a.writeThrough(row)
	case n < 85:
		do = a.write(row)
	case n < 89:
		do = a.invalidate(row)
	case n < 91:
		do = a.touch(row)
	case n < 95 && a.first:
		do = a.set()
	default:
		do = a.getOwn(w.random.IntN(w.nodes))
	}
	if limit == 0 {
		return do
	}
	a.say("within %v:", limit)
	return func(ctx context.Context) func() {
		ctx, cancel := context.WithTimeout(ctx, limit)
		defer cancel()
		return do(ctx)
	}
}

// get reads a row's key.
func (a *actor) get(row int) op {
	key := rowKey(row)
	e := a.p.expect(key, a.p.bound, false)
	a.say("Get %s, at least %d", key, e.least)
	return func(ctx context.Context) func() {
		b, err := a.p.client.Get(e.watch(ctx), key)
		return func() { a.saw("Get", row, e, b, err) }
	}
}

// options draws the options of a load. bound is that of what it returns.
func (a *actor) options(row int) (opts []cache.Option, bound time.Duration) {
	w := a.p.w
	opts = append(opts, cache.Tags(tagsOf(row)[:1]...))
	bound = a.p.bound
	switch w.random.IntN(5) {
	case 0:
		opts = append(opts, cache.TTL(40*time.Millisecond))
	case 1:
		opts = append(opts, cache.TTL(200*time.Millisecond))
	case 2:
		opts = append(opts, cache.TTL(3*time.Second))
	}
	if w.chance(30) {
		opts = append(opts, cache.Stale([]time.Duration{0, 2 * time.Second, 20 * time.Second}[w.random.IntN(3)]))
	}
	if w.chance(30) {
		opts = append(opts, cache.SoftTimeout([]time.Duration{0, 50 * time.Millisecond, cache.Forever}[w.random.IntN(3)]))
	}
	if w.chance(10) {
		opts = append(opts, cache.HardTimeout(150*time.Millisecond))
	}
	switch n := w.random.IntN(100); {
	case n < 4:
		opts, bound = append(opts, cache.Refresh()), 0
	case n < 8:
		opts, bound = append(opts, cache.SkipNear()), 0
	case n < 10:
		opts = append(opts, cache.NoStore())
	}
	return opts, bound
}

func (a *actor) loader() loaderOf {
	w := a.p.w
	return loaderOf{w: w, p: a.p, fails: w.chance(w.failingLoads), slow: w.chance(w.slowLoads), renews: w.chance(50)}
}

// getOrSet reads a row through the cache.
func (a *actor) getOrSet(row int) op {
	key := rowKey(row)
	opts, bound := a.options(row)
	l := a.loader()
	e := a.p.expect(key, bound, true)
	a.say("GetOrSet %s, at least %d", key, e.least)
	return func(ctx context.Context) func() {
		b, err := a.p.client.GetOrSet(e.watch(ctx), key, func(ctx context.Context) ([]byte, error) { return l.load(ctx, row) }, opts...)
		return func() { a.saw("GetOrSet", row, e, b, err) }
	}
}

// getOrSetMany reads all rows through the cache.
func (a *actor) getOrSetMany() op {
	w := a.p.w
	l := a.loader()
	opts, bound := a.options(0)
	opts = append(opts[1:], cache.Tags("all"), cache.BatchSize(w.random.IntN(3)))
	var keys []string
	var expected []expectation
	outage := new(atomic.Bool)
	for row := range w.rows {
		e := a.p.expect(rowKey(row), bound, true)
		e.outage = outage
		keys, expected = append(keys, e.key), append(expected, e)
		a.say("GetOrSetMany %s, at least %d", e.key, e.least)
	}
	return func(ctx context.Context) func() {
		values, err := a.p.client.GetOrSetMany(expected[0].watch(ctx), keys, l.loadMany, opts...)
		return func() {
			many, partly := errors.AsType[cache.ManyError](err)
			for row, key := range keys {
				b, found := values[key]
				each := many[key]
				switch {
				case err != nil && !partly:
					each = err
				case each == nil && !found:
					each = cache.ErrNotFound
				}
				a.saw("GetOrSetMany", row, expected[row], b, each)
			}
		}
	}
}

// memo is a request that reads twice, with its own invalidation in between.
func (a *actor) memo(row int) op {
	w, key := a.p.w, rowKey(row)
	l := a.loader()
	writes := w.chance(50)
	e := a.p.expect(key, a.p.bound, true)
	a.say("a request reads %s twice, at least %d", key, e.least)
	load := func(ctx context.Context) ([]byte, error) { return l.load(ctx, row) }
	return func(ctx context.Context) func() {
		ctx = cache.WithMemo(e.watch(ctx))
		one, err1 := a.p.client.GetOrSet(ctx, key, load, cache.Tags(tagsOf(row)[0]))
		second := e
		if writes {
			was := w.db.committed()[row]
			if _, err := a.p.client.Delete(ctx, key); err == nil {
				second.least, second.inOutage = max(e.least, was), max(e.inOutage, was)
			}
		}
		two, err2 := a.p.client.GetOrSet(ctx, key, load, cache.Tags(tagsOf(row)[0]))
		return func() {
			a.saw("first GetOrSet", row, e, one, err1)
			a.saw("second GetOrSet", row, second, two, err2)
		}
	}
}

// fill is a load that the application makes itself.
func (a *actor) fill(row int) op {
	w, key := a.p.w, rowKey(row)
	a.say("Fence, load, Fill %s", key)
	return func(ctx context.Context) func() {
		f, err := a.p.client.Fence(ctx, key)
		if err != nil {
			return func() { a.say("Fence: %v", err) }
		}
		version, load, err := w.read(ctx, row)
		if err != nil || !exists(version) {
			return func() { a.say("nothing to fill: %v", err) }
		}
		stored, err := a.p.client.Fill(ctx, key, []byte(value(key, version, load)), f, cache.Tags(tagsOf(row)...))
		return func() { a.say("Fill %d: %v, %v", version, stored, err) }
	}
}

// touch gives what stands a new life.
func (a *actor) touch(row int) op {
	a.say("Touch %s", rowKey(row))
	return func(ctx context.Context) func() {
		done, err := a.p.client.Touch(ctx, rowKey(row), cache.TTL(4*time.Second))
		return func() { a.say("Touch: %v, %v", done, err) }
	}
}

// getOwn reads a node's own key.
func (a *actor) getOwn(node int) op {
	key := ownKey(node)
	e := a.p.expect(key, a.p.bound, false)
	a.say("Get %s, at least %d", key, e.least)
	return func(ctx context.Context) func() {
		b, err := a.p.client.Get(ctx, key)
		return func() { a.sawOwn(node, e, b, err) }
	}
}

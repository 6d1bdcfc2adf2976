package sim

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"reflect"
	"slices"
	"sync/atomic"
	"time"

	"github.com/stratacache/strata/cache"
	"github.com/stratacache/strata/cache/driver"
)

// wrong notes something that must not be.
func (w *world) wrong(format string, args ...any) {
	w.note("", "", "WRONG: "+format, args...)
	w.problems = append(w.problems, fmt.Sprintf(format, args...))
}

// expectation is what a read may return that begins now.
type expectation struct {
	key             string
	least, inOutage int // the oldest version
	outage          *atomic.Bool
}

type outageKey struct{}

// expect is what a read of key may return whose bound is that, if the store
// answers, and otherwise the general one: then nobody can know better.
func (p *process) expect(key string, bound time.Duration, stale bool) expectation {
	return expectation{
		key: key, outage: new(atomic.Bool),
		least: p.w.floor(p, key, bound, stale), inOutage: p.w.floor(p, key, p.w.bound, stale),
	}
}

// watch has the line note in ctx whether the store left a read unanswered.
func (e expectation) watch(ctx context.Context) context.Context {
	return context.WithValue(ctx, outageKey{}, e.outage)
}

func unanswered(ctx context.Context) {
	if b, _ := ctx.Value(outageKey{}).(*atomic.Bool); b != nil {
		b.Store(true)
	}
}

// saw takes in what a read of a row returned. An error promises nothing.
func (a *actor) saw(what string, row int, e expectation, b []byte, err error) {
	w, key, least := a.p.w, e.key, e.least
	if e.outage.Load() {
		least = e.inOutage
	}
	a.say("%s %s = %s, %v", what, key, string(b), err)
	now := w.db.rows[row]
	if err != nil {
		if errors.Is(err, cache.ErrNotFound) && !slices.ContainsFunc(between(least, now), func(v int) bool { return !exists(v) }) {
			w.wrong("%s: %s says that %s does not exist, but since version %d it always has", a.name, what, key, least)
		}
		return
	}
	switch v, err := versionOf(key, b); {
	case err != nil:
		w.wrong("%s: %s returned %v", a.name, what, err)
	case v < least:
		w.wrong("%s: %s %s returned version %d; %d had been committed and invalidated", a.name, what, key, v, least)
	case v > now || !exists(v):
		w.wrong("%s: %s %s returned version %d, which was never committed", a.name, what, key, v)
	}
}

// sawOwn takes in what a read of a node's own key returned.
func (a *actor) sawOwn(node int, e expectation, b []byte, err error) {
	w, key, least := a.p.w, e.key, e.least
	a.say("Get %s = %s, %v", key, string(b), err)
	if err != nil {
		return
	}
	switch v, err := versionOf(key, b); {
	case err != nil:
		w.wrong("%s: Get returned %v", a.name, err)
	case v < least || v > w.db.set[node]:
		w.wrong("%s: Get %s returned %d, %d was set", a.name, key, v, least)
	}
}

func between(from, to int) []int {
	var out []int
	for v := from; v <= to; v++ {
		out = append(out, v)
	}
	return out
}

// checkStore looks into the shared store: what is valid there is not older than
// what was invalidated, and is whole.
func (w *world) checkStore() {
	a := w.store
	if a.meta == nil || a.meta.history != a.history && w.without != HistoryRule {
		return // nothing is valid
	}
	for row, now := range w.db.rows {
		key := rowKey(row)
		for k, s := range a.slots {
			if k.Name != key || s.entry == nil || a.judgeToRead(s.entry) != driver.Valid || (driver.Life{Expires: s.until}).Ended(a.now()) {
				continue
			}
			least := 0
			for _, f := range w.db.floors[key] {
				least = max(least, f.version)
			}
			if s.entry.Kind == driver.Negative {
				if !slices.ContainsFunc(between(least, now), func(v int) bool { return !exists(v) }) {
					w.wrong("the store holds that %s does not exist, but since version %d it always has", key, least)
				}
				continue
			}
			v, err := versionOf(key, s.entry.Payload)
			switch {
			case err != nil:
				w.wrong("the store holds %v", err)
			case v < least:
				w.wrong("the store holds version %d of %s as valid; %d had been committed and invalidated", v, key, least)
			}
			for _, t := range tagsOf(row) {
				if !slices.Contains(s.entry.Tags, t) {
					w.wrong("the store holds %s without its tag %s", s.entry.Payload, t)
				}
			}
		}
	}
}

// made notes what a loader made, by its load.
func (p *process) made(ctx context.Context, value string) {
	p.w.mu.Lock()
	defer p.w.mu.Unlock()
	l := cache.Loading(ctx)
	p.loads[l] = append(p.loads[l], value)
}

// loaded is the hook: a load's result was stored, or it was not, and the engine
// knows which.
func (p *process) loaded(ctx context.Context, info cache.LoadInfo) {
	w := p.w
	w.mu.Lock()
	defer w.mu.Unlock()
	l := cache.Loading(ctx)
	values := p.loads[l]
	delete(p.loads, l)
	for _, v := range values {
		_, stored := w.store.filled.Load(v)
		switch {
		case info.Stored && !stored:
			w.late = append(w.late, fmt.Sprintf("%s: the load of %s says that it was stored, and it was not", p.name, v))
		case stored && !info.Stored && info.Err == nil && info.StoreErr == nil && len(values) == 1 && len(info.Keys) == 0:
			w.late = append(w.late, fmt.Sprintf("%s: the load of %s says that it was not stored, and it was", p.name, v))
		}
	}
}

// rest is the end of a run: all is connected, all that was begun ends, and the
// verification bound has passed. Then each process reads what is true, and keeps
// it.
func (w *world) rest() {
	if len(w.problems) > 0 {
		return
	}
	w.note("", "", "all is well from here on")
	w.draining = true
	for _, p := range w.processes {
		p.hangs, p.fails, p.logHangs, p.readsFail = false, false, false, false
	}
	if !w.drain() {
		return
	}
	w.pass(2 * w.bound)
	for _, p := range w.processes {
		a := p.actors[0]
		for row := range w.rows {
			w.readAtRest(a, row)
		}
		for n := range w.nodes {
			w.finish(a, a.getOwn(n))
		}
	}
}

// readAtRest reads a row until it is had without a load. A load that was begun
// before may still fail once.
func (w *world) readAtRest(a *actor, row int) {
	key := rowKey(row)
	l := loaderOf{w: w, p: a.p}
	var failed error
	for range 6 {
		e := a.p.expect(key, a.p.bound, true)
		loads := w.db.loads
		w.finish(a, func(ctx context.Context) func() {
			b, err := a.p.client.GetOrSet(ctx, key, func(ctx context.Context) ([]byte, error) { return l.load(ctx, row) }, cache.Tags(tagsOf(row)...))
			return func() {
				a.saw("at rest, GetOrSet", row, e, b, err)
				if failed = err; errors.Is(err, cache.ErrNotFound) {
					failed = nil
				}
			}
		})
		if len(w.problems) > 0 || failed == nil && (w.db.loads == loads || a.p.early) {
			return
		}
	}
	w.wrong("%s: at rest, %s is loaded again and again: %v", a.name, key, failed)
}

// finish has an actor do something, to its end.
func (w *world) finish(a *actor, do op) {
	if len(w.problems) > 0 {
		return
	}
	a.do(do)
	w.drain()
}

// drain moves all on until nobody waits for anything.
func (w *world) drain() bool {
	const most = 5 * time.Minute
	for began := time.Now(); ; {
		moved := false
		for _, c := range slices.Clone(w.calls) {
			if !c.left.Load() && w.movable(c) && slices.Contains(w.calls, c) {
				w.move(c)
				moved = true
			}
		}
		if len(w.problems) > 0 {
			return false
		}
		if moved {
			continue
		}
		busy := ""
		for _, p := range w.processes {
			for _, a := range p.actors {
				if a.busy {
					busy += " " + a.name
				}
			}
		}
		if busy == "" {
			return true
		}
		if time.Since(began) > most {
			w.wrong("still not returned:%s", busy)
			return false
		}
		w.pass(w.bound / 10)
	}
}

// shutDown closes a client; what it waits for is answered.
func (w *world) shutDown(p *process) {
	w.draining = true
	p.hangs, p.fails, p.logHangs, p.readsFail = false, false, false, false
	for _, a := range p.actors {
		a.cancel()
		close(a.begin)
	}
	closed := make(chan error, 1)
	go func() { closed <- p.client.Close(context.Background()) }()
	for range 1000 {
		w.settle()
		select {
		case err := <-closed:
			if err != nil {
				w.wrong("%s: Close: %v", p.name, err)
			}
			w.addStats(p)
			return
		default:
		}
		for _, c := range slices.Clone(w.calls) {
			if !c.left.Load() && w.movable(c) && slices.Contains(w.calls, c) {
				w.move(c)
			}
		}
		w.pass(w.bound)
	}
	w.wrong("%s: Close does not return", p.name)
}

// addStats adds up what the clients say that they did.
func (w *world) addStats(p *process) {
	s := p.client.Stats()
	add(&w.stats, &s)
}

func add(sum, s *cache.Stats) {
	for name, n := range each(sum) {
		n.SetUint(n.Uint() + reflect.ValueOf(s).Elem().FieldByName(name).Uint())
	}
}

// each is each counter of s.
func each(s *cache.Stats) iter.Seq2[string, reflect.Value] {
	return func(yield func(string, reflect.Value) bool) {
		for f, v := range reflect.ValueOf(s).Elem().Fields() {
			if v.Kind() == reflect.Uint64 && !yield(f.Name, v) {
				return
			}
		}
	}
}

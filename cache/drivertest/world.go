package drivertest

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/stratacache/strata/cache"
	"github.com/stratacache/strata/cache/driver"
)

// world is what one rule is checked in: a store of its own and short words for
// what is done with it. Its methods end the test if the store fails.
type world struct {
	t     *testing.T
	h     *Harness
	rule  string
	ctx   context.Context
	store driver.Store
	ran   *ran
}

const (
	// leaseWait is short: whoever loses the reply to a miss waits for itself.
	leaseWait = 20 * time.Millisecond

	long    = time.Hour   // a lifetime that no test outlives
	nowhere = "(nothing)" // what read says of a miss
)

func newWorld(t *testing.T, h *Harness, rule string, ran *ran) *world {
	w := &world{t: t, h: h, rule: rule, ctx: t.Context(), ran: ran}
	w.store = w.closing(h.Open(t))
	return w
}

// closing has s closed at the end of the test.
func (w *world) closing(s driver.Store) driver.Store {
	w.t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := s.Close(ctx); err != nil {
			w.t.Errorf("Close after the test: %v", err)
		}
	})
	return s
}

// again is a second store over the same namespace.
func (w *world) again() *world {
	second := *w
	second.store = w.closing(w.h.Again(w.t, w.store))
	return &second
}

// fail reports that the rule does not hold.
func (w *world) fail(format string, args ...any) {
	w.t.Helper()
	w.t.Errorf("%s: "+format, append([]any{w.rule}, args...)...)
}

// must ends the test if err is not nil.
func (w *world) must(what string, err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatalf("%s: %s: got error %v, want none", w.rule, what, err)
	}
}

// is checks that err is want.
func (w *world) is(what string, err, want error) {
	w.t.Helper()
	if !errors.Is(err, want) {
		w.fail("%s: got error %v, want %v", what, err, want)
	}
}

// same checks that two values are equal.
func same[T comparable](w *world, what string, got, want T) {
	w.t.Helper()
	if got != want {
		w.fail("%s: got %v, want %v", what, got, want)
	}
}

// pass lets d go by.
func (w *world) pass(d time.Duration) {
	switch {
	case w.h.Advance != nil:
		w.h.Advance(w.t, d)
	case w.h.Bubble:
		time.Sleep(d)
	default:
		time.Sleep(d + 5*time.Millisecond) // servers round to milliseconds
	}
}

// inTime runs try, which must happen within d of its own beginning, and again
// if the machine was too slow for it.
func (w *world) inTime(d time.Duration, try func()) {
	w.t.Helper()
	for range 20 {
		began := time.Now()
		try()
		if w.h.Advance != nil || time.Since(began) < d {
			return
		}
	}
	w.ran.slow = true
	w.t.Skipf("this machine did not do within %v what must happen in it", d)
}

// pointless ends a rule that says nothing of this store.
func (w *world) pointless(why string) {
	w.t.Helper()
	w.ran.pointless = why
	w.t.Skip(why)
}

// until waits until a concurrent step has come so far.
func (w *world) until(what string, done func() bool) {
	for range 5000 {
		if done() {
			return
		}
		time.Sleep(2 * time.Millisecond)
	}
	w.fail("%s did not happen", what)
}

func lifeOf(d time.Duration) driver.Life {
	end := time.Now().Add(d).UnixNano()
	return driver.Life{Fresh: end, Expires: end}
}

func keyOf(name string) driver.Key { return driver.Key{Scope: "t:1:", Name: name} }

func keysOf(names ...string) []driver.Key {
	out := make([]driver.Key, len(names))
	for i, n := range names {
		out[i] = keyOf(n)
	}
	return out
}

// entry is one of plain bytes that lives long.
func entry(payload string, tags ...string) *driver.Entry {
	return &driver.Entry{Life: lifeOf(long), Payload: []byte(payload), Tags: tags}
}

func integer(decimal string, tags ...string) *driver.Entry {
	e := entry(decimal, tags...)
	e.Kind = driver.Integer
	return e
}

func negative() *driver.Entry {
	e := entry("")
	e.Kind = driver.Negative
	return e
}

// living gives an entry another lifetime.
func living(e *driver.Entry, d time.Duration) *driver.Entry {
	e.Life = lifeOf(d)
	return e
}

func (w *world) get(name string, hold time.Duration) driver.Reading {
	w.t.Helper()
	r, err := w.store.Get(w.ctx, keyOf(name), hold)
	w.must("Get "+name, err)
	return r
}

// stands is the entry under name, of which there must be one.
func (w *world) stands(name string) *driver.Entry {
	w.t.Helper()
	e := w.get(name, 0).Entry
	if e == nil {
		w.t.Fatalf("%s: Get %s: got nothing", w.rule, name)
	}
	return e
}

// read is the payload under name, or nowhere.
func (w *world) read(name string) string {
	w.t.Helper()
	return payload(w.get(name, 0).Entry)
}

func payload(e *driver.Entry) string {
	switch {
	case e == nil:
		return nowhere
	case e.Kind == driver.Negative:
		return "(negative)"
	}
	return string(e.Payload)
}

// fence is where a load begins: it plants a placeholder on a miss.
func (w *world) fence(name string) driver.Fence {
	w.t.Helper()
	f := w.get(name, long).Fence
	if f.Token == 0 {
		w.t.Fatalf("%s: Get %s with a hold: got no token", w.rule, name)
	}
	return f
}

func (w *world) put(name string, e *driver.Entry, mode driver.Mode, token driver.Token) driver.Result {
	w.t.Helper()
	r, err := w.store.Put(w.ctx, keyOf(name), e, mode, token)
	w.must("Put "+name, err)
	return r
}

func (w *world) set(name string, e *driver.Entry) driver.Stamp {
	w.t.Helper()
	r := w.put(name, e, driver.Set, 0)
	if !r.Done {
		w.fail("Set %s: got Done false", name)
	}
	return r.Clock
}

func (w *world) add(name string, e *driver.Entry) bool {
	w.t.Helper()
	return w.put(name, e, driver.Add, 0).Done
}

// fill stores the result of a load that began at f.
func (w *world) fill(name string, e *driver.Entry, f driver.Fence) bool {
	w.t.Helper()
	e.Stamp = f.Stamp
	return w.put(name, e, driver.Fill, f.Token).Done
}

func (w *world) setFenced(name string, e *driver.Entry, f driver.Fence) driver.Result {
	w.t.Helper()
	e.Stamp = f.Stamp
	return w.put(name, e, driver.SetFenced, f.Token)
}

func (w *world) touch(name string, l driver.Life) bool {
	w.t.Helper()
	r, err := w.store.Touch(w.ctx, keyOf(name), l)
	w.must("Touch "+name, err)
	return r.Done
}

func (w *world) incr(name string, delta int64, initial *driver.Entry) int64 {
	w.t.Helper()
	r, err := w.store.Incr(w.ctx, keyOf(name), delta, initial)
	w.must("Incr "+name, err)
	return r.Value
}

func (w *world) delete(names ...string) int {
	w.t.Helper()
	r, err := w.store.Invalidate(w.ctx, driver.Invalidation{Keys: keysOf(names...)})
	w.must("Invalidate of keys", err)
	return r.Removed
}

func (w *world) invalidate(tags ...string) driver.Stamp {
	w.t.Helper()
	r, err := w.store.Invalidate(w.ctx, driver.Invalidation{Tags: tags})
	w.must("Invalidate of tags", err)
	return r.Clock
}

func (w *world) move(from, to string) bool {
	w.t.Helper()
	r, err := driver.Move(w.ctx, w.store, keyOf(from), keyOf(to))
	w.must("Move "+from+" "+to, err)
	return r.Done
}

// getMany reads distinct names at once.
func (w *world) getMany(hold time.Duration, names ...string) []driver.KeyReading {
	w.t.Helper()
	rs, err := driver.GetMany(w.ctx, w.store, keysOf(names...), hold)
	w.must("GetMany", err)
	if len(rs) != len(names) {
		w.t.Fatalf("%s: GetMany: got %d readings of %d keys", w.rule, len(rs), len(names))
	}
	for i, r := range rs {
		w.must("GetMany, the reading of "+names[i], r.Err)
	}
	return rs
}

// putMany stores items at once.
func (w *world) putMany(items ...driver.Item) []driver.ItemResult {
	w.t.Helper()
	rs := driver.PutMany(w.ctx, w.store, items)
	if len(rs) != len(items) {
		w.t.Fatalf("%s: PutMany: got %d results of %d items", w.rule, len(rs), len(items))
	}
	for i, r := range rs {
		w.must("PutMany, the result of "+items[i].Key.Name, r.Err)
	}
	return rs
}

func setOf(name string, e *driver.Entry) driver.Item {
	return driver.Item{Key: keyOf(name), Entry: e, Mode: driver.Set}
}

func (w *world) clock() driver.Stamp {
	w.t.Helper()
	return w.get("a key for asking the clock", 0).Fence.Stamp
}

// client is a cache over the world's store.
func (w *world) client(opts *cache.Options) *cache.Client {
	w.t.Helper()
	return w.clientOf(w.store, opts)
}

func (w *world) clientOf(s driver.Store, opts *cache.Options) *cache.Client {
	w.t.Helper()
	var o cache.Options
	if opts != nil {
		o = *opts
	}
	if o.LeaseWait == 0 {
		o.LeaseWait = leaseWait
	}
	if o.Recovery == 0 {
		o.Recovery = -1 // what the store does is to be seen, not what the client remembers
	}
	c, err := cache.New(s, &o)
	w.must("cache.New", err)
	w.t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := c.Close(ctx); err != nil {
			w.t.Errorf("Client.Close after the test: %v", err)
		}
	})
	return c
}

// look is what c says of key: its value, "(nothing)" or "(not found)".
func (w *world) look(c cache.Cache, key string) string {
	w.t.Helper()
	b, err := c.Get(w.ctx, key)
	switch {
	case errors.Is(err, cache.ErrMiss):
		return nowhere
	case errors.Is(err, cache.ErrNotFound):
		return "(not found)"
	}
	w.must("Get "+key, err)
	return string(b)
}

// write sets key to value through c.
func (w *world) write(c cache.Cache, key, value string, opts ...cache.Option) {
	w.t.Helper()
	w.must("Set "+key, c.Set(w.ctx, key, []byte(value), opts...))
}

// isSentinel reports whether err is an answer and not an outage.
func isSentinel(err error) bool {
	return slices.ContainsFunc([]error{
		cache.ErrMiss, cache.ErrNotFound, cache.ErrNotInteger, cache.ErrOverflow, cache.ErrKey,
		cache.ErrTooLarge, cache.ErrClosed, cache.ErrUnfenced, cache.ErrOption, cache.ErrRecursiveLoad,
		driver.ErrCorrupt, driver.ErrForeign, driver.ErrNewer,
	}, func(s error) bool { return errors.Is(err, s) })
}

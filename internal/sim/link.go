package sim

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/stratacache/strata/cache/driver"
)

// carrier brings the steps of a call to the store, one after another, and its
// reply back.
type carrier interface {
	carry(ctx context.Context, c *call) error
	hangUp()
}

// call is one call on its way.
type call struct {
	what  string
	args  []any
	steps []func() // what the store does; taken off as they are done
	// ready says when a reading of the log has something to say; nil: now.
	ready func() bool
	log   bool
	reads bool // it is a Get
	// once: it is not on its way any more when nobody waits for it.
	once bool
	// last is done when the reply leaves the store; usually nil.
	last func()

	parked // what the schedule knows of it
}

// link is a process's line to the store: a driver.Store whose calls go through
// a carrier.
type link struct {
	to *authority
	carrier
	skew time.Duration // of the process's wall clock
}

// carryTo makes a call of steps and waits for its end.
func (l *link) carryTo(ctx context.Context, what string, args []any, steps ...func()) error {
	return l.carry(ctx, &call{what: what, args: args, steps: steps})
}

// sent is an entry as the store sees it: a copy, with times of the store's clock.
func (l *link) sent(e *driver.Entry) *driver.Entry { return shift(e, l.skew) }

// received is an entry as the process sees it.
func (l *link) received(e *driver.Entry) *driver.Entry { return shift(e, -l.skew) }

func shift(e *driver.Entry, by time.Duration) *driver.Entry {
	if e == nil {
		return nil
	}
	e = e.Clone()
	e.Life = shiftLife(e.Life, by)
	return e
}

func shiftLife(l driver.Life, by time.Duration) driver.Life {
	for _, t := range []*int64{&l.Fresh, &l.Expires} {
		if *t != driver.Forever {
			*t += int64(by)
		}
	}
	return l
}

// Get implements driver.Store.
func (l *link) Get(ctx context.Context, key driver.Key, hold time.Duration) (driver.Reading, error) {
	var r driver.Reading
	c := &call{what: "get %s hold %v", args: []any{key, hold}, reads: true, steps: l.reading(&r, key, hold)}
	if l.to.without == AsOfRule {
		c.last = func() { r.Fence.Stamp = l.to.clock() }
	}
	if err := l.carry(ctx, c); err != nil {
		return driver.Reading{}, err
	}
	r.Entry = l.received(r.Entry)
	return r, nil
}

// reading is the steps of a Get: at once, or the clock before the key.
func (l *link) reading(r *driver.Reading, key driver.Key, hold time.Duration) []func() {
	if !l.to.split {
		return []func(){func() { *r = l.to.get(key, hold) }}
	}
	var before driver.Stamp
	return []func(){
		func() { before = l.to.clock() },
		func() {
			*r = l.to.get(key, hold)
			if r.Fence.Stamp.Epoch == before.Epoch {
				r.Fence.Stamp = before
			}
		},
	}
}

// advancing are the steps of what changes keys: what it depends on, the effect,
// then the clock.
func (l *link) advancing(judge func(), effect func() bool, clock *driver.Stamp, keys []driver.Key, tags ...string) []func() {
	a := l.to
	advances := true
	do := func() { advances = effect() }
	tell := func() {
		*clock = a.clock()
		if advances {
			*clock = a.advance(keys, tags...)
		}
	}
	switch {
	case a.without == EffectRule:
		return []func(){func() { judge(); tell() }, do}
	case a.split:
		return []func(){judge, do, tell}
	}
	return []func(){func() { judge(); do(); tell() }}
}

func nothing() {}

// Put implements driver.Store.
func (l *link) Put(ctx context.Context, key driver.Key, e *driver.Entry, mode driver.Mode, token driver.Token) (driver.Result, error) {
	var r driver.Result
	if mode > driver.SetFenced {
		return r, errors.ErrUnsupported
	}
	what := [...]string{"set %s = %s", "add %s = %s", "fill %s = %s", "set fenced %s = %s"}[mode]
	args := []any{key, string(e.Payload), e.Stamp.N, token}
	err := l.carry(ctx, &call{
		what: what + " at %d under %x", args: args, steps: l.putting(ctx, &r, key, e, mode, token), once: mode == driver.Set,
	})
	if err != nil {
		return driver.Result{}, err
	}
	return r, nil
}

func (l *link) putting(ctx context.Context, r *driver.Result, key driver.Key, e *driver.Entry, mode driver.Mode, token driver.Token) []func() {
	e = l.sent(e)
	allowed := true
	judge := func() {
		if mode == driver.Fill || mode == driver.SetFenced {
			allowed = l.to.allows(e)
		}
	}
	return noted(ctx, l.advancing(judge, func() (advances bool) {
		r.Done, advances = l.to.put(key, e, mode, token, allowed)
		return advances
	}, &r.Clock, []driver.Key{key}))
}

// Touch implements driver.Store.
func (l *link) Touch(ctx context.Context, key driver.Key, life driver.Life) (driver.Result, error) {
	var r driver.Result
	life = shiftLife(life, l.skew)
	err := l.carryTo(ctx, "touch %s", []any{key}, l.advancing(nothing, func() bool {
		r.Done = l.to.touch(key, life)
		return r.Done
	}, &r.Clock, []driver.Key{key})...)
	if err != nil {
		return driver.Result{}, err
	}
	return r, nil
}

// Incr implements driver.Store.
func (l *link) Incr(ctx context.Context, key driver.Key, delta int64, initial *driver.Entry) (driver.Sum, error) {
	var s driver.Sum
	var failed error
	initial = shift(initial, l.skew)
	err := l.carryTo(ctx, "incr %s", []any{key}, func() { s, failed = l.to.incr(key, delta, initial) })
	if err == nil {
		err = failed
	}
	if err != nil {
		return driver.Sum{}, err
	}
	return s, nil
}

// Invalidate implements driver.Store.
func (l *link) Invalidate(ctx context.Context, what driver.Invalidation) (driver.Invalidated, error) {
	var r driver.Invalidated
	err := l.carryTo(ctx, "invalidate %v %q", []any{what.Keys, what.Tags}, noted(ctx, l.advancing(nothing, func() bool {
		r.Removed = l.to.remove(what.Keys)
		return true
	}, &r.Clock, what.Keys, what.Tags...))...)
	if err != nil {
		return driver.Invalidated{}, err
	}
	return r, nil
}

// Ping implements driver.Store.
func (l *link) Ping(ctx context.Context) error { return l.carryTo(ctx, "ping", nil) }

// Close implements driver.Store.
func (l *link) Close(context.Context) error {
	l.hangUp()
	return nil
}

// readLog is ReadLog of a driver.LogReader.
func (l *link) readLog(ctx context.Context, after driver.Stamp, wait time.Duration) (driver.LogReading, error) {
	var r driver.LogReading
	until := time.Now().Add(wait)
	c := &call{what: "read log after %d", args: []any{after.N}, log: true}
	c.steps = []func(){func() { r, _ = l.to.readLog(after) }}
	c.ready = func() bool {
		_, none := l.to.readLog(after)
		return !none || !time.Now().Before(until)
	}
	if err := l.carry(ctx, c); err != nil {
		return driver.LogReading{}, err
	}
	return r, nil
}

// getMany is GetMany of a driver.ManyGetter: one request, a step for each key.
func (l *link) getMany(ctx context.Context, keys []driver.Key, hold time.Duration) ([]driver.KeyReading, error) {
	out := make([]driver.KeyReading, len(keys))
	c := &call{what: "get %v hold %v", args: []any{keys, hold}, reads: true}
	for i, k := range keys {
		c.steps = append(c.steps, l.reading(&out[i].Reading, k, hold)...)
	}
	// The clock of the first is right for all, the clock of the last is not.
	if err := l.carry(ctx, c); err != nil {
		return nil, err
	}
	for i := range out {
		out[i].Entry = l.received(out[i].Entry)
	}
	return out, nil
}

// putMany is PutMany of a driver.ManyPutter.
func (l *link) putMany(ctx context.Context, items []driver.Item) []driver.ItemResult {
	results := make([]driver.ItemResult, len(items))
	c := &call{what: "put"}
	for i, it := range items {
		c.what += " %s = %s;"
		c.args = append(c.args, it.Key, string(it.Entry.Payload))
		c.once = c.once || it.Mode == driver.Set
		c.steps = append(c.steps, l.putting(ctx, &results[i].Result, it.Key, it.Entry, it.Mode, it.Token)...)
	}
	if err := l.carry(ctx, c); err != nil {
		results = make([]driver.ItemResult, len(items))
		for i := range results {
			results[i].Err = fmt.Errorf("put many: %w", err)
		}
	}
	return results
}

// What a store can do beside the seven methods.
type (
	withLog     struct{ *link }
	withMany    struct{ *link }
	withLogMany struct{ *link }
)

func (l withLog) ReadLog(ctx context.Context, after driver.Stamp, wait time.Duration) (driver.LogReading, error) {
	return l.readLog(ctx, after, wait)
}

func (l withLogMany) ReadLog(ctx context.Context, after driver.Stamp, wait time.Duration) (driver.LogReading, error) {
	return l.readLog(ctx, after, wait)
}

// Peek implements driver.Peeker, with what the store holds, valid or not.
func (l withLogMany) Peek(ctx context.Context, key driver.Key) (*driver.Entry, error) {
	var e *driver.Entry
	if err := l.carry(ctx, &call{what: "peek %s", args: []any{key}, reads: true, steps: []func(){func() { e = l.to.standing(key).entry }}}); err != nil {
		return nil, err
	}
	return l.received(e), nil
}

func (l withMany) GetMany(ctx context.Context, keys []driver.Key, hold time.Duration) ([]driver.KeyReading, error) {
	return l.getMany(ctx, keys, hold)
}

func (l withLogMany) GetMany(ctx context.Context, keys []driver.Key, hold time.Duration) ([]driver.KeyReading, error) {
	return l.getMany(ctx, keys, hold)
}

func (l withMany) PutMany(ctx context.Context, items []driver.Item) []driver.ItemResult {
	return l.putMany(ctx, items)
}

func (l withLogMany) PutMany(ctx context.Context, items []driver.Item) []driver.ItemResult {
	return l.putMany(ctx, items)
}

// store is l with what the world's store can do.
func (l *link) store(log, many bool) driver.Store {
	switch {
	case log && many:
		return withLogMany{l}
	case log:
		return withLog{l}
	case many:
		return withMany{l}
	}
	return l
}

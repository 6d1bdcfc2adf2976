package cache

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/stratacache/strata/cache/driver"
)

// limited is a tier whose calls take no longer than most. It rests on the rule
// that a store ends a call soon after its context ends.
type limited struct {
	driver.Store
	most     time.Duration
	timedOut func(context.Context) // told of each call that was given up
}

// limit bounds the calls of a tier; 0 is no bound.
func (e *engine) limit(s driver.Store, tier int, most time.Duration) driver.Store {
	if most == 0 {
		return s
	}
	return &limited{Store: s, most: most, timedOut: func(ctx context.Context) {
		e.event(ctx, EventInfo{Event: StoreTimedOut, Tier: tier})
	}}
}

// Unwrap lets the store's properties through.
func (l *limited) Unwrap() driver.Store { return l.Store }

// begin gives a call its time, if that is less than its context allows.
func (l *limited) begin(ctx context.Context) (context.Context, context.CancelFunc) {
	if end, ok := ctx.Deadline(); ok && time.Until(end) <= l.most {
		return ctx, func() {}
	}
	return context.WithTimeout(ctx, l.most)
}

// within makes one call in its time.
func within[T any](ctx context.Context, l *limited, call func(context.Context) (T, error)) (T, error) {
	short, end := l.begin(ctx)
	defer end()
	out, err := call(short)
	return out, l.judge(ctx, short, err)
}

// judge makes the error of a call that was given up an outage: the caller's own
// context goes on. A store may notice the deadline a moment before its context.
func (l *limited) judge(ctx, short context.Context, err error) error {
	if err == nil || short == ctx || ctx.Err() != nil || short.Err() == nil && !errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	l.timedOut(ctx)
	return fmt.Errorf("%w: %v: %v", ErrStoreTimeout, l.most, err)
}

// judgeEach judges a batch, which was given up once, if it was.
func (l *limited) judgeEach(ctx, short context.Context, n int, of func(int) *error) {
	var late error
	for i := range n {
		err := of(i)
		if !errors.Is(*err, context.DeadlineExceeded) {
			continue
		}
		if late == nil {
			late = l.judge(ctx, short, *err)
		}
		*err = late
	}
}

func (l *limited) Get(ctx context.Context, key driver.Key, hold time.Duration) (driver.Reading, error) {
	return within(ctx, l, func(ctx context.Context) (driver.Reading, error) { return l.Store.Get(ctx, key, hold) })
}

// Peek is for a store that has it.
func (l *limited) Peek(ctx context.Context, key driver.Key) (*driver.Entry, error) {
	return within(ctx, l, func(ctx context.Context) (*driver.Entry, error) { return l.Store.(driver.Peeker).Peek(ctx, key) })
}

func (l *limited) Put(ctx context.Context, key driver.Key, e *driver.Entry, mode driver.Mode, token driver.Token) (driver.Result, error) {
	return within(ctx, l, func(ctx context.Context) (driver.Result, error) { return l.Store.Put(ctx, key, e, mode, token) })
}

func (l *limited) Touch(ctx context.Context, key driver.Key, life driver.Life) (driver.Result, error) {
	return within(ctx, l, func(ctx context.Context) (driver.Result, error) { return l.Store.Touch(ctx, key, life) })
}

func (l *limited) Incr(ctx context.Context, key driver.Key, delta int64, initial *driver.Entry) (driver.Sum, error) {
	return within(ctx, l, func(ctx context.Context) (driver.Sum, error) { return l.Store.Incr(ctx, key, delta, initial) })
}

func (l *limited) Invalidate(ctx context.Context, what driver.Invalidation) (driver.Invalidated, error) {
	return within(ctx, l, func(ctx context.Context) (driver.Invalidated, error) { return l.Store.Invalidate(ctx, what) })
}

func (l *limited) Move(ctx context.Context, from, to driver.Key) (driver.Result, error) {
	return within(ctx, l, func(ctx context.Context) (driver.Result, error) { return driver.Move(ctx, l.Store, from, to) })
}

func (l *limited) Ping(ctx context.Context) error {
	_, err := within(ctx, l, func(ctx context.Context) (struct{}, error) { return struct{}{}, l.Store.Ping(ctx) })
	return err
}

func (l *limited) GetMany(ctx context.Context, keys []driver.Key, hold time.Duration) ([]driver.KeyReading, error) {
	short, end := l.begin(ctx)
	defer end()
	out, err := driver.GetMany(short, l.Store, keys, hold)
	l.judgeEach(ctx, short, len(out), func(i int) *error { return &out[i].Err })
	return out, l.judge(ctx, short, err)
}

func (l *limited) PutMany(ctx context.Context, items []driver.Item) []driver.ItemResult {
	short, end := l.begin(ctx)
	defer end()
	out := driver.PutMany(short, l.Store, items)
	l.judgeEach(ctx, short, len(out), func(i int) *error { return &out[i].Err })
	return out
}

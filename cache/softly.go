package cache

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/stratacache/strata/cache/driver"
)

// softly makes a call to the store that its caller leaves after
// StoreSoftTimeout. The call goes on then, if there is a place in the
// background, and late is called with what it brings.
func softly[T any](ctx context.Context, e *engine, call func(context.Context) (T, error), late func(context.Context, T)) (T, error) {
	type reply struct {
		out T
		err error
	}
	var none T
	e.flights.mu.Lock()
	if e.closed.Load() {
		e.flights.mu.Unlock()
		return none, ErrClosed
	}
	e.loads.Add(1)
	e.flights.mu.Unlock()

	own, cancel := context.WithTimeout(context.WithoutCancel(ctx), e.opts.LoadTimeout)
	var settled atomic.Bool // by whoever is first: the reply, or the caller who goes
	replied := make(chan reply, 1)
	go func() {
		defer e.loads.Done()
		defer cancel()
		defer context.AfterFunc(e.stopped, cancel)()
		out, err := call(own)
		if settled.CompareAndSwap(false, true) {
			replied <- reply{out, err}
			return
		}
		if err == nil {
			late(own, out)
		}
		e.addBackground(-1)
	}()
	patience := time.NewTimer(e.opts.StoreSoftTimeout)
	defer patience.Stop()
	slow := false
	select {
	case r := <-replied:
		return r.out, r.err
	case <-ctx.Done():
	case <-patience.C:
		slow = true
	}
	room := e.addBackground(1) <= e.opts.MaxBackground
	if !settled.CompareAndSwap(false, true) {
		e.addBackground(-1)
		r := <-replied
		return r.out, r.err
	}
	if !slow {
		cancel()
		return none, context.Cause(ctx)
	}
	if !room {
		cancel()
	}
	e.event(ctx, EventInfo{Event: StoreSlow, Tier: len(e.near)})
	return none, fmt.Errorf("%w: %v, the soft timeout", ErrStoreTimeout, e.opts.StoreSoftTimeout)
}

func (e *engine) addBackground(n int) int {
	e.flights.mu.Lock()
	defer e.flights.mu.Unlock()
	e.flights.background += n
	return e.flights.background
}

// askSoftly is ask for a caller who can go on without the store.
func (e *engine) askSoftly(ctx context.Context, hold time.Duration, f *found) error {
	sent := time.Now()
	key := f.key
	r, err := softly(ctx, e, func(ctx context.Context) (driver.Reading, error) {
		return e.store.Get(ctx, key, hold)
	}, func(ctx context.Context, r driver.Reading) { e.takeLate(ctx, sent, key, &r) })
	f.took = time.Since(sent)
	if err != nil {
		f.outcome = Failed
		return err
	}
	e.take(ctx, sent, &r, f)
	return nil
}

// askMany reads keys in one step where the store can.
func (e *engine) askMany(ctx context.Context, sent time.Time, keys []driver.Key, hold time.Duration) ([]driver.KeyReading, error) {
	if hold == 0 || e.opts.StoreSoftTimeout == 0 {
		return driver.GetMany(ctx, e.store, keys, hold)
	}
	return softly(ctx, e, func(ctx context.Context) ([]driver.KeyReading, error) {
		return driver.GetMany(ctx, e.store, keys, hold)
	}, func(ctx context.Context, readings []driver.KeyReading) {
		for i := range readings {
			if readings[i].Err == nil {
				e.takeLate(ctx, sent, keys[i], &readings[i].Reading)
			}
		}
	})
}

// takeLate takes in a reading that nobody waits for any more. The fence that it
// planted guards no load: others would wait for one.
func (e *engine) takeLate(ctx context.Context, sent time.Time, key driver.Key, r *driver.Reading) {
	f := found{key: key}
	e.take(ctx, sent, r, &f)
	if r.Planted {
		_, _ = e.store.Put(ctx, key, &driver.Entry{Stamp: r.Fence.Stamp}, driver.Fill, r.Fence.Token)
	}
}

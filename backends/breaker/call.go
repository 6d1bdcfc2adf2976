package breaker

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/stratacache/strata/cache/driver"
)

// What the circuit is told of a call in place of its error.
var (
	errFailed   = errors.New("failed")
	errCanceled = errors.New("canceled")
)

func (s *Store) enter(ctx context.Context) error {
	if s.closed.Load() {
		return driver.ErrClosed
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return nil
}

// guard makes a call if the circuit lets it, and tells the circuit how it went
// by the error that call returns. Its own error means that call was not made.
func (s *Store) guard(ctx context.Context, call func() error) error {
	if err := s.enter(ctx); err != nil {
		return err
	}
	refusal := s.refusal
	_, _ = s.circuit.Execute(func() (struct{}, error) {
		refusal = nil
		return struct{}{}, s.judge(ctx, call())
	})
	s.tell()
	return refusal
}

// judge is what a call with that error says of the server.
func (s *Store) judge(ctx context.Context, err error) error {
	switch {
	case err == nil || answered(err):
		return nil
	case errors.Is(ctx.Err(), context.Canceled):
		return errCanceled
	case s.opts.IsFailure != nil && !s.opts.IsFailure(err):
		return nil
	}
	return errFailed
}

// answered reports whether err is an answer of the store.
func answered(err error) bool {
	for _, a := range [...]error{
		driver.ErrMiss, driver.ErrNotInteger, driver.ErrOverflow, driver.ErrTooLarge, driver.ErrClosed, errors.ErrUnsupported,
	} {
		if errors.Is(err, a) {
			return true
		}
	}
	return false
}

// ask makes one call through the circuit.
func ask[T any](ctx context.Context, s *Store, call func(context.Context) (T, error)) (out T, err error) {
	refused := s.guard(ctx, func() error {
		out, err = pass(ctx, s, call)
		return err
	})
	if refused != nil {
		return out, refused
	}
	return out, err
}

// pass makes one call within its limit of time.
func pass[T any](ctx context.Context, s *Store, call func(context.Context) (T, error)) (T, error) {
	limited, l := s.limit(ctx)
	defer l.end()
	out, err := call(limited)
	return out, s.late(ctx, limited, l, err)
}

// limit is how long a call may take, if that is less than its context allows.
type limit struct {
	time.Duration
	cancel context.CancelFunc
}

func (l limit) end() {
	if l.cancel != nil {
		l.cancel()
	}
}

// limit gives a call its time.
func (s *Store) limit(ctx context.Context) (context.Context, limit) {
	d := s.opts.Timeout
	if d == 0 && State(s.state.Load()) != Closed {
		d = s.opts.OpenFor
	}
	if d == 0 {
		return ctx, limit{}
	}
	if end, ok := ctx.Deadline(); ok && time.Until(end) <= d {
		return ctx, limit{}
	}
	limited, cancel := context.WithTimeout(ctx, d)
	return limited, limit{d, cancel}
}

// late makes the error of a call that our limit has ended our own: to the
// caller, whose context goes on, the end of a context would be no outage. A
// store may notice the deadline a moment before its context does.
func (s *Store) late(ctx, limited context.Context, l limit, err error) error {
	switch {
	case err == nil || l.cancel == nil || ctx.Err() != nil || answered(err):
		return err
	case limited.Err() != nil || errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("%w: %v: %v", s.named(ErrTimeout), l.Duration, err)
	}
	return err
}

package breaker

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"sync/atomic"
	"time"

	"github.com/sony/gobreaker/v2"

	"github.com/stratacache/strata/cache/driver"
)

var (
	// ErrOpen is in the error of a call that was refused: the store was not asked.
	ErrOpen = errors.New("the circuit is open, the store was not asked")
	// ErrTimeout is in the error of a call that took longer than Options.Timeout.
	ErrTimeout = errors.New("the store did not answer in time")
)

// Options are the choices of [New]. The zero value is ready for use.
type Options struct {
	// Name is in the errors and changes of this breaker. Default: none.
	Name string
	// Failures is how many failures with no answer in between open the circuit.
	// Default 5.
	Failures int
	// OpenFor is how long the circuit is open before it lets probes through.
	// Default one second.
	OpenFor time.Duration
	// Probes is how many calls are let through then, and must all be answered
	// for the circuit to close. Default 1.
	Probes int
	// Timeout bounds each call, whatever its context allows. 0: only the context
	// does, and while the circuit is not closed OpenFor.
	Timeout time.Duration
	// IsFailure says whether an error that is none of package driver's answers
	// counts as a failure; if not, the server has answered. Nil: all do.
	IsFailure func(error) bool
	// OnChange is told of each change of state, one after the other and in their
	// order, by the goroutine of a call. It may use the breaker.
	OnChange func(Change)
}

func (o *Options) validate() error {
	switch {
	case o.Failures < 0 || o.Failures > math.MaxInt32:
		return fmt.Errorf("Options.Failures is %d", o.Failures)
	case o.OpenFor < 0:
		return fmt.Errorf("Options.OpenFor is %v", o.OpenFor)
	case o.Probes < 0 || o.Probes > math.MaxInt32:
		return fmt.Errorf("Options.Probes is %d", o.Probes)
	case o.Timeout < 0:
		return fmt.Errorf("Options.Timeout is %v", o.Timeout)
	}
	return nil
}

// Store is a store behind a circuit breaker.
type Store struct {
	inner   driver.Store
	opts    Options
	circuit *gobreaker.CircuitBreaker[struct{}]
	refusal error         // wraps ErrOpen
	state   atomic.Uint32 // the State of the circuit, which its lock guards
	closed  atomic.Bool
	changes changes
}

var (
	_ driver.Store      = (*Store)(nil)
	_ driver.ManyGetter = (*Store)(nil)
	_ driver.ManyPutter = (*Store)(nil)
	_ driver.Mover      = (*Store)(nil)
)

// New returns a store that asks inner while it answers. It owns inner: closing
// one closes the other.
func New(inner driver.Store, opts *Options) (*Store, error) {
	if inner == nil {
		panic("breaker.New: the store is nil")
	}
	s := &Store{inner: inner}
	if opts != nil {
		s.opts = *opts
	}
	o := &s.opts
	if err := o.validate(); err != nil {
		return nil, fmt.Errorf("breaker: %w", err)
	}
	o.Failures = cmp.Or(o.Failures, 5)
	o.OpenFor = cmp.Or(o.OpenFor, time.Second)
	o.Probes = cmp.Or(o.Probes, 1)
	s.refusal = s.named(ErrOpen)
	s.circuit = gobreaker.NewCircuitBreaker[struct{}](gobreaker.Settings{
		MaxRequests:  uint32(o.Probes),
		Timeout:      o.OpenFor,
		ReadyToTrip:  func(c gobreaker.Counts) bool { return int(c.ConsecutiveFailures) >= o.Failures },
		IsSuccessful: func(err error) bool { return err == nil },
		IsExcluded:   func(err error) bool { return err == errCanceled },
		OnStateChange: func(_ string, from, to gobreaker.State) {
			s.state.Store(uint32(stateOf(to)))
			if o.OnChange != nil {
				s.changes.add(Change{Name: o.Name, From: stateOf(from), To: stateOf(to)})
			}
		},
	})
	return s, nil
}

// named gives an error of this package its name.
func (s *Store) named(err error) error {
	if s.opts.Name == "" {
		return fmt.Errorf("breaker: %w", err)
	}
	return fmt.Errorf("breaker: %s: %w", s.opts.Name, err)
}

// Unwrap returns the store behind the breaker.
func (s *Store) Unwrap() driver.Store { return s.inner }

// State is the state of the circuit now.
func (s *Store) State() State {
	state := stateOf(s.circuit.State())
	s.tell()
	return state
}

// Ping asks the server, whatever the state of the circuit.
func (s *Store) Ping(ctx context.Context) error {
	if err := s.enter(ctx); err != nil {
		return err
	}
	_, err := pass(ctx, s, func(ctx context.Context) (struct{}, error) { return struct{}{}, s.inner.Ping(ctx) })
	return err
}

// Close closes the store behind the breaker.
func (s *Store) Close(ctx context.Context) error {
	s.closed.Store(true)
	return s.inner.Close(ctx)
}

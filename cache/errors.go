package cache

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"

	"github.com/stratacache/strata/cache/driver"
)

// Errors that callers may test for with errors.Is.
var (
	// ErrMiss: the key is not in the cache.
	ErrMiss = driver.ErrMiss
	// ErrNotFound: the thing itself does not exist. A loader returns it (or an
	// error that wraps it) to say so; it is then remembered and returned to later
	// readers.
	ErrNotFound = errors.New("strata: not found")
	// ErrNotInteger: Incr of a value that is not an integer.
	ErrNotInteger = driver.ErrNotInteger
	// ErrOverflow: a sum that int64 cannot hold.
	ErrOverflow = driver.ErrOverflow
	// ErrKey: a key, tag or version that cannot be used.
	ErrKey = errors.New("strata: unusable key")
	// ErrTooLarge: a value over Options.MaxValue, or over what the backend takes.
	// A Set has then removed what stood under the key, which is outdated.
	ErrTooLarge = driver.ErrTooLarge
	// ErrClosed: the client was closed.
	ErrClosed = driver.ErrClosed
	// ErrUnfenced: a Set with tags and without a fence.
	ErrUnfenced = errors.New("strata: a value with tags needs a fence: use GetOrSet, or Fence and Fenced")
	// ErrReadOnly: a Set in a context in which nothing is stored: see WithAccess.
	ErrReadOnly = errors.New("strata: nothing is stored in a transaction: invalidate the key, or set it after the commit")
	// ErrOption: an option given to a method that has no use for it.
	ErrOption = errors.New("strata: unusable option")
	// ErrUnavailable: an outage. Every [*Error] whose cause is none of the above,
	// nor the end of the caller's own context, is this.
	ErrUnavailable = errors.New("strata: the backend is unavailable")
	// ErrLoadTimeout: the loader needs longer than HardTimeout, and goes on.
	ErrLoadTimeout = errors.New("strata: the load takes too long")
	// ErrStoreTimeout: the store did not answer within StoreTimeout, or
	// StoreSoftTimeout. It is an outage.
	ErrStoreTimeout = errors.New("strata: the store did not answer in time")
	// ErrUndelivered: Close gave up invalidations that the store has not taken. What
	// they concern may still be served, by others and after a restart.
	ErrUndelivered = errors.New("strata: invalidations that the store has not taken")
	// ErrRecursiveLoad: a loader asked for the key that it is loading.
	ErrRecursiveLoad = errors.New("strata: the loader asks for its own key")
)

// Error is a failure with what was being done. It never holds a value, nor a
// password.
type Error struct {
	Op  string // the method, such as "get"
	Key string // the key as the caller gave it; empty where there is none
	Err error
}

func (e *Error) Error() string {
	if e.Key == "" {
		return fmt.Sprintf("strata: %s: %v", e.Op, trim(e.Err))
	}
	return fmt.Sprintf("strata: %s %q: %v", e.Op, shorten(e.Key), trim(e.Err))
}

// Unwrap returns Err.
func (e *Error) Unwrap() error { return e.Err }

// Is makes an outage [ErrUnavailable].
func (e *Error) Is(target error) bool { return target == ErrUnavailable && !answered(e.Err) }

// answered reports whether err is an answer, or the caller's own doing, and not
// an outage.
func answered(err error) bool {
	// A connection that timed out calls itself context.DeadlineExceeded.
	if timeout, ok := errors.AsType[net.Error](err); ok && timeout.Timeout() && error(timeout) != context.DeadlineExceeded {
		return false
	}
	for _, a := range []error{
		ErrMiss, ErrNotFound, ErrNotInteger, ErrOverflow, ErrKey, ErrTooLarge, ErrClosed, ErrUnfenced, ErrReadOnly, ErrOption,
		ErrRecursiveLoad, ErrLoadTimeout, errSchema, context.Canceled, context.DeadlineExceeded,
	} {
		if errors.Is(err, a) {
			return true
		}
	}
	return false
}

// ManyError is what went wrong with some keys of a batch; the others went well.
type ManyError map[string]error

func (m ManyError) Error() string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	if len(keys) == 0 {
		return "strata: no key failed"
	}
	slices.Sort(keys)
	return fmt.Sprintf("strata: %d keys failed, first %q: %v", len(m), shorten(keys[0]), trim(m[keys[0]]))
}

// Unwrap returns the errors of all keys.
func (m ManyError) Unwrap() []error {
	errs := make([]error, 0, len(m))
	for _, err := range m {
		errs = append(errs, err)
	}
	return errs
}

// PanicError is what callers of GetOrSet get when the loader panicked or called
// runtime.Goexit.
type PanicError struct {
	Value any // what was given to panic; nil for runtime.Goexit
	Stack []byte
}

func (p *PanicError) Error() string {
	if p.Value == nil {
		return "strata: the loader called runtime.Goexit"
	}
	return fmt.Sprintf("strata: the loader panicked: %v", p.Value)
}

// Unwrap returns the panic's value if it was an error.
func (p *PanicError) Unwrap() error {
	err, _ := p.Value.(error)
	return err
}

// wrap gives err the operation and key, unless it is an answer rather than a
// failure.
func wrap(op, key string, err error) error {
	if err == nil || errors.Is(err, ErrClosed) || errors.Is(err, ErrMiss) || errors.Is(err, ErrNotFound) {
		return err
	}
	return &Error{Op: op, Key: key, Err: err}
}

func trim(err error) string { return strings.TrimPrefix(err.Error(), "strata: ") }

// shorten keeps messages readable when keys are not.
func shorten(key string) string {
	const most = 80
	if len(key) <= most {
		return key
	}
	return key[:most] + "…"
}

package driver

import (
	"context"
	"time"
)

// LogReader is a store that keeps the last changes in their order, so that other
// processes can tell which of their copies are outdated.
//
// A change is every advance of the clock, and is in the log before the call that
// made it returns. The log may be cut at its old end, and lost, at any time: what
// counts is that a reader is told.
//
// Whether a store has one is for [Log] to say.
type LogReader interface {
	// ReadLog returns the changes that came after a position, and waits up to wait
	// for the first. From a position of another epoch, such as the zero Stamp, it
	// returns at once, with nothing but the clock.
	ReadLog(ctx context.Context, after Stamp, wait time.Duration) (LogReading, error)
}

// Log finds the log of s, also behind wrappers: they change neither keys nor tags.
// One that has no Unwrap has a method Logged, which returns the store under it.
func Log(s Store) (LogReader, bool) {
	for s != nil {
		if l, ok := As[LogReader](s); ok {
			if k, may := l.(LogKeeper); may && !k.KeepsLog() {
				return nil, false
			}
			return l, true
		}
		w, ok := As[interface{ Logged() Store }](s)
		if !ok {
			break
		}
		s = w.Logged()
	}
	return nil, false
}

// LogReading is what ReadLog saw.
type LogReading struct {
	// Changes are in the order of their numbers.
	Changes []Change
	// Clock is the position up to which Changes reach: where to read on. Unless there
	// is More, it was the store's clock after the request was sent.
	Clock Stamp
	// More says that there are more changes than one reading brings. Until they are
	// read, too, nothing is known of the present.
	More bool
	// Complete says that Changes are all that happened from the position to Clock.
	// Otherwise anything may have.
	Complete bool
}

// Change is one advance of the clock.
type Change struct {
	N    uint64
	Keys []string // joined, see Key.String
	Tags []string
}

// LogKeeper is a LogReader that may have no log, depending on where its entries
// are.
type LogKeeper interface {
	KeepsLog() bool
}

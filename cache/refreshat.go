package cache

import (
	"math"
	"time"

	"github.com/stratacache/strata/cache/driver"
)

// Options.RefreshAt is a part of an entry's whole fresh life, which an entry does
// not carry: it knows when it stops being fresh, in nanoseconds. Nobody needs the
// last three digits of that. A client with RefreshAt writes there how long the
// whole was, by its logarithm, so that it goes wherever the end goes: through
// every store, and with each Touch.
//
// What a client without RefreshAt has stored has any digits there. Read as a
// lifetime they cost one refresh at the wrong time, which writes the right ones.

const (
	lastDigits = 1000 // what they count to; 0 stands for no lifetime
	// growth is that of the lifetimes from one number to the next: they are right
	// within 2 %, and the last is longer than any.
	growth = 1.04
	// shortest is the lifetime of number 1.
	shortest = time.Microsecond
)

// life is when an entry that is stored now stops being fresh, and when it ends.
func (e *engine) life(now time.Time, ttl, stale time.Duration) driver.Life {
	l := life(now, ttl, stale)
	if e.opts.RefreshAt == 0 || l.Fresh == driver.Forever {
		return l
	}
	fresh := l.Fresh - l.Fresh%lastDigits - lastDigits + numberOf(ttl) // no later than it was
	if l.Expires == l.Fresh {
		l.Expires = fresh
	}
	l.Fresh = fresh
	return l
}

func numberOf(ttl time.Duration) int64 {
	n := 1 + math.Round(math.Log(float64(max(ttl, shortest))/float64(shortest))/math.Log(growth))
	return min(int64(n), lastDigits-1)
}

// wholeOf is the whole fresh life of what stops being fresh then, or 0.
func wholeOf(fresh int64) float64 {
	n := fresh % lastDigits
	if n <= 0 {
		return 0
	}
	return float64(shortest) * math.Pow(growth, float64(n-1))
}

// due reports whether the part of the entry's life is over after which it is
// refreshed.
func (e *engine) due(fresh int64) bool {
	left := fresh - time.Now().UnixNano()
	return float64(left) <= (1-e.opts.RefreshAt)*wholeOf(fresh)
}

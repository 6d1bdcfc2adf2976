package faulttest

import (
	"context"
	"testing"
	"time"

	"github.com/stratacache/strata/cache/driver"
	"github.com/stratacache/strata/internal/servertest"
)

// Harness is what the faults must know of a backend.
type Harness struct {
	// Start starts a server for t alone.
	Start func(t testing.TB) *servertest.Server

	// Open returns a store over the one namespace of the server at addr, which is
	// the server itself or a proxy before it. Each call is another process's view.
	// It is closed with t. It must not fail while the server is down.
	Open func(t testing.TB, addr string) driver.Store

	// Disk says that the server works on a disk, which may be full. WriteLog, if
	// not nil, has the server at addr write a megabyte to its own log alone.
	Disk     bool
	WriteLog func(ctx context.Context, addr string) error
}

// Run does all faults, each to a server of its own.
func Run(t *testing.T, h Harness) {
	t.Helper()
	type fault struct {
		name string
		run  func(t *testing.T, h Harness)
	}
	faults := []fault{
		{"killed and restarted under load", testKilled},
		{"frozen", testFrozen},
		{"replies cut short", testCut},
		{"messages that overtake each other", testReordered},
	}
	if h.Disk {
		faults = append(faults, fault{"full disk", testFull})
	}
	for _, fault := range faults {
		t.Run(fault.name, func(t *testing.T) {
			t.Parallel()
			fault.run(t, h)
		})
	}
}

// patience is how long a step may take that must happen at all. It is no claim:
// what was measured is logged.
const patience = 20 * time.Second

// until waits for something that must happen.
func until(t testing.TB, what string, done func() bool) time.Duration {
	t.Helper()
	began := time.Now()
	for !done() {
		if time.Since(began) > patience {
			t.Fatalf("%s: not within %v", what, patience)
		}
		time.Sleep(time.Millisecond)
	}
	return time.Since(began)
}

func keyOf(name string) driver.Key { return driver.Key{Scope: "fault:1:", Name: name} }

func long() driver.Life {
	end := time.Now().Add(time.Hour).UnixNano()
	return driver.Life{Fresh: end, Expires: end}
}

// brief bounds one call under load.
func brief(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, 250*time.Millisecond)
}

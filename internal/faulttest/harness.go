package faulttest

import (
	"testing"

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
}

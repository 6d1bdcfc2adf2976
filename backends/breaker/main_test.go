package breaker_test

import (
	"context"
	"testing"
	"time"

	"github.com/redis/go-redis/v9/logging"
	"go.uber.org/goleak"

	"github.com/stratacache/strata/backends/breaker"
	"github.com/stratacache/strata/backends/locmem"
	"github.com/stratacache/strata/cache/driver"
	"github.com/stratacache/strata/cache/drivertest"
	"github.com/stratacache/strata/internal/servertest"
)

func TestMain(m *testing.M) {
	logging.Disable() // of connections that a frozen server does not answer
	goleak.VerifyTestMain(servertest.Main(m))
}

// newStore returns a breaker over a store in memory that fails as it is told.
func newStore(t testing.TB, opts *breaker.Options) (*breaker.Store, *drivertest.Faulty) {
	t.Helper()
	faulty := drivertest.NewFaulty(locmem.New(nil), nil)
	return over(t, faulty, opts), faulty
}

func over(t testing.TB, inner driver.Store, opts *breaker.Options) *breaker.Store {
	t.Helper()
	s, err := breaker.New(inner, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(context.Background()); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return s
}

var (
	fails = func(drivertest.Call) drivertest.Fault { return drivertest.Fault{Err: drivertest.ErrFault} }
	hangs = func(drivertest.Call) drivertest.Fault { return drivertest.Fault{Hang: true} }
)

func key(name string) driver.Key { return driver.Key{Scope: "app:1:", Name: name} }

func value(payload string, tags ...string) *driver.Entry {
	end := time.Now().Add(time.Hour).UnixNano()
	return &driver.Entry{Life: driver.Life{Fresh: end, Expires: end}, Payload: []byte(payload), Tags: tags}
}

func get(ctx context.Context, s driver.Store) error {
	_, err := s.Get(ctx, key("k"), 0)
	return err
}

func wantState(t *testing.T, s *breaker.Store, want breaker.State) {
	t.Helper()
	if got := s.State(); got != want {
		t.Fatalf("State: got %v, want %v", got, want)
	}
}

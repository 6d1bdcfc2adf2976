package breaker_test

import (
	"context"
	"testing"
	"time"

	"github.com/stratacache/strata/backends/breaker"
	"github.com/stratacache/strata/backends/locmem"
	"github.com/stratacache/strata/cache/driver"
	"github.com/stratacache/strata/cache/drivertest"
)

func TestConformance(t *testing.T) {
	t.Parallel()
	wrap := func(t testing.TB, inner driver.Store, opts *breaker.Options) driver.Store {
		s, err := breaker.New(inner, opts)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	for name, opts := range map[string]*breaker.Options{
		"default":     nil,
		"with limits": {Timeout: time.Hour, Failures: 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			drivertest.Run(t, drivertest.Harness{
				Name:     map[string]string{"default": "breaker"}[name],
				Open:     func(t testing.TB) driver.Store { return wrap(t, locmem.New(nil), opts) },
				LoseMeta: func(_ testing.TB, s driver.Store) { s.(*breaker.Store).Unwrap().(*locmem.Store).NewEpoch() },
				Dead: func(t testing.TB) driver.Store {
					return wrap(t, drivertest.NewFaulty(locmem.New(nil), fails), opts)
				},
				Bubble: true,
			})
		})
	}
}

// What a store can do is found behind a breaker.
func TestUnwrap(t *testing.T) {
	t.Parallel()
	s := over(t, locmem.New(nil), nil)
	if k, ok := driver.As[driver.EntryKeeper](s); !ok || !k.KeepsEntries() {
		t.Errorf("As[EntryKeeper]: got %v, %v, want the store in memory", k, ok)
	}
	e := value("v")
	if _, err := s.Put(context.Background(), key("k"), e, driver.Set, 0); err != nil {
		t.Fatal(err)
	}
	if r, err := s.Get(context.Background(), key("k"), 0); err != nil || r.Entry != e {
		t.Errorf("Get: got %p, %v, want the very entry %p", r.Entry, err, e)
	}
}

package ristrettostore_test

import (
	"testing"

	"github.com/stratacache/strata/backends/ristrettostore"
	"github.com/stratacache/strata/cache/driver"
	"github.com/stratacache/strata/cache/drivertest"
)

func TestConformance(t *testing.T) {
	t.Parallel()
	const maxBytes = 16 << 20
	drivertest.Run(t, drivertest.Harness{
		Name: "ristrettostore",
		Open: func(t testing.TB) driver.Store {
			s, err := ristrettostore.New(&ristrettostore.Options{MaxBytes: maxBytes})
			if err != nil {
				t.Fatal(err)
			}
			return s
		},
		LoseMeta: func(_ testing.TB, s driver.Store) { s.(*ristrettostore.Store).NewEpoch() },
		Largest:  maxBytes,
		Bubble:   true,
	})
}

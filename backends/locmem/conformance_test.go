package locmem_test

import (
	"testing"

	"github.com/stratacache/strata/backends/locmem"
	"github.com/stratacache/strata/cache/driver"
	"github.com/stratacache/strata/cache/drivertest"
)

func TestConformance(t *testing.T) {
	t.Parallel()
	for name, o := range map[string]locmem.Options{
		"LRU":           {},
		"LRU/one shard": {MaxEntries: 2000},
		"LRU/bytes":     {MaxBytes: 1 << 30},
		"WTinyLFU":      {Policy: locmem.WTinyLFU},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var limits map[string]string
			if o.MaxEntries > 0 {
				limits = map[string]string{"a batch of thousands works": "the batch is larger than Options.MaxEntries"}
			}
			drivertest.Run(t, drivertest.Harness{
				Name:     map[string]string{"LRU": "locmem, LRU", "WTinyLFU": "locmem, W-TinyLFU"}[name],
				Limits:   limits,
				Open:     func(testing.TB) driver.Store { return locmem.New(&o) },
				LoseMeta: func(_ testing.TB, s driver.Store) { s.(*locmem.Store).NewEpoch() },
				Bubble:   true,
			})
		})
	}
}

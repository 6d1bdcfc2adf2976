package breaker

import (
	"context"
	"math"

	"github.com/stratacache/strata/cache"
	"github.com/stratacache/strata/cache/driver"
	"github.com/stratacache/strata/cache/driver/storeurl"
)

// Any of the parameters puts a breaker around the store, but with breaker=false.
func init() {
	cache.RegisterWrapper(wrap, "breaker", "breaker_failures", "breaker_open_for", "breaker_probes", "breaker_timeout")
}

func wrap(_ context.Context, store driver.Store, p *storeurl.Params) (driver.Store, error) {
	wanted := p.Bool("breaker", true)
	o := Options{
		Failures: int(min(p.Int("breaker_failures", 0, 1), math.MaxInt32)),
		OpenFor:  p.Duration("breaker_open_for", 0),
		Probes:   int(min(p.Int("breaker_probes", 0, 1), math.MaxInt32)),
		Timeout:  p.Duration("breaker_timeout", 0),
	}
	if err := p.Err(); err != nil {
		return nil, err
	}
	if !wanted {
		return store, nil
	}
	return New(store, &o)
}

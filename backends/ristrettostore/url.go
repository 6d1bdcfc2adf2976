package ristrettostore

import (
	"context"
	"errors"
	"net/url"

	"github.com/stratacache/strata/cache"
	"github.com/stratacache/strata/cache/driver"
	"github.com/stratacache/strata/cache/driver/storeurl"
)

// The scheme of cache.Open:
//
//	ristretto://name?max_bytes=64000000&num_counters=1000000
//
// The name is for the reader: each client has a store of its own.
func init() { cache.Register(open, "ristretto") }

func open(_ context.Context, u *url.URL) (driver.Store, error) {
	if u.User != nil || (u.Path != "" && u.Path != "/") || storeurl.Check(u) != nil {
		return nil, errors.New("ristrettostore: a URL has no more than a name and parameters: ristretto://name?max_bytes=64000000")
	}
	p := storeurl.ParamsOf(u)
	o := Options{
		MaxBytes:    p.Int("max_bytes", 0, 1),
		NumCounters: p.Int("num_counters", 0, 1),
	}
	if err := p.Err(); err != nil {
		return nil, err
	}
	return New(&o)
}

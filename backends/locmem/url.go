package locmem

import (
	"context"
	"errors"
	"net/url"

	"github.com/stratacache/strata/cache"
	"github.com/stratacache/strata/cache/driver"
	"github.com/stratacache/strata/cache/driver/storeurl"
)

// The schemes of cache.Open:
//
//	locmem://name?max_entries=10000&max_bytes=64000000&policy=tinylfu
//
// The name is for the reader: each client has a store of its own.
func init() { cache.Register(open, "locmem", "locmemcache") }

func open(_ context.Context, u *url.URL) (driver.Store, error) {
	if u.User != nil || (u.Path != "" && u.Path != "/") || storeurl.Check(u) != nil {
		return nil, errors.New("locmem: a URL has no more than a name and parameters: locmem://name?max_entries=1000")
	}
	p := storeurl.ParamsOf(u)
	o := Options{
		MaxEntries: int(p.Int("max_entries", 0, 1)),
		MaxBytes:   p.Int("max_bytes", 0, 1),
	}
	if p.OneOf("policy", "lru", "tinylfu") == "tinylfu" {
		o.Policy = WTinyLFU
	}
	if err := p.Err(); err != nil {
		return nil, err
	}
	if _, err := o.withDefaults(); err != nil {
		return nil, err // New would panic: options in code are a programmer's, a URL is not
	}
	return New(&o), nil
}

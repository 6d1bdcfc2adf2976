package redisstore

import (
	"net/url"

	"github.com/stratacache/strata/cache"
	"github.com/stratacache/strata/cache/driver"
)

// The schemes of cache.Open.
func init() {
	cache.Register("redis", open)
	cache.Register("rediss", open)
}

func open(u *url.URL) (driver.Store, error) {
	s, err := OpenURL(u)
	if err != nil {
		return nil, err // and not a nil *Store in an interface
	}
	return s, nil
}

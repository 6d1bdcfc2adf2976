package sqlstore

import (
	"context"
	"net/url"

	"github.com/stratacache/strata/cache"
	"github.com/stratacache/strata/cache/driver"
)

// The schemes of cache.Open.
func init() {
	cache.Register(open, "postgres", "postgresql", "mysql", "mariadb", "sqlite", "sqlite3", "dbcache", "db")
}

func open(_ context.Context, u *url.URL) (driver.Store, error) {
	s, err := OpenURL(u)
	if err != nil {
		return nil, err // and not a nil *Store in an interface
	}
	return s, nil
}

package dummy

import (
	"context"
	"errors"
	"net/url"

	"github.com/stratacache/strata/cache"
	"github.com/stratacache/strata/cache/driver"
	"github.com/stratacache/strata/cache/driver/storeurl"
)

func init() { cache.Register(open, "dummy", "dummycache") }

func open(_ context.Context, u *url.URL) (driver.Store, error) {
	if u.User != nil || u.Path != "" && u.Path != "/" || storeurl.Check(u) != nil {
		return nil, errors.New("dummy: a URL has no more than a name: dummy://")
	}
	if err := storeurl.ParamsOf(u).Err(); err != nil {
		return nil, err
	}
	return New(), nil
}

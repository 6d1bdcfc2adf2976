package cache

import (
	"context"
	"net/url"
	"slices"

	"github.com/stratacache/strata/cache/driver"
	"github.com/stratacache/strata/cache/driver/storeurl"
)

// Wrapper puts a wrapper around a store that a URL names, as the URL's
// parameters say, of which it is given its own. It owns the store if it
// returns no error.
type Wrapper func(ctx context.Context, store driver.Store, p *storeurl.Params) (driver.Store, error)

// wrapper is one that was registered.
type wrapper struct {
	wrap   Wrapper
	params []string
}

// RegisterWrapper makes parameters known to [Open] that any URL may then have,
// beside those of its store. A URL that has one of them opens a store with the
// wrapper around it; with several wrappers the one whose first parameter comes
// first in the alphabet is innermost. A wrapper's package calls it when it is
// imported. It panics if a parameter is taken.
func RegisterWrapper(wrap Wrapper, params ...string) {
	schemes.Lock()
	defer schemes.Unlock()
	for _, p := range params {
		taken := slices.Contains(commonParams, p) || slices.ContainsFunc(schemes.wrappers, func(w wrapper) bool { return slices.Contains(w.params, p) })
		if taken {
			panic("cache.RegisterWrapper: parameter " + p + " is taken")
		}
	}
	schemes.wrappers = append(schemes.wrappers, wrapper{wrap, slices.Clone(params)})
	slices.SortFunc(schemes.wrappers, func(a, b wrapper) int { return slices.Compare(a.params, b.params) })
}

func wrapperParams() (names []string) {
	schemes.Lock()
	defer schemes.Unlock()
	for _, w := range schemes.wrappers {
		names = append(names, w.params...)
	}
	return names
}

// wrapping is a wrapper that a URL asks for.
type wrapping struct {
	wrap   Wrapper
	params *storeurl.Params
}

// takeWrappers takes the parameters of wrappers out of u, and returns the
// wrappers that it asks for.
func takeWrappers(u *url.URL) (asked []wrapping) {
	schemes.Lock()
	defer schemes.Unlock()
	for _, w := range schemes.wrappers {
		own := *u
		given := storeurl.ParamsOf(&own).Only(w.params...)
		if given.Len() > 0 {
			given.Remove(u, w.params...)
			asked = append(asked, wrapping{w.wrap, given})
		}
	}
	return asked
}

// wrapAll puts the wrappers around s, which is the caller's to close beside an
// error.
func wrapAll(ctx context.Context, s driver.Store, asked []wrapping) (driver.Store, error) {
	for _, w := range asked {
		wrapped, err := w.wrap(ctx, s, w.params)
		if err != nil {
			return s, err
		}
		s = wrapped
	}
	return s, nil
}

package cache

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"sync"

	"github.com/stratacache/strata/cache/driver"
)

// Opener makes a store from a URL, whose scheme is in lower case. It must not
// touch the network of the store, must refuse parameters that it does not know by
// name, and must not put a password into an error; package storeurl helps. ctx is
// that of [Open], for an opener that asks a vault for its password first.
type Opener func(ctx context.Context, u *url.URL) (driver.Store, error)

// schemes is the one global of Strata. Its use is optional: New does without.
var schemes struct {
	sync.Mutex
	openers map[string]Opener
}

// Register makes URL schemes known to [Open]; a backend calls it when it is
// imported. It panics if a scheme is taken.
func Register(open Opener, names ...string) {
	schemes.Lock()
	defer schemes.Unlock()
	if schemes.openers == nil {
		schemes.openers = make(map[string]Opener)
	}
	for _, name := range names {
		if _, taken := schemes.openers[name]; taken {
			panic("cache.Register: scheme " + name + " is taken")
		}
		schemes.openers[name] = open
	}
}

// Open returns a client of the store that a URL names, such as
//
//	locmem://
//	redis://user:password@host:6379/0
//
// Several URLs, separated by spaces, are tiers, nearest first: the last is the
// authoritative one and the others must be memory. A URL's scheme is known once
// its backend is imported. Open does not touch the network; [Client.Ping] does.
// No password is ever in an error.
func Open(ctx context.Context, urls string, opts *Options) (*Client, error) {
	var o Options
	if opts != nil {
		o = *opts
	}
	fields := strings.Fields(urls)
	if len(fields) == 0 {
		return nil, errors.New("cache.Open: no URL")
	}
	stores := make([]driver.Store, 0, len(fields))
	for i, f := range fields {
		s, err := openStore(ctx, f)
		if err == nil && i < len(fields)-1 && !keepsEntries(s) {
			scheme, _, _ := strings.Cut(f, ":")
			err = fmt.Errorf("%s: only memory can be in front of another tier, so it must come last", scheme)
			stores = append(stores, s)
		}
		if err != nil {
			closeAll(stores)
			return nil, fmt.Errorf("cache.Open: %w", err)
		}
		stores = append(stores, s)
	}
	last := len(stores) - 1
	o.Near = slices.Clone(o.Near)
	for _, s := range stores[:last] {
		o.Near = append(o.Near, Tier{Store: s})
	}
	c, err := New(stores[last], &o)
	if err != nil {
		closeAll(stores)
		return nil, fmt.Errorf("cache.Open: %w", err)
	}
	return c, nil
}

func closeAll(stores []driver.Store) {
	for _, s := range stores {
		_ = s.Close(context.Background())
	}
}

func openStore(ctx context.Context, raw string) (driver.Store, error) {
	u, err := url.Parse(raw)
	if err != nil {
		// The parser's error quotes its input, password and all.
		return nil, errors.New("a URL cannot be parsed (is a password percent-encoded?)")
	}
	schemes.Lock()
	open, known := schemes.openers[u.Scheme]
	names := slices.Sorted(maps.Keys(schemes.openers))
	schemes.Unlock()
	if !known {
		return nil, fmt.Errorf("unknown scheme %q: known are %s (each needs its backend imported)",
			u.Scheme, cmp.Or(strings.Join(names, ", "), "none"))
	}
	return open(ctx, u)
}

package cache

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/stratacache/strata/cache/driver"
	"github.com/stratacache/strata/cache/driver/storeurl"
)

// Opener makes a store from a URL, whose scheme is in lower case. It must not
// touch the network of the store, must refuse parameters that it does not know by
// name, and must not put a password into an error; package storeurl helps. ctx is
// that of [Open], for an opener that asks a vault for its password first.
type Opener func(ctx context.Context, u *url.URL) (driver.Store, error)

// schemes is the one global of Strata. Its use is optional: New does without.
var schemes struct {
	sync.Mutex
	openers  map[string]Opener
	wrappers []wrapper
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

// Schemes are the registered URL schemes, sorted.
func Schemes() []string {
	schemes.Lock()
	defer schemes.Unlock()
	return slices.Sorted(maps.Keys(schemes.openers))
}

// Open returns a client of the store that a URL names, such as
//
//	locmem://
//	redis://user:password@host:6379/0?timeout=600&key_prefix=shop
//
// A scheme is known once its backend is imported, whose documentation says what
// its URL may hold. Parameters of every URL, which win over opts, are
//
//	timeout     Options.TTL in seconds, or as 5m; None is Forever, 0 is Never
//	key_prefix  Options.Prefix
//	version     Options.Version
//
//	store_timeout, store_soft_timeout   Options.StoreTimeout and StoreSoftTimeout
//	on_outage                           load or fail: Options.OnOutage
//	recovery                            Options.Recovery, 0 for none
//
// and those of the wrappers that are imported, such as breaker: see
// [RegisterWrapper].
//
// An unknown scheme or parameter is an error that names it. No password is ever
// in an error.
//
// Several URLs, separated by spaces, are tiers, nearest first: the last is the
// authoritative one. Of the others timeout is [Tier].TTL and store_timeout
// [Tier].Timeout; the other parameters have no place there.
//
// Open does not touch the network; [Client.Ping] does.
func Open(ctx context.Context, urls string, opts *Options) (*Client, error) {
	var o Options
	if opts != nil {
		o = *opts
	}
	o.Near = slices.Clone(o.Near)
	fields := strings.Fields(urls)
	if len(fields) == 0 {
		return nil, errors.New("cache.Open: no URL")
	}
	var opened []driver.Store
	for i, f := range fields {
		s, err := openTier(ctx, f, i == len(fields)-1, &o)
		if s != nil {
			opened = append(opened, s)
		}
		if err != nil {
			closeAll(opened)
			return nil, fmt.Errorf("cache.Open: %w", err)
		}
	}
	c, err := New(opened[len(opened)-1], &o)
	if err != nil {
		closeAll(opened)
		return nil, fmt.Errorf("cache.Open: %w", err)
	}
	return c, nil
}

// FromEnv is [Open] of what the environment variable CACHE_URL holds, or of
// fallback where it is not set or empty.
func FromEnv(ctx context.Context, fallback string, opts *Options) (*Client, error) {
	urls := cmp.Or(os.Getenv(envURL), fallback)
	if urls == "" {
		return nil, errors.New("cache.FromEnv: " + envURL + " is not set")
	}
	return Open(ctx, urls, opts)
}

func closeAll(stores []driver.Store) {
	for _, s := range stores {
		_ = s.Close(context.Background())
	}
}

// openTier opens one URL and writes what it says of the client into o. The
// store may be there beside an error, and is then the caller's to close.
func openTier(ctx context.Context, raw string, last bool, o *Options) (driver.Store, error) {
	u, err := url.Parse(raw)
	if err != nil {
		// The parser's error quotes its input, password and all.
		return nil, errors.New("a URL cannot be parsed (is a password percent-encoded?)")
	}
	schemes.Lock()
	open, known := schemes.openers[u.Scheme]
	schemes.Unlock()
	if !known {
		return nil, fmt.Errorf("unknown scheme %q: known are %s (each needs its backend imported)",
			u.Scheme, cmp.Or(strings.Join(Schemes(), ", "), "none"))
	}
	tier, err := takeCommon(u, last, o)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", u.Scheme, err)
	}
	wraps := takeWrappers(u)
	s, err := open(ctx, u)
	if errors.Is(err, storeurl.ErrUnknown) {
		err = fmt.Errorf("%w (and of every URL %s; those of a wrapper, such as breaker, need it imported)", err, strings.Join(append(slices.Clone(commonParams), wrapperParams()...), ", "))
	}
	if err != nil {
		return nil, err
	}
	if s, err = wrapAll(ctx, s, wraps); err != nil {
		return s, fmt.Errorf("%s: %w", u.Scheme, err)
	}
	if last {
		return s, nil
	}
	tier.Store = s
	o.Near = append(o.Near, tier)
	return s, nil
}

// commonParams are the parameters that all URLs may have.
var commonParams = []string{"timeout", "key_prefix", "version", "store_timeout", "store_soft_timeout", "on_outage", "recovery"}

// takeCommon takes them out of u. Those of the last tier go into o, those of
// another into a Tier.
func takeCommon(u *url.URL, last bool, o *Options) (t Tier, err error) {
	p := storeurl.ParamsOf(u)
	t.TTL, err = ttlOf(p.String("timeout", ""))
	if err != nil {
		return t, err
	}
	t.Timeout = p.Duration("store_timeout", 0)
	prefix, version := p.String("key_prefix", ""), p.Int("version", 0, 0)
	soft, onOutage := p.Duration("store_soft_timeout", 0), p.OneOf("on_outage", "", "load", "fail")
	recovery := p.Int("recovery", -1, 0)
	if bad := p.Invalid(); bad != nil {
		return t, bad
	}
	p.Remove(u, commonParams...)
	switch {
	case !last && (prefix != "" || version != 0 || soft != 0 || onOutage != "" || recovery >= 0):
		return t, errors.New("of the parameters that every URL may have, only timeout and store_timeout are those of a tier: the others belong to the last URL")
	case !last && t.TTL == Never:
		return t, errors.New("the parameter timeout of a tier is not positive: leave the tier out")
	case !last:
		return t, nil
	}
	o.TTL = cmp.Or(t.TTL, o.TTL)
	o.Prefix = cmp.Or(prefix, o.Prefix)
	o.Version = cmp.Or(int(version), o.Version)
	o.StoreTimeout = cmp.Or(t.Timeout, o.StoreTimeout)
	o.StoreSoftTimeout = cmp.Or(soft, o.StoreSoftTimeout)
	switch onOutage {
	case "load":
		o.OnOutage = FailOpen
	case "fail":
		o.OnOutage = FailClosed
	}
	switch {
	case recovery == 0:
		o.Recovery = -1
	case recovery > 0:
		o.Recovery = int(recovery)
	}
	return t, nil
}

// ttlOf reads a timeout; 0 is none.
func ttlOf(s string) (time.Duration, error) {
	switch strings.ToLower(s) {
	case "":
		return 0, nil
	case "none", "null", "forever":
		return Forever, nil
	}
	d, err := storeurl.ParseDuration(s)
	switch {
	case err != nil || d < 0:
		return 0, errors.New("the parameter timeout is not a number of seconds, a duration such as 5m, or None")
	case d == 0:
		return Never, nil
	}
	return d, nil
}

package httpcache

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/stratacache/strata/cache"
)

// Options configure a [Cache]. The zero value, and nil, work.
type Options struct {
	// Name is what this cache calls itself in Cache-Status: a token of RFC 8941.
	// Default "Strata".
	Name string
	// Prefix sets the pages apart within the cache.Cache. Default "http". Two
	// Caches with one prefix over one cache.Cache share their pages.
	Prefix string
	// DefaultTTL is how long a 200 that says nothing of its freshness is fresh,
	// for [Cache.Handler]. Default 0: it is not stored.
	DefaultTTL time.Duration
	// MaxBody is the largest body that is stored, in bytes; what is longer only
	// passes through. Default 8 MiB.
	MaxBody int64
	// StoreTimeout bounds each thing asked of the store; when it is over, the
	// handler runs. Default 500 ms.
	StoreTimeout time.Duration
	// CollapseTimeout bounds how long a request waits for another one's run of
	// the handler before it runs the handler itself. Default 10 s.
	CollapseTimeout time.Duration
	// IgnoreRequestDirectives has clients' Cache-Control and Pragma decide
	// nothing, except that no-store keeps a response out of the store. By default
	// a client may ask for a fresh response, and so for work.
	IgnoreRequestDirectives bool
}

const (
	defaultName            = "Strata"
	defaultPrefix          = "http"
	defaultMaxBody         = 8 << 20
	defaultStoreTimeout    = 500 * time.Millisecond
	defaultCollapseTimeout = 10 * time.Second
)

// Cache is a page cache over a [cache.Cache]. It is safe for concurrent use,
// owns no goroutine, and needs no closing: the cache.Cache stays its owner's.
type Cache struct {
	pages    cache.Typed[*record]
	flights  *flights
	name     string
	maxBody  int64
	timeout  time.Duration
	collapse time.Duration
	ignore   bool
	site     *View
}

// New returns a page cache over c. A nil opts is the zero Options.
// Contradictory options are an error that names them.
func New(c cache.Cache, opts *Options) (*Cache, error) {
	if c == nil {
		return nil, errors.New("httpcache.New: the cache is nil")
	}
	var o Options
	if opts != nil {
		o = *opts
	}
	if err := o.complete(); err != nil {
		return nil, err
	}
	pages := &Cache{
		pages:    cache.For[*record](c.WithPrefix(o.Prefix), cache.WithCodec(codec{}), cache.Immutable()),
		flights:  newFlights(),
		name:     o.Name,
		maxBody:  o.MaxBody,
		timeout:  o.StoreTimeout,
		collapse: o.CollapseTimeout,
		ignore:   o.IgnoreRequestDirectives,
	}
	pages.site = &View{cache: pages, ttl: o.DefaultTTL, hasTTL: o.DefaultTTL > 0}
	return pages, nil
}

// complete replaces each zero, or says what cannot be meant.
func (o *Options) complete() error {
	if o.Name == "" {
		o.Name = defaultName
	}
	if o.Prefix == "" {
		o.Prefix = defaultPrefix
	}
	if o.MaxBody == 0 {
		o.MaxBody = defaultMaxBody
	}
	if o.StoreTimeout == 0 {
		o.StoreTimeout = defaultStoreTimeout
	}
	if o.CollapseTimeout == 0 {
		o.CollapseTimeout = defaultCollapseTimeout
	}
	var errs []error
	refuse := func(bad bool, format string, args ...any) {
		if bad {
			errs = append(errs, fmt.Errorf("httpcache.Options."+format, args...))
		}
	}
	refuse(!isStatusName(o.Name), "Name is %q: not a token", o.Name)
	refuse(o.DefaultTTL < 0, "DefaultTTL is %v", o.DefaultTTL)
	refuse(o.MaxBody < 0, "MaxBody is %d", o.MaxBody)
	refuse(o.StoreTimeout < 0, "StoreTimeout is %v", o.StoreTimeout)
	refuse(o.CollapseTimeout < 0, "CollapseTimeout is %v", o.CollapseTimeout)
	return errors.Join(errs...)
}

// Handler caches a whole site, or what a proxy fetches: it stores what next's
// responses themselves allow, for as long as they say, and nothing else unless
// [Options].DefaultTTL is set. Views inside of it keep their own rules.
func (c *Cache) Handler(next http.Handler) http.Handler { return c.site.Handler(next) }

// patience bounds what one question to the store may take.
func (c *Cache) patience(ctx context.Context) (context.Context, func()) {
	p := &patience{Context: ctx, deadline: time.Now().Add(c.timeout)}
	return p, p.end
}

// drop removes the pages of a URL, all variants, and what handlers running now
// would store as one of them.
func (c *Cache) drop(r *http.Request) {
	ctx, end := c.patience(context.WithoutCancel(r.Context()))
	defer end()
	// An outage is for the hooks of the cache.Cache to tell: the client's own
	// request went well.
	_, _ = c.pages.Delete(ctx, keyOf(r))
}

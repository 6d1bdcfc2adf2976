package httpcache

import (
	"context"
	"errors"
	"net/http"
	"net/http/httputil"
	"slices"
	"sync/atomic"
	"time"

	"github.com/stratacache/strata/cache"
)

// Cache is a page cache over a [cache.Cache]. It is safe for concurrent use. It
// is closed before the cache.Cache, which stays its owner's.
type Cache struct {
	pages     cache.Typed[*record]
	raw       cache.Cache // the same keys
	all       cache.Cache // for tags
	flights   *flights
	refreshes *refreshes
	zips      *zipper
	buffered  atomic.Int64 // bytes of bodies that are being kept
	site      *View
	front     *View // of Proxy

	name        string
	heuristic   time.Duration
	keep        time.Duration
	targets     []string
	tagHeaders  []string
	cookies     SetCookiePolicy
	ignore      bool
	hosts       hosts
	unknown     UnknownHosts
	keyedHost   bool // X-Forwarded-Host is in the key
	ignoreQuery []string
	sortQuery   bool
	keyHeaders  []string
	strip       []string
	normalize   map[string]Normalizer
	maxBody     int64
	maxBuffered int64
	maxOthers   int
	purgeDepth  int
	timeout     time.Duration
	collapse    time.Duration
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
	known, err := newHosts(o.Hosts)
	if err != nil {
		return nil, err
	}
	pages := &Cache{
		pages:       cache.For[*record](c.WithPrefix(o.Prefix), cache.WithCodec(codec{}), cache.Immutable()),
		raw:         c.WithPrefix(o.Prefix),
		all:         c,
		flights:     newFlights(),
		refreshes:   newRefreshes(o.MaxRefreshes, o.RefreshTimeout),
		zips:        newZipper(o.Compress),
		name:        o.Name,
		heuristic:   max(0, o.Heuristic),
		keep:        min(max(0, o.Keep), maxLifetime),
		targets:     o.Targets,
		tagHeaders:  o.TagHeaders,
		cookies:     o.SetCookie,
		ignore:      o.IgnoreRequestDirectives,
		hosts:       known,
		unknown:     o.UnknownHosts,
		keyedHost:   slices.Contains(o.KeyHeaders, forwardedHost),
		ignoreQuery: o.IgnoreQuery,
		sortQuery:   o.SortQuery,
		keyHeaders:  o.KeyHeaders,
		strip:       o.StripHeaders,
		normalize:   o.Normalize,
		maxBody:     o.MaxBody,
		maxBuffered: o.MaxBuffered,
		maxOthers:   o.MaxVariants - 1,
		purgeDepth:  o.PurgeDepth,
		timeout:     o.StoreTimeout,
		collapse:    o.CollapseTimeout,
	}
	pages.site = &View{cache: pages, ttl: min(o.DefaultTTL, maxLifetime), hasTTL: o.DefaultTTL > 0}
	pages.front = &View{cache: pages, proxy: true}
	return pages, nil
}

// Handler caches a whole site: it stores what next's responses themselves allow,
// for as long as they say, and nothing else unless [Options].DefaultTTL is set.
// Views inside of it keep their own rules.
//
// Around a [httputil.ReverseProxy] it is [Cache.Proxy].
func (c *Cache) Handler(next http.Handler) http.Handler {
	if p, ok := next.(*httputil.ReverseProxy); ok && !c.site.hasTTL {
		return c.Proxy(p)
	}
	return c.site.Handler(next)
}

// patience bounds what one question to the store may take.
func (c *Cache) patience(ctx context.Context) (context.Context, func()) {
	p := &patience{Context: ctx, deadline: time.Now().Add(c.timeout)}
	return p, p.end
}

// Close waits for the handlers that make pages anew in the background until ctx
// ends, and then cancels them. Afterwards no more are started; the handlers of
// the Cache go on serving. It is idempotent.
func (c *Cache) Close(ctx context.Context) error { return c.refreshes.close(ctx) }

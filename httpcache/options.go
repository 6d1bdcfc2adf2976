package httpcache

import (
	"errors"
	"fmt"
	"net/http"
	"net/textproto"
	"slices"
	"time"
)

// Options configure a [Cache]. The zero value, and nil, work.
type Options struct {
	// Name is what this cache calls itself in Cache-Status: a token of RFC 8941.
	// Default "Strata".
	Name string
	// Prefix sets the pages apart within the cache.Cache. Default "http". Two
	// Caches with one prefix over one cache.Cache share their pages, and must
	// have the same options.
	Prefix string

	// DefaultTTL is how long a 200 that says nothing of its freshness is fresh,
	// for [Cache.Handler]. Default 0: it is not stored, unless Heuristic allows it.
	DefaultTTL time.Duration
	// Heuristic bounds the lifetime that is guessed from Last-Modified where a
	// response says nothing, RFC 9111 section 4.2.2; never for the answer to a
	// request with cookies, nor within a view. Default 24 hours; negative: no
	// guessing.
	Heuristic time.Duration
	// Keep is how long a response stays in the store after it is no longer fresh,
	// to be validated, or, but for a view's, used if the origin cannot be reached.
	// Default 1 hour; negative: not at all.
	Keep time.Duration
	// Targets are the targeted fields of RFC 9213 that speak to this cache, the
	// first that is there before Cache-Control. Default "CDN-Cache-Control"; an
	// empty list that is not nil: none.
	Targets []string
	// TagHeaders are response header fields whose words are tags of the response,
	// such as Surrogate-Key. Default none.
	TagHeaders []string
	// SetCookie is what becomes of a response that sets a cookie. Default
	// RefuseSetCookie.
	SetCookie SetCookiePolicy
	// IgnoreRequestDirectives has clients' Cache-Control and Pragma decide
	// nothing, except that no-store keeps a response out of the store. By default
	// a client may ask for a fresh response, and so for work.
	IgnoreRequestDirectives bool

	// Hosts are those whose pages are stored, as requests name them: shop.example,
	// shop.example:8080, or *.shop.example for all below it. A handler that writes
	// its host into a page then writes none that a client made up, and nobody
	// fills the store under invented names. X-Forwarded-Host, while it is one of
	// KeyHeaders, must name one of them, too. Default nil: every host.
	Hosts []string
	// UnknownHosts is what becomes of requests for others. Default
	// PassUnknownHosts.
	UnknownHosts UnknownHosts

	// IgnoreQuery are query parameters that are left out of the key, and of what
	// handlers see of the request: names, or with a * at their end, beginnings,
	// such as "utm_*".
	IgnoreQuery []string
	// SortQuery makes the order of query parameters with different names not
	// matter.
	SortQuery bool
	// KeyHeaders are request header fields that are part of every key. Default:
	// X-Forwarded-Host, -Port, -Prefix and -Proto, by which many handlers make
	// absolute URLs. An empty list that is not nil: none.
	KeyHeaders []string
	// StripHeaders are request header fields that a handler whose response may be
	// stored does not see, because they are not in the key; those in KeyHeaders
	// are not taken away. Default: Forwarded, the rest of X-Forwarded-*,
	// X-Original-Url, X-Http-Method-Override and their like. An empty list that is
	// not nil: none.
	StripHeaders []string
	// Normalize replaces the values of request header fields that responses vary
	// on, for the key and for the handler: see [Cookies], [Encodings] and
	// [Languages].
	Normalize map[string]Normalizer

	// MaxBody is the largest body that is stored, in bytes; what is longer only
	// passes through. Default 8 MiB.
	MaxBody int64
	// MaxBuffered bounds the bodies that are being kept at one time, in bytes;
	// what is beyond it only passes through. Default 256 MiB.
	MaxBuffered int64
	// MaxVariants bounds the pages of one URL. Default 16.
	MaxVariants int
	// Compress has text bodies stored in gzip, and served so to clients that take
	// it. Default nil: bodies are stored as handlers wrote them.
	Compress *Compression
	// PurgeDepth is by how many leading path segments pages can be purged: see
	// [Cache.PurgePrefix]. Each costs a tag on every page. Default 0: by none.
	PurgeDepth int
	// StoreTimeout bounds each thing asked of the store; when it is over, the
	// handler runs. Default 500 ms.
	StoreTimeout time.Duration
	// CollapseTimeout bounds how long a request waits for another one's run of
	// the handler before it runs the handler itself. Default 10 s. For a run in
	// another process cache.Options.LeaseWait bounds it as well.
	CollapseTimeout time.Duration
	// RefreshTimeout ends the context of a handler that makes a page anew in the
	// background. Default 1 minute.
	RefreshTimeout time.Duration
	// MaxRefreshes bounds these handlers. Default 64.
	MaxRefreshes int
}

// SetCookiePolicy is what becomes of a response with Set-Cookie.
type SetCookiePolicy uint8

const (
	// RefuseSetCookie keeps it out of the store.
	RefuseSetCookie SetCookiePolicy = iota
	// StripSetCookie stores it without its cookies; the client that caused it
	// gets them.
	StripSetCookie
	// StoreSetCookie stores it with its cookies, as RFC 9111 section 7.3 lets a
	// cache do: whoever asks then gets them.
	StoreSetCookie
)

const (
	defaultName            = "Strata"
	defaultPrefix          = "http"
	defaultHeuristic       = 24 * time.Hour
	defaultKeep            = time.Hour
	defaultMaxBody         = 8 << 20
	defaultMaxBuffered     = 256 << 20
	defaultMaxVariants     = 16
	defaultStoreTimeout    = 500 * time.Millisecond
	defaultCollapseTimeout = 10 * time.Second
	defaultRefreshTimeout  = time.Minute
	defaultMaxRefreshes    = 64

	// maxOthers bounds Options.MaxVariants, maxDepth Options.PurgeDepth.
	maxOthers = 1024
	maxDepth  = 8
)

var (
	defaultTargets = []string{"CDN-Cache-Control"}
	defaultKey     = []string{"X-Forwarded-Host", "X-Forwarded-Port", "X-Forwarded-Prefix", "X-Forwarded-Proto"}
	// defaultStrip are the fields by which a client can make some frameworks
	// believe in another URL or method than that of the key.
	defaultStrip = []string{
		"Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Port", "X-Forwarded-Prefix", "X-Forwarded-Proto",
		"X-Forwarded-Scheme", "X-Forwarded-Server", "X-Forwarded-Ssl", "X-Forwarded-Uri", "X-Forwarded-Path", "X-Host",
		"X-Original-Host", "X-Original-Url", "X-Rewrite-Url", "X-Http-Method", "X-Http-Method-Override", "X-Method-Override",
	}
)

// complete replaces each zero, or says what cannot be meant.
func (o *Options) complete() error {
	def(&o.Name, defaultName)
	def(&o.Prefix, defaultPrefix)
	def(&o.Heuristic, defaultHeuristic)
	def(&o.Keep, defaultKeep)
	def(&o.MaxBody, defaultMaxBody)
	def(&o.MaxBuffered, defaultMaxBuffered)
	def(&o.MaxVariants, defaultMaxVariants)
	def(&o.StoreTimeout, defaultStoreTimeout)
	def(&o.CollapseTimeout, defaultCollapseTimeout)
	def(&o.RefreshTimeout, defaultRefreshTimeout)
	def(&o.MaxRefreshes, defaultMaxRefreshes)
	if o.Targets == nil {
		o.Targets = defaultTargets
	}
	if o.KeyHeaders == nil {
		o.KeyHeaders = defaultKey
	}
	if o.StripHeaders == nil {
		o.StripHeaders = defaultStrip
	}
	var errs []error
	refuse := func(bad bool, format string, args ...any) {
		if bad {
			errs = append(errs, fmt.Errorf("httpcache.Options."+format, args...))
		}
	}
	refuse(!isStatusName(o.Name), "Name is %q: not a token", o.Name)
	refuse(o.DefaultTTL < 0, "DefaultTTL is %v", o.DefaultTTL)
	refuse(o.SetCookie > StoreSetCookie, "SetCookie is %d", o.SetCookie)
	refuse(o.UnknownHosts > RefuseUnknownHosts, "UnknownHosts is %d", o.UnknownHosts)
	refuse(o.MaxBody < 0, "MaxBody is %d", o.MaxBody)
	refuse(o.MaxBuffered < 0, "MaxBuffered is %d", o.MaxBuffered)
	refuse(o.Compress != nil && o.Compress.MinSize < 0, "Compress.MinSize is negative")
	refuse(o.MaxVariants < 0 || o.MaxVariants > maxOthers, "MaxVariants is %d", o.MaxVariants)
	refuse(o.PurgeDepth < 0 || o.PurgeDepth > maxDepth, "PurgeDepth is %d", o.PurgeDepth)
	refuse(o.StoreTimeout < 0, "StoreTimeout is %v", o.StoreTimeout)
	refuse(o.CollapseTimeout < 0, "CollapseTimeout is %v", o.CollapseTimeout)
	refuse(o.RefreshTimeout < 0, "RefreshTimeout is %v", o.RefreshTimeout)
	refuse(o.MaxRefreshes < 0, "MaxRefreshes is %d", o.MaxRefreshes)
	for field, names := range map[string]*[]string{
		"Targets": &o.Targets, "TagHeaders": &o.TagHeaders, "KeyHeaders": &o.KeyHeaders, "StripHeaders": &o.StripHeaders,
	} {
		*names = slices.Clone(*names)
		for i, name := range *names {
			refuse(!isToken(name), "%s has %q: no field name", field, name)
			(*names)[i] = textproto.CanonicalMIMEHeaderKey(name)
		}
	}
	normalize := make(map[string]Normalizer, len(o.Normalize))
	for name, n := range o.Normalize {
		refuse(!isToken(name) || n == nil, "Normalize has %q", name)
		normalize[textproto.CanonicalMIMEHeaderKey(name)] = n
	}
	o.Normalize = normalize
	slices.Sort(o.KeyHeaders)
	o.StripHeaders = slices.DeleteFunc(o.StripHeaders, func(name string) bool { return slices.Contains(o.KeyHeaders, name) })
	return errors.Join(errs...)
}

// def replaces a zero by the default.
func def[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// A Normalizer returns in place of a request field's values what a response may
// depend on of them; nil stands for a field that is not there. It must not
// change values.
type Normalizer func(values []string) []string

// normalized returns what the key knows of a request field.
func (c *Cache) normalized(h http.Header, name string) (values []string, present bool) {
	values, present = h[name]
	if n := c.normalize[name]; n != nil && present {
		values = n(values)
		present = values != nil
	}
	return values, present
}

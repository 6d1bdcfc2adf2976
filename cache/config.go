package cache

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/url"
	"os"
	"slices"
	"strings"

	"github.com/stratacache/strata/cache/driver/storeurl"
)

// DefaultName is the name of the cache that every [Config] must have.
const DefaultName = "default"

// envURL names the environment variable of the default cache; those of others
// follow it with an underscore and their name.
const envURL = "CACHE_URL"

// Config describes named caches.
//
//	cache.Config{
//		"default":  {URL: "locmem:// redis://10.0.0.5/0"},
//		"sessions": {URL: "redis://10.0.0.6/0?timeout=None"},
//	}
type Config map[string]CacheConfig

// CacheConfig is one cache of a [Config].
type CacheConfig struct {
	// URL is what [Open] takes: one or several.
	URL URL
	// Options are the cache's, as in Open. Nil is the zero Options.
	Options *Options `json:"-"`
}

// ConfigFromEnv reads names and URLs from the environment: CACHE_URL is the
// default cache, CACHE_URL_SESSIONS the one that is named "sessions". An empty
// variable counts as none.
func ConfigFromEnv() Config {
	c := make(Config)
	for _, pair := range os.Environ() {
		name, value, _ := strings.Cut(pair, "=")
		switch suffix, named := strings.CutPrefix(name, envURL+"_"); {
		case value == "":
		case name == envURL:
			c[DefaultName] = CacheConfig{URL: URL(value)}
		case named && suffix != "":
			c[strings.ToLower(suffix)] = CacheConfig{URL: URL(value)}
		}
	}
	return c
}

// Open opens all caches, or none: then the error names those that could not be
// opened, and why. It does not touch the network.
func (c Config) Open(ctx context.Context) (*Caches, error) {
	opened := &Caches{clients: make(map[string]*Client, len(c))}
	var errs []error
	if _, ok := c[DefaultName]; !ok {
		errs = append(errs, fmt.Errorf("cache.Config: no cache is named %q", DefaultName))
	}
	for _, name := range slices.Sorted(maps.Keys(c)) {
		client, err := Open(ctx, string(c[name].URL), c[name].Options)
		if err != nil {
			errs = append(errs, fmt.Errorf("cache.Config[%q]: %w", name, err))
			continue
		}
		opened.clients[name] = client
	}
	if err := errors.Join(errs...); err != nil {
		return nil, errors.Join(err, opened.Close(ctx))
	}
	return opened, nil
}

// ErrNoCache: no cache has that name.
var ErrNoCache = errors.New("strata: no cache of that name")

// Caches are the clients of a [Config]. It is safe for concurrent use.
type Caches struct {
	clients map[string]*Client // never changed
}

// Get returns the client of that name, always the same, or [ErrNoCache].
func (c *Caches) Get(name string) (*Client, error) {
	client, ok := c.clients[name]
	if !ok {
		return nil, fmt.Errorf("%w: %q (there are %s)", ErrNoCache, name, strings.Join(c.Names(), ", "))
	}
	return client, nil
}

// Default returns the client that is named "default".
func (c *Caches) Default() *Client { return c.clients[DefaultName] }

// Names are the names of all caches, sorted.
func (c *Caches) Names() []string { return slices.Sorted(maps.Keys(c.clients)) }

// Ping asks all caches; the error names those that do not answer.
func (c *Caches) Ping(ctx context.Context) error {
	return c.each(func(client *Client) error { return client.Ping(ctx) })
}

// Close closes all clients, as [Client.Close] does.
func (c *Caches) Close(ctx context.Context) error {
	return c.each(func(client *Client) error { return client.Close(ctx) })
}

func (c *Caches) each(do func(*Client) error) error {
	var errs []error
	for _, name := range c.Names() {
		if err := do(c.clients[name]); err != nil {
			errs = append(errs, fmt.Errorf("cache %q: %w", name, err))
		}
	}
	return errors.Join(errs...)
}

// URL is what [Open] takes, with a password in it as like as not. However it is
// printed or logged, it shows schemes, hosts and paths alone.
type URL string

// String returns what may be shown.
func (u URL) String() string {
	shown := strings.Fields(string(u))
	for i, raw := range shown {
		shown[i] = redact(raw)
	}
	return strings.Join(shown, " ")
}

func redact(raw string) string {
	parsed, err := url.Parse(raw)
	if err != nil || parsed.Scheme == "" {
		return "…"
	}
	if storeurl.Check(parsed) != nil {
		return parsed.Scheme + ":…" // anything in it may be part of a password
	}
	return parsed.Scheme + "://" + parsed.Host + parsed.EscapedPath()
}

// Format prints String, whatever the verb.
func (u URL) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, u.String()) }

// LogValue is String.
func (u URL) LogValue() slog.Value { return slog.StringValue(u.String()) }

// MarshalText is String: a configuration that was read is not written back.
func (u URL) MarshalText() ([]byte, error) { return []byte(u.String()), nil }

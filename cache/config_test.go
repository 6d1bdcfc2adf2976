package cache_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stratacache/strata/cache"
)

func openURL(t *testing.T, urls string, opts *cache.Options) (*cache.Client, error) {
	t.Helper()
	c, err := cache.Open(t.Context(), urls, opts)
	if err == nil {
		t.Cleanup(func() { _ = c.Close(context.Background()) })
	}
	return c, err
}

// lifeIn is how long a client of urls keeps what is set without a TTL: 0 for not at all.
func lifeIn(t *testing.T, urls string, opts *cache.Options) time.Duration {
	t.Helper()
	c, err := openURL(t, urls, opts)
	if err != nil {
		t.Fatalf("%s: %v", urls, err)
	}
	return c.DefaultTTL()
}

// CFG-045, CFG-047, CFG-048: parameters of every URL.
func TestOpenTimeout(t *testing.T) {
	t.Parallel()
	for urls, want := range map[string]time.Duration{
		"locmem://":                          5 * time.Minute,
		"locmem://?timeout=60":               time.Minute,
		"locmem://?TIMEOUT=60":               time.Minute,
		"locmem://?timeout=1.5":              1500 * time.Millisecond,
		"locmem://?timeout=5m":               5 * time.Minute,
		"locmem://?timeout=None":             cache.Forever,
		"locmem://?timeout=null":             cache.Forever,
		"locmem://?timeout=0":                cache.Never,
		"locmem://?timeout=":                 5 * time.Minute,
		"locmem://?timeout=7&timeout=9":      7 * time.Second,
		"locmem://?timeout=60 locmem://":     5 * time.Minute,
		"locmem:// locmem://?timeout=60":     time.Minute,
		"locmem://?timeout=None locmem://":   5 * time.Minute,
		"locmem://?max_entries=7&timeout=60": time.Minute,
	} {
		if got := lifeIn(t, urls, nil); got != want {
			t.Errorf("%s: got a TTL of %v, want %v", urls, got, want)
		}
	}
	if got := lifeIn(t, "locmem://?timeout=60", &cache.Options{TTL: time.Hour}); got != time.Minute {
		t.Errorf("a URL and Options: got %v, want that of the URL", got)
	}
}

func TestOpenPrefixAndVersion(t *testing.T) {
	t.Parallel()
	var seen cache.WriteInfo
	c, err := openURL(t, "locmem://?key_prefix=shop&version=3", &cache.Options{
		Prefix: "other", Hooks: cache.Hooks{Write: func(_ context.Context, i cache.WriteInfo) { seen = i }},
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Set(t.Context(), "k", []byte("v")); err != nil {
		t.Fatal(err)
	}
	if seen.Prefix != "shop" {
		t.Errorf("got prefix %q, want that of the URL", seen.Prefix)
	}
	if _, err := c.WithVersion(1).Get(t.Context(), "k"); !errors.Is(err, cache.ErrMiss) {
		t.Errorf("version 1: got %v, want a miss", err)
	}
	if _, err := c.WithVersion(3).Get(t.Context(), "k"); err != nil {
		t.Errorf("version 3: %v", err)
	}
}

// CFG-003, CFG-029, CFG-030, CFG-031: what cannot be opened says why at once.
func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	for urls, want := range map[string]string{
		"":                                    "no URL",
		"  ":                                  "no URL",
		"memdb://u:secret@h":                  `unknown scheme "memdb": known are`,
		"MEMDB://u:secret@h":                  `unknown scheme "memdb"`,
		"locmem://?colour=secret":             `unknown parameter "colour": known are max_bytes, max_entries, policy (and of every URL timeout, key_prefix, version, store_timeout, store_soft_timeout, on_outage, recovery`,
		"locmem://?key_function=secret":       `unknown parameter "key_function"`,
		"locmem://?timeout=secret":            "timeout",
		"locmem://?timeout=-1":                "timeout",
		"locmem://?version=secret":            "version",
		"locmem://?version=-1":                "version",
		"locmem://?%zz=secret":                "cannot be parsed",
		"locmem://?version=2 locmem://":       "belong to the last",
		"locmem://?key_prefix=a locmem://":    "belong to the last",
		"locmem://?timeout=0 locmem://":       "leave the tier out",
		"locmem:// memdb://u:secret@h":        "memdb",
		"http://[::1:secret":                  "cannot be parsed",
		"locmem://?timeout=99999999999999999": "timeout",
	} {
		_, err := openURL(t, urls, nil)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%q: got %v, want an error with %q and no secret", urls, err, want)
		}
	}
}

// CFG-051: the variable, and a default.
func TestFromEnv(t *testing.T) {
	t.Setenv("CACHE_URL", "")
	if _, err := cache.FromEnv(t.Context(), "", nil); err == nil || !strings.Contains(err.Error(), "CACHE_URL") {
		t.Errorf("not set: got %v, want an error that names the variable", err)
	}
	check := func(want time.Duration) {
		t.Helper()
		c, err := cache.FromEnv(t.Context(), "locmem://?timeout=1", nil)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close(t.Context())
		if got := c.DefaultTTL(); got != want {
			t.Errorf("got a TTL of %v, want %v", got, want)
		}
	}
	check(time.Second)
	t.Setenv("CACHE_URL", "locmem://?timeout=2")
	check(2 * time.Second)
}

// CFG-001, CFG-002, CFG-004, CFG-006: named caches.
func TestConfig(t *testing.T) {
	t.Parallel()
	caches, err := cache.Config{
		"default":  {URL: "locmem://"},
		"sessions": {URL: "locmem://?timeout=None", Options: &cache.Options{Prefix: "s"}},
	}.Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	sessions, err := caches.Get("sessions")
	if err != nil || sessions == caches.Default() || sessions.DefaultTTL() != cache.Forever {
		t.Errorf("sessions: got %v, %v, want a client of its own", sessions, err)
	}
	if again, _ := caches.Get("sessions"); again != sessions {
		t.Error("the same name gave another client")
	}
	if _, err := caches.Get("pages"); !errors.Is(err, cache.ErrNoCache) || !strings.Contains(err.Error(), `"pages"`) || !strings.Contains(err.Error(), "default, sessions") {
		t.Errorf("an unknown name: got %v", err)
	}
	if got := fmt.Sprint(caches.Names()); got != "[default sessions]" {
		t.Errorf("Names: got %s", got)
	}
	if err := caches.Ping(t.Context()); err != nil {
		t.Errorf("Ping: %v", err)
	}
	if err := caches.Close(t.Context()); err != nil {
		t.Errorf("Close: %v", err)
	}
	if err := caches.Ping(t.Context()); !errors.Is(err, cache.ErrClosed) || !strings.Contains(err.Error(), `"sessions"`) {
		t.Errorf("Ping after Close: got %v, want ErrClosed, by name", err)
	}
}

func TestConfigRefuses(t *testing.T) {
	t.Parallel()
	_, err := cache.Config{"a": {URL: "nothing://u:secret@h"}, "b": {URL: "locmem://"}, "c": {}}.Open(t.Context())
	for _, want := range []string{`"default"`, `["a"]`, `["c"]`, "nothing", "no URL"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want an error with %s", err, want)
		}
	}
	if err != nil && strings.Contains(err.Error(), "secret") {
		t.Errorf("the error shows the password: %v", err)
	}
}

func TestConfigFromEnv(t *testing.T) {
	for _, pair := range os.Environ() {
		if name, _, _ := strings.Cut(pair, "="); strings.HasPrefix(name, "CACHE_URL") {
			t.Setenv(name, "")
		}
	}
	t.Setenv("CACHE_URL", "locmem://a")
	t.Setenv("CACHE_URL_SESSIONS", "locmem://b locmem://c")
	t.Setenv("CACHE_URL_", "locmem://d")
	t.Setenv("CACHE_URLS", "locmem://e")
	c := cache.ConfigFromEnv()
	if len(c) != 2 || c["default"].URL != "locmem://a" || c["sessions"].URL != "locmem://b locmem://c" {
		t.Errorf("got %v", c)
	}
}

// However a configuration is shown, it shows no password.
func TestURLHidesPasswords(t *testing.T) {
	t.Parallel()
	for raw, want := range map[cache.URL]string{
		"redis://ann:secret@h:1/0?password=secret": "redis://h:1/0",
		"redis://ann:secret@h,g:2/0":               "redis://h,g:2/0",
		"locmem:// redis://:secret@h/":             "locmem:// redis://h/",
		"redis://ann:se/secret@h/0":                "…",
		"redis://ann:5/secret@h/0":                 "redis:…",
		"redis://ann:secret%zz@h":                  "…",
		"ann:secret@h":                             "ann:…",
		"secret":                                   "…",
		"file:///var/cache/shop":                   "file:///var/cache/shop",
		"":                                         "",
	} {
		if got := raw.String(); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
		c := cache.Config{"default": {URL: raw}}
		var log bytes.Buffer
		slog.New(slog.NewJSONHandler(&log, nil)).Info("config", "config", c, "url", raw)
		slog.New(slog.NewTextHandler(&log, nil)).Info("config", "config", c, "url", raw)
		encoded, err := json.Marshal(c)
		if err != nil {
			t.Error(err)
		}
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
			fmt.Fprintf(&log, verb+verb+verb, c, c["default"], raw)
		}
		if shown := log.String() + string(encoded); strings.Contains(shown, "secret") || strings.Contains(shown, fmt.Sprintf("%x", "secret")) {
			t.Errorf("%s: shown is %s", want, shown)
		}
	}
}

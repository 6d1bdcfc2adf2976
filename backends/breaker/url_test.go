package breaker_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	_ "github.com/stratacache/strata/backends/locmem"
	_ "github.com/stratacache/strata/backends/redisstore"
	"github.com/stratacache/strata/cache"
)

// nowhere is a port at which nobody answers.
const nowhere = "redis://127.0.0.1:1/0?io_timeout=5s"

func TestBreakerOfAURL(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		urls string
		open bool // after two failures
	}{
		{nowhere, false},
		{nowhere + "&breaker_failures=2", true},
		{nowhere + "&breaker=true&breaker_failures=2&breaker_open_for=1h&breaker_probes=3&breaker_timeout=1s", true},
		{nowhere + "&breaker=true", false},
		{nowhere + "&breaker=false&breaker_failures=2", false},
		{"locmem:// " + nowhere + "&BREAKER_FAILURES=2", true},
	} {
		c, err := cache.Open(t.Context(), tc.urls, nil)
		if err != nil {
			t.Errorf("%s: %v", tc.urls, err)
			continue
		}
		for range 2 {
			_, _ = c.Get(t.Context(), "k")
		}
		if _, err = c.Get(t.Context(), "k"); strings.Contains(err.Error(), "the circuit is open") != tc.open || !errors.Is(err, cache.ErrUnavailable) {
			t.Errorf("%s: got %v; want an outage, and the circuit open: %v", tc.urls, err, tc.open)
		}
		// What is refused is loaded.
		if got, err := c.GetOrSet(t.Context(), "k", loaded); string(got) != "loaded" || err != nil {
			t.Errorf("%s: got %q, %v; want what the loader has", tc.urls, got, err)
		}
		if err := c.Close(t.Context()); err != nil {
			t.Error(err)
		}
	}
	for query, want := range map[string]string{
		"breaker=secret":           "breaker is not true or false",
		"breaker_failures=0":       "breaker_failures",
		"breaker_open_for=secret":  "breaker_open_for",
		"breaker_timeout=-1s":      "breaker_timeout",
		"breaker_colour=secret":    `"breaker_colour"`,
		"colour=1&breaker=true":    "breaker_probes", // among those that are known
		"breaker=true&version=two": "version",
	} {
		_, err := cache.Open(t.Context(), "locmem://?"+query, nil)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: got %v, want an error with %s and no secret", query, err, want)
		}
	}
}

func TestAnotherWrapperCannotTakeThem(t *testing.T) {
	t.Parallel()
	for _, taken := range []string{"breaker_probes", "timeout", "recovery"} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s was given away twice", taken)
				}
			}()
			cache.RegisterWrapper(nil, taken)
		}()
	}
}

// A wrapped store in memory may still be in front.
func TestBreakerAroundATier(t *testing.T) {
	t.Parallel()
	c, err := cache.Open(t.Context(), "locmem://?breaker=true&timeout=60 locmem://?store_timeout=1m", &cache.Options{Staleness: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	// The store keeps a log: until it was read, nothing near is trusted.
	for c.Stats().NearHits == 0 && t.Context().Err() == nil {
		if _, err := c.GetOrSet(t.Context(), "k", loaded); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Millisecond)
	}
	if err := c.Close(t.Context()); err != nil {
		t.Error(err)
	}
}

func loaded(context.Context) ([]byte, error) { return []byte("loaded"), nil }

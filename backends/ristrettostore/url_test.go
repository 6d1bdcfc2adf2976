package ristrettostore_test

import (
	"strings"
	"testing"

	"github.com/stratacache/strata/backends/ristrettostore"
	"github.com/stratacache/strata/cache"
)

func TestURL(t *testing.T) {
	t.Parallel()
	for _, good := range []string{"ristretto://", "RISTRETTO://name", "ristretto:///?max_bytes=1000000", "ristretto://n?max_bytes=1000000&num_counters=10000"} {
		c, err := cache.Open(t.Context(), good, nil)
		if err != nil {
			t.Errorf("%s: %v", good, err)
			continue
		}
		if err := c.Close(t.Context()); err != nil {
			t.Errorf("%s: Close: %v", good, err)
		}
	}
	for bad, want := range map[string]string{
		"ristretto://u:secret@/":       "no more than a name",
		"ristretto://n/path":           "no more than a name",
		"ristretto://?max_bytes=0":     "max_bytes",
		"ristretto://?num_counters=-1": "num_counters",
		"ristretto://?size=1":          `"size"`,
	} {
		c, err := cache.Open(t.Context(), bad, nil)
		if err == nil {
			_ = c.Close(t.Context())
		}
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%q: got %v, want an error with %s", bad, err, want)
		}
	}
}

func TestOptions(t *testing.T) {
	t.Parallel()
	for field, o := range map[string]ristrettostore.Options{
		"MaxBytes":    {MaxBytes: -1},
		"NumCounters": {NumCounters: -1},
	} {
		s, err := ristrettostore.New(&o)
		if err == nil {
			_ = s.Close(t.Context())
		}
		if err == nil || !strings.Contains(err.Error(), field) {
			t.Errorf("%+v: got error %v, want one that names %s", o, err, field)
		}
	}
}

package locmem

import (
	"strings"
	"testing"

	"github.com/stratacache/strata/cache"
)

func TestURL(t *testing.T) {
	t.Parallel()
	for _, good := range []string{
		"locmem://", "LOCMEM://", "locmem://name", "locmemcache://", "locmem:///", "locmem://?max_entries=10&max_bytes=1000000", "locmem://?policy=lru",
		"locmem://?policy=tinylfu&max_entries=100", "locmem:// locmem://",
	} {
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
		"locmem://u:secret@/":                                "no more than a name",
		"locmem://?max_entries=0":                            "max_entries",
		"locmem://?max_entries=many":                         "max_entries",
		"locmem://?max_bytes=-1":                             "max_bytes",
		"locmem://?policy=fifo":                              "policy",
		"locmem://?size=1":                                   `"size"`,
		"locmem://?policy=tinylfu&max_entries=1&max_bytes=1": "not both",
		"": "no URL",
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

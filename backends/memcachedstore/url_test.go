package memcachedstore_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/stratacache/strata/backends/memcachedstore"
	"github.com/stratacache/strata/cache"
	"github.com/stratacache/strata/cache/driver"
)

// CFG-014, CFG-036, CFG-037, CFG-038, CFG-044: all spellings of all schemes.
func TestURL(t *testing.T) {
	t.Parallel()
	// Where a key is says which servers a store has.
	for rest, same := range map[string][]string{
		"://127.0.0.1":                             {"127.0.0.1:11211"},
		"://127.0.0.1:1":                           {"127.0.0.1:1"},
		"://127.0.0.1:1/":                          {"127.0.0.1:1"},
		"://a:1,b,c:3":                             {"a:1", "b:11211", "c:3"},
		"://a:1;b;c:3/?namespace=strata":           {"a:1", "b:11211", "c:3"},
		"://[::1]:1?call_timeout=1":                {"[::1]:1"},
		":///run/memcached.sock":                   {"unix:/run/memcached.sock"},
		":///run/memcached.sock/?call_timeout=2ms": {"/run/memcached.sock"},
	} {
		for _, scheme := range []string{"memcache", "memcached", "pymemcache", "pymemcached", "pylibmc", "djangopylibmc"} {
			u, err := url.Parse(scheme + rest)
			if err != nil {
				t.Fatal(err)
			}
			got, err := memcachedstore.OpenURL(u)
			if err != nil {
				t.Errorf("%s: %v", u, err)
				continue
			}
			want := with(t, nil, same...)
			k := driver.Key{Name: "k"}
			if got.Name(k) != want.Name(k) || got.ServerOf(got.Name(k)) != want.ServerOf(want.Name(k)) {
				t.Errorf("%s: got the name %s, want %s as of %q", u, got.Name(k), want.Name(k), same)
			}
			if c, err := cache.Open(t.Context(), u.String(), nil); err != nil {
				t.Errorf("cache.Open(%s): %v", u, err)
			} else if err := c.Close(t.Context()); err != nil {
				t.Error(err)
			}
		}
	}
}

func TestURLRefuses(t *testing.T) {
	t.Parallel()
	for raw, says := range map[string]string{
		"memcached://":                        "no host",
		"memcached:///":                       "no host",
		"memcached://a/b":                     "hosts and a path",
		"memcached://a:x1":                    "",
		"memcached://a,,b":                    "host",
		"memcached://user:secret@a":           "user",
		"memcached://a#b":                     "",
		"memcached://a?colour=red":            "colour",
		"memcached://a?max_idle_conns=0":      "max_idle_conns",
		"memcached://a?call_timeout=-1":       "call_timeout",
		"memcached://a?namespace=a%20b":       "Namespace",
		"memcached://a?namespace=secret%20ns": "Namespace",
		"memcached://a,a":                     "twice",
	} {
		u, err := url.Parse(raw)
		if err != nil {
			continue // refused earlier
		}
		_, err = memcachedstore.OpenURL(u)
		if err == nil || !strings.Contains(err.Error(), says) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: got error %v, want one that says %q", raw, err, says)
		}
	}
}

// CFG-015, and a contradiction or a bad address is an error by name.
func TestNewRefuses(t *testing.T) {
	t.Parallel()
	for _, servers := range [][]string{
		nil, {""}, {"a:b"}, {"a:1:2"}, {":1"}, {"a", "A:11211"}, {"unix:relative"}, {"a b:1"}, {"a:99999"}, {"unix:/x", "/x"},
	} {
		if _, err := memcachedstore.New(servers, nil); err == nil {
			t.Errorf("New(%q): got no error", servers)
		}
	}
	for name, opts := range map[string]*memcachedstore.Options{
		"Namespace":    {Namespace: "a:b"},
		"Timeout":      {Timeout: -1},
		"DialTimeout":  {DialTimeout: -1},
		"MaxIdleConns": {MaxIdleConns: -1},
	} {
		if _, err := memcachedstore.New([]string{"a"}, opts); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: got error %v, want one that names it", name, err)
		}
	}
	if _, err := memcachedstore.NewFromSelector(nil, nil); err == nil {
		t.Error("a nil selector: got no error")
	}
}

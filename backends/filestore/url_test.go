//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package filestore_test

import (
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stratacache/strata/backends/filestore"
	"github.com/stratacache/strata/cache"
)

func TestURL(t *testing.T) {
	t.Parallel()
	dir := filepath.ToSlash(t.TempDir())
	for _, good := range []string{
		"file://" + dir, "filecache://" + dir + "/x", "FILE://localhost" + dir,
		"file://" + dir + "?namespace=shop&max_entries=10&max_bytes=1000000&sweep=1m&sync=true",
	} {
		c, err := cache.Open(t.Context(), good, nil)
		if err != nil {
			t.Errorf("%s: %v", good, err)
			continue
		}
		if err := c.Ping(t.Context()); err != nil {
			t.Errorf("%s: Ping: %v", good, err)
		}
		if err := c.Close(t.Context()); err != nil {
			t.Errorf("%s: Close: %v", good, err)
		}
	}
	if !exists(t, filepath.Join(dir, "shop", filestore.MetaName)) {
		t.Error("the parameter namespace was not used")
	}
	for bad, want := range map[string]string{
		"file://":                          "no path",
		"file://u:secret@" + dir:           "no more than",
		"file://" + dir + "#x":             "no more than",
		"file://" + dir + "?max_entries=0": "max_entries",
		"file://" + dir + "?max_bytes=x":   "max_bytes",
		"file://" + dir + "?sweep=-1":      "sweep",
		"file://" + dir + "?sync=maybe":    "sync",
		"file://" + dir + "?size=1":        `"size"`,
		"file://" + dir + "?namespace=..":  "Namespace",
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

// CFG-034: an absolute path, one with a drive letter, and a relative one.
func TestURLForms(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string]string{
		"filecache:///var/tmp/cache":   "/var/tmp/cache",
		"file:/var/tmp/cache":          "/var/tmp/cache",
		"file:///a%20b/%23":            "/a b/#",
		"filecache:///C:/foo/bar":      "C:/foo/bar",
		"filecache:C:/foo/bar":         "C:/foo/bar",
		"filecache://C:/foo/bar":       "C:/foo/bar",
		"file:cache/shop":              "cache/shop",
		"file:./cache":                 "./cache",
		"file://cache/shop":            "cache/shop",
		"file:a%20b":                   "a b",
		"file://localhost/var/cache":   "/var/cache",
		"file:///var/me@home?sync=yes": "/var/me@home",
	} {
		u, err := url.Parse(raw)
		if err != nil {
			t.Errorf("%s: %v", raw, err)
			continue
		}
		if got, err := filestore.Location(u); err != nil || got != want {
			t.Errorf("%s: got %q, %v, want %q", raw, got, err, want)
		}
	}
}

// CFG-012, CFG-013.
func TestCheckLocation(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	media := filepath.Join(root, "media")
	if err := os.Mkdir(media, 0o700); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(root, "link")
	if err := os.Symlink(media, link); err != nil {
		t.Fatal(err)
	}
	for dir, want := range map[string]string{
		filepath.Join(root, "cache"):          "",
		filepath.Join(root, "media2"):         "",
		filepath.Join(root, "..media"):        "",
		media:                                 "is the public",
		media + "/":                           "is the public",
		filepath.Join(media, "cache"):         "lies in the public",
		filepath.Join(link, "not", "yet"):     "lies in the public",
		filepath.Join(media, "..", "media/x"): "lies in the public",
		root:                                  "contains the public",
		"cache":                               "is relative",
	} {
		err := filestore.CheckLocation(dir, filepath.Join(root, "static"), media)
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", dir, err, want)
		}
	}
}

package filestore

import (
	"context"
	"errors"
	"net/url"
	"regexp"

	"github.com/stratacache/strata/cache"
	"github.com/stratacache/strata/cache/driver"
	"github.com/stratacache/strata/cache/driver/storeurl"
)

// The schemes of cache.Open:
//
//	file:///var/cache/shop?namespace=shop&max_entries=10000&max_bytes=1000000000&sweep=10m&sync=true
//
// See the package documentation for other forms of the path.
func init() { cache.Register(open, "file", "filecache") }

func open(_ context.Context, u *url.URL) (driver.Store, error) {
	dir, err := location(u)
	if err != nil {
		return nil, err
	}
	p := storeurl.ParamsOf(u)
	o := Options{
		Namespace:  p.String("namespace", ""),
		MaxEntries: int(p.Int("max_entries", 0, 1)),
		MaxBytes:   p.Int("max_bytes", 0, 1),
		Sweep:      p.Duration("sweep", 0),
		Sync:       p.Bool("sync", false),
	}
	if err := p.Err(); err != nil {
		return nil, err
	}
	return New(dir, &o)
}

var drive = regexp.MustCompile(`^/[A-Za-z]:(/|$)`)

// location is the directory that a URL names.
func location(u *url.URL) (string, error) {
	if u.User != nil || u.Fragment != "" {
		return "", errors.New("filestore: a URL has no more than a path and parameters: file:///var/cache/shop?max_entries=1000 (in a path, # is %23, ? is %3F, a space %20)")
	}
	path := u.Host + u.Path
	switch {
	case u.Opaque != "":
		var err error
		if path, err = url.PathUnescape(u.Opaque); err != nil {
			return "", errors.New("filestore: the path of the URL cannot be parsed")
		}
	case u.Host == "localhost": // RFC 8089, section 2
		path = u.Path
	}
	if drive.MatchString(path) {
		path = path[1:]
	}
	if path == "" {
		return "", errors.New("filestore: the URL has no path")
	}
	return path, nil
}

//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package filestore_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/stratacache/strata/backends/filestore"
	"github.com/stratacache/strata/cache/driver"
	"github.com/stratacache/strata/cache/drivertest"
)

func TestConformance(t *testing.T) {
	t.Parallel()
	drivertest.Run(t, drivertest.Harness{
		Name: "filestore",
		Open: func(t testing.TB) driver.Store { return open(t, memory(t), nil) },
		Again: func(t testing.TB, s driver.Store) driver.Store {
			return open(t, filepath.Dir(s.(*filestore.Store).Dir()), nil)
		},
		LoseMeta: func(t testing.TB, s driver.Store) {
			if err := os.Remove(filepath.Join(s.(*filestore.Store).Dir(), "meta.strata")); err != nil && !errors.Is(err, fs.ErrNotExist) {
				t.Fatal(err)
			}
		},
		Dead: func(t testing.TB) driver.Store {
			dir := filepath.Join(t.TempDir(), "cache")
			s := open(t, dir, nil)
			if err := os.RemoveAll(dir); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(dir, nil, 0o600); err != nil {
				t.Fatal(err)
			}
			return s
		},
		Raw: func(t testing.TB, s driver.Store, key driver.Key) []byte {
			b, err := os.ReadFile(s.(*filestore.Store).Path(key))
			if err != nil && !errors.Is(err, fs.ErrNotExist) {
				t.Fatal(err)
			}
			return b
		},
		Plant: func(t testing.TB, s driver.Store, key driver.Key, b []byte) {
			plant(t, s.(*filestore.Store).Path(key), b)
		},
		Newer: func(b []byte) []byte {
			b[2]++ // the version
			return b
		},
	})
}

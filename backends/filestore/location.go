package filestore

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
)

// CheckLocation says what is wrong with a directory as the place of a cache: it
// is relative, so that it moves with the working directory; or it is, contains
// or lies in one of the directories that are public, such as those of static
// files and uploads, so that a web server would hand out what is cached. Call it
// when a program is deployed or begins; New does not refuse such a directory.
func CheckLocation(dir string, public ...string) error {
	var errs []error
	if !filepath.IsAbs(dir) {
		errs = append(errs, fmt.Errorf("filestore: the cache directory %q is relative", dir))
	}
	for _, p := range public {
		switch a, b := resolved(dir), resolved(p); {
		case a == b:
			errs = append(errs, fmt.Errorf("filestore: the cache directory %q is the public directory", dir))
		case within(a, b):
			errs = append(errs, fmt.Errorf("filestore: the cache directory %q lies in the public directory %q", dir, p))
		case within(b, a):
			errs = append(errs, fmt.Errorf("filestore: the cache directory %q contains the public directory %q", dir, p))
		}
	}
	return errors.Join(errs...)
}

// resolved is a path without links, as far as it is there.
func resolved(path string) string {
	abs, err := filepath.Abs(path)
	if err != nil {
		return filepath.Clean(path)
	}
	if real, err := filepath.EvalSymlinks(abs); err == nil {
		return real
	}
	if parent := filepath.Dir(abs); parent != abs {
		return filepath.Join(resolved(parent), filepath.Base(abs))
	}
	return abs
}

func within(path, dir string) bool {
	rel, err := filepath.Rel(dir, path)
	return err == nil && rel != ".." && !strings.HasPrefix(rel, ".."+string(filepath.Separator))
}

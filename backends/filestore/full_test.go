//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package filestore_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stratacache/strata/backends/filestore"
	"github.com/stratacache/strata/cache/driver"
)

// limitFiles lets this process write no file longer than a few KiB.
func limitFiles() {
	signal.Ignore(syscall.SIGXFSZ)
	const most = 16 << 10
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: most, Max: most}); err != nil {
		panic(err)
	}
}

// fullHelper is the test of a process that finds no room for a value.
func fullHelper(ctx context.Context, s *filestore.Store, _ string) error {
	return noRoom(ctx, s, 64<<10, syscall.EFBIG)
}

// noRoom checks what becomes of values that are longer than there is room.
func noRoom(ctx context.Context, s *filestore.Store, size int, why error) error {
	large := func() *driver.Entry { return &driver.Entry{Life: long(), Payload: make([]byte, size)} }
	for _, mode := range []driver.Mode{driver.Set, driver.Add, driver.Fill, driver.SetFenced} {
		k := key(fmt.Sprint("k", mode))
		if mode == driver.Set || mode == driver.SetFenced {
			if _, err := s.Put(ctx, k, value("old"), driver.Set, 0); err != nil {
				return fmt.Errorf("a small value: %w", err)
			}
		}
		r, err := s.Get(ctx, k, time.Hour)
		if err != nil {
			return err
		}
		e := large()
		e.Stamp = r.Fence.Stamp
		if _, err := s.Put(ctx, k, e, mode, r.Fence.Token); !errors.Is(err, why) {
			return fmt.Errorf("mode %d: got error %v, want %v", mode, err, why)
		}
		after, err := s.Get(ctx, k, 0)
		if err != nil || after.Entry != nil {
			return fmt.Errorf("mode %d: got %+v, %v, want that nothing is left", mode, after.Entry, err)
		}
		if mode == driver.Add || mode == driver.Fill {
			if after.Fence.Token != r.Fence.Token {
				return fmt.Errorf("mode %d: the placeholder is gone", mode)
			}
		}
	}
	return filepath.WalkDir(s.Dir(), func(path string, _ os.DirEntry, err error) error {
		if err == nil && strings.HasSuffix(path, "-tmp") {
			err = fmt.Errorf("left over: %s", path)
		}
		return err
	})
}

func TestNoRoom(t *testing.T) {
	t.Parallel()
	t.Run("for a long file", func(t *testing.T) {
		t.Parallel()
		startHelper(t, "full", t.TempDir()).wait()
	})
	t.Run("on the disk", func(t *testing.T) {
		t.Parallel()
		dir := t.TempDir()
		if err := mountSmall(dir); err != nil {
			t.Skipf("NOT RUN: a file system of 1 MiB cannot be mounted, which takes root: %v", err)
		}
		t.Cleanup(func() {
			if err := syscall.Unmount(dir, 0); err != nil {
				t.Error(err)
			}
		})
		s := openUntilEnd(t, dir)
		if err := noRoom(t.Context(), s, 2<<20, syscall.ENOSPC); err != nil {
			t.Error(err)
		}
		// With no room at all, what is there can be removed and invalidated.
		set(t, s, "tagged", "v", "t")
		set(t, s, "k", "v")
		f := get(t, s, "loading", time.Hour).Fence
		fill := filepath.Join(dir, "fill")
		if err := os.WriteFile(fill, make([]byte, 2<<20), 0o600); !errors.Is(err, syscall.ENOSPC) {
			t.Fatalf("filling the disk: got error %v, want %v", err, syscall.ENOSPC)
		}
		if r := invalidate(t, s, []string{"k"}); r.Removed != 1 {
			t.Errorf("Removed: got %d, want 1", r.Removed)
		}
		for i := range 2000 { // more than the block of the journal has room for
			invalidate(t, s, nil, "t", fmt.Sprint("a tag of some length ", i))
			want(t, s, "tagged", "")
		}
		want(t, s, "k", "")
		e := value("stale", "t")
		e.Stamp = f.Stamp
		if r, err := s.Put(t.Context(), key("loading"), e, driver.Fill, f.Token); err == nil && r.Done {
			t.Error("a load from before the invalidation is stored")
		}
		if err := os.Remove(fill); err != nil {
			t.Fatal(err)
		}
		set(t, s, "k", "new")
		want(t, s, "k", "new")
	})
}

// openUntilEnd is open for a file system that is to be unmounted.
func openUntilEnd(t *testing.T, dir string) *filestore.Store {
	t.Helper()
	return open(t, filepath.Join(dir, "cache"), nil)
}

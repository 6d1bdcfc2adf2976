//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package filestore_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/stratacache/strata/backends/filestore"
	"github.com/stratacache/strata/cache/driver"
)

// BenchmarkStore measures each step beside the least that the file system could
// do in its place: reading a file of the same bytes, or writing one and renaming
// it.
func BenchmarkStore(b *testing.B) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	for _, size := range []int{100, 8 << 10, 1 << 20} {
		dir := b.TempDir()
		s := open(b, dir, &filestore.Options{Sweep: -1})
		payload := bytes.Repeat([]byte("x"), size)
		entry := func() *driver.Entry { return &driver.Entry{Life: long(), Payload: payload} }
		raw := filepath.Join(dir, "raw")
		if err := os.WriteFile(raw, payload, 0o600); err != nil {
			b.Fatal(err)
		}
		run := func(name string, f func(i int) error) {
			b.Run(fmt.Sprintf("%s/%d", name, size), func(b *testing.B) {
				b.ReportAllocs()
				i := 0
				for b.Loop() {
					i++
					if err := f(i); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
		write := func(name string) error {
			if err := os.WriteFile(name+".tmp", payload, 0o600); err != nil {
				return err
			}
			return os.Rename(name+".tmp", name)
		}
		put(b, s, "k", entry(), driver.Set, 0)
		tagged := entry()
		tagged.Tags = []string{"x", "y"}
		put(b, s, "tagged", tagged, driver.Set, 0)
		put(b, s, "n", integer("0"), driver.Set, 0)

		run("get/os.ReadFile", func(int) error { _, err := os.ReadFile(raw); return err })
		run("get/hit", func(int) error { _, err := s.Get(ctx, key("k"), 0); return err })
		run("get/hit with 2 tags", func(int) error { _, err := s.Get(ctx, key("tagged"), 0); return err })
		if size == 100 {
			run("miss/os.ReadFile", func(int) error { _, _ = os.ReadFile(raw + "absent"); return nil })
			run("miss/get", func(int) error { _, err := s.Get(ctx, key("absent"), 0); return err })
			keys := make([]driver.Key, 100)
			for i := range keys {
				keys[i] = key("many" + strconv.Itoa(i))
				put(b, s, keys[i].Name, entry(), driver.Set, 0)
			}
			run("get 100/hits", func(int) error { _, err := s.GetMany(ctx, keys, 0); return err })
		}
		run("set/os.WriteFile and Rename", func(int) error { return write(raw) })
		run("set/set", func(int) error { _, err := s.Put(ctx, key("k"), entry(), driver.Set, 0); return err })
		fence := get(b, s, "k", 0).Fence
		run("set/fill", func(int) error {
			e := entry()
			e.Stamp = fence.Stamp
			r, err := s.Put(ctx, key("k"), e, driver.Fill, fence.Token)
			if err == nil && !r.Done {
				b.Fatal("refused")
			}
			fence.Token = e.Token // the store gave it one
			return err
		})
		if size == 100 {
			run("set/incr", func(int) error { _, err := s.Incr(ctx, key("n"), 1, nil); return err })
			run("set/touch", func(int) error { _, err := s.Touch(ctx, key("k"), long()); return err })
			run("set/miss and plant", func(i int) error {
				_, err := s.Get(ctx, key("p"+strconv.Itoa(i)), 1)
				return err
			})
			run("set/delete", func(int) error {
				_, err := s.Invalidate(ctx, driver.Invalidation{Keys: []driver.Key{key("k")}})
				return err
			})
			run("set/tag", func(int) error {
				_, err := s.Invalidate(ctx, driver.Invalidation{Tags: []string{"t"}})
				return err
			})
		}
	}
}

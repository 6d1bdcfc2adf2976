//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package filestore_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stratacache/strata/backends/filestore"
	"github.com/stratacache/strata/cache/driver"
)

func metaFile(s *filestore.Store) string { return filepath.Join(s.Dir(), filestore.MetaName) }

func epoch(t testing.TB, s *filestore.Store) uint64 {
	t.Helper()
	return get(t, s, "a key for asking the clock", 0).Fence.Stamp.Epoch
}

// A process that ends between storing an entry and its advance leaves an entry
// that the next invalidation counts for.
func TestProcessThatEndsBeforeItsAdvance(t *testing.T) {
	t.Parallel()
	for _, tag := range []string{"t", driver.TagAll} {
		dir := t.TempDir()
		s := open(t, dir, nil)
		set(t, s, "other", "v")
		before := get(t, s, "other", 0).Fence.Stamp
		if err := s.DieBeforeAdvance(t.Context(), key("k"), value("old", "t")); err != nil {
			t.Fatal(err)
		}
		want(t, s, "k", "old")
		next := open(t, dir, nil)
		want(t, next, "k", "old")
		r, err := next.Invalidate(t.Context(), driver.Invalidation{Tags: []string{tag}})
		if err != nil || r.Clock.N != before.N+2 {
			t.Errorf("Invalidate: got clock %v, %v, want one after the number that was taken (%d)", r.Clock, err, before.N+1)
		}
		want(t, s, "k", "")
		want(t, next, "k", "")
	}
}

// Whatever becomes of the meta file, nothing that was invalidated is valid, and
// the store goes on.
func TestDamagedMetaFailsClosed(t *testing.T) {
	t.Parallel()
	dir := memory(t)
	s := open(t, dir, &filestore.Options{Sweep: -1})
	lives := 0
	for i := 0; ; i++ {
		set(t, s, "dead", "invalidated", "t")
		set(t, s, "live", "valid", "u")
		invalidate(t, s, nil, "t")
		before := epoch(t, s)
		meta, err := os.ReadFile(metaFile(s))
		if err != nil {
			t.Fatal(err)
		}
		if i/2 >= len(meta) {
			break
		}
		damaged := bytes.Clone(meta)
		if i%2 == 0 {
			damaged[i/2] ^= 1 << (i % 7)
		} else {
			damaged = damaged[:i/2]
		}
		if err := os.WriteFile(metaFile(s), damaged, 0o600); err != nil { // in place: the inode is the same
			t.Fatal(err)
		}
		for _, r := range []*filestore.Store{open(t, dir, &filestore.Options{Sweep: -1}), s} {
			if got := shown(get(t, r, "dead", 0)); got != "" {
				t.Errorf("damage %d at %d of %d: got %q, want a miss", i%2, i/2, len(meta), got)
			}
			if got := shown(get(t, r, "live", 0)); got != "" && epoch(t, r) != before {
				t.Errorf("damage %d at %d: an entry of another epoch is valid", i%2, i/2)
			} else if got != "" {
				lives++
			}
			f := get(t, r, "load", time.Hour).Fence
			e := value("loaded", "t")
			e.Stamp = f.Stamp
			if !put(t, r, "load", e, driver.Fill, f.Token).Done {
				t.Errorf("damage %d at %d: a load is refused", i%2, i/2)
			}
			want(t, r, "load", "loaded")
			invalidate(t, r, nil, "t")
			want(t, r, "load", "")
		}
	}
	if lives > 0 {
		t.Logf("%d times the damage was none", lives)
	}
}

// History: a directory that was copied, or written in another run of the system,
// starts anew.
func TestHistory(t *testing.T) {
	t.Parallel()
	for _, sync := range []bool{false, true} {
		opts := &filestore.Options{Sync: sync}
		dir := t.TempDir()
		s := open(t, dir, opts)
		set(t, s, "k", "v")
		copied := t.TempDir()
		if err := os.CopyFS(filepath.Join(copied, "strata"), os.DirFS(s.Dir())); err != nil {
			t.Fatal(err)
		}
		first := open(t, copied, opts)
		want(t, first, "k", "")
		set(t, first, "k", "new")
		want(t, open(t, copied, opts), "k", "new")

		booted := open(t, dir, opts)
		booted.SetBoot([16]byte{1})
		payload := ""
		if sync {
			payload = "v"
		}
		want(t, booted, "k", payload)
		set(t, booted, "k", "after")
		want(t, booted, "k", "after")
	}
}

// A meta file that another one was put over counts at once.
func TestMetaFromBackupIsSeen(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir(), nil)
	set(t, s, "k", "v", "t")
	old, err := os.ReadFile(metaFile(s))
	if err != nil {
		t.Fatal(err)
	}
	entry, err := os.ReadFile(s.Path(key("k")))
	if err != nil {
		t.Fatal(err)
	}
	invalidate(t, s, []string{"k"}, "t")
	plant(t, s.Path(key("k")), entry)
	plant(t, metaFile(s)+"-restored", old)
	if err := os.Rename(metaFile(s)+"-restored", metaFile(s)); err != nil {
		t.Fatal(err)
	}
	want(t, s, "k", "")
}

// The journal of tags is written anew when most of it is repetition, and all
// stores of the namespace go on with the new file.
func TestJournalStaysShort(t *testing.T) {
	t.Parallel()
	dir := memory(t)
	s, other := open(t, dir, nil), open(t, dir, nil)
	set(t, s, "k", "v", "kept")
	set(t, s, "gone", "v", "tag 7")
	before := epoch(t, s)
	for i := range 10_000 {
		invalidate(t, []*filestore.Store{s, other}[i%2], nil, fmt.Sprint("tag ", i%100))
	}
	for _, r := range []*filestore.Store{s, other, open(t, dir, nil)} {
		want(t, r, "k", "v")
		want(t, r, "gone", "")
		if got := epoch(t, r); got != before {
			t.Errorf("epoch: got %d, want %d still", got, before)
		}
		if got := r.Tags(); got != 100 {
			t.Errorf("tags: got %d, want 100", got)
		}
	}
	if info, err := os.Stat(metaFile(s)); err != nil || info.Size() > 2*filestore.RoomyJournal {
		t.Errorf("meta file: got %d bytes, %v, want at most %d", info.Size(), err, 2*filestore.RoomyJournal)
	}
}

func TestTooManyTagsStartAnew(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s, other := open(t, dir, nil), open(t, dir, nil)
	s.SetMaxTags(10)
	set(t, s, "k", "v", "t")
	set(t, s, "untouched", "v")
	before := epoch(t, s)
	for i := range 11 {
		want(t, s, "untouched", "v")
		r := invalidate(t, s, nil, fmt.Sprint("tag ", i))
		if clock := get(t, s, "x", 0).Fence.Stamp; clock != r.Clock {
			t.Errorf("clock: got %v, want %v", clock, r.Clock)
		}
	}
	for _, r := range []*filestore.Store{s, other} {
		want(t, r, "untouched", "")
		if epoch(t, r) == before {
			t.Error("the epoch is still the same")
		}
	}
	set(t, s, "k", "new", "t")
	want(t, other, "k", "new")
	invalidate(t, other, nil, "t")
	want(t, s, "k", "")
}

// Who has the lock keeps others from writing until their contexts end, and
// nobody from reading.
func TestLockIsNotForReading(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s, other := open(t, dir, nil), open(t, dir, nil)
	set(t, s, "k", "v")
	release, err := other.Hold(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want(t, s, "k", "v")
	want(t, other, "k", "v")
	want(t, s, "absent", "")
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Millisecond)
	defer cancel()
	for name, call := range map[string]func() error{
		"Set":         func() error { _, err := s.Put(ctx, key("k"), value("w"), driver.Set, 0); return err },
		"Get to hold": func() error { _, err := s.Get(ctx, key("absent"), time.Hour); return err },
		"Incr":        func() error { _, err := s.Incr(ctx, key("k"), 1, nil); return err },
		"Touch":       func() error { _, err := other.Touch(ctx, key("k"), long()); return err },
		"Invalidate":  func() error { _, err := other.Invalidate(ctx, driver.Invalidation{}); return err },
	} {
		if err := call(); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%s while another has the lock: got error %v, want %v", name, err, context.DeadlineExceeded)
		}
	}
	release()
	set(t, s, "k", "w")
	want(t, other, "k", "w")
}

func TestTwoStoresShareTheLock(t *testing.T) {
	t.Parallel()
	dir := memory(t)
	s, other := open(t, dir, nil), open(t, dir, nil)
	put(t, s, "n", integer("0"), driver.Set, 0)
	done := make(chan error, 2)
	const each = 200
	for _, r := range []*filestore.Store{s, other} {
		go func() {
			for range each {
				if _, err := r.Incr(context.Background(), key("n"), 1, nil); err != nil {
					done <- err
					return
				}
			}
			done <- nil
		}()
	}
	for range 2 {
		if err := <-done; err != nil {
			t.Fatal(err)
		}
	}
	want(t, s, "n", fmt.Sprint(2*each))
}

// The lock of a directory that was removed keeps nobody waiting.
func TestLockOfWhatWasRemoved(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s, other := open(t, dir, nil), open(t, dir, nil)
	release, err := other.Hold(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer release()
	done := make(chan error)
	go func() {
		_, err := s.Put(context.Background(), key("k"), value("v"), driver.Set, 0)
		done <- err
	}()
	for err := os.RemoveAll(s.Dir()); err != nil; err = os.RemoveAll(s.Dir()) {
		if !errors.Is(err, syscall.ENOTEMPTY) { // the Set put something there meanwhile
			t.Fatal(err)
		}
	}
	if err := <-done; err != nil {
		t.Logf("a Set during the removal: %v", err) // its file was removed before it was in its place
	}
	set(t, s, "k", "new")
	want(t, s, "k", "new")
}

// What was invalidated in an epoch does not become valid for a reader whose
// process took in the next epoch meanwhile, with none of those tags.
func TestReaderOutlivesItsEpoch(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir(), nil)
	set(t, s, "k", "v", "t")
	e := get(t, s, "k", 0).Entry
	allows, err := s.View(t.Context())
	if err != nil || !allows(e) {
		t.Fatalf("before: got %v, want that the entry is valid", err)
	}
	invalidate(t, s, nil, "t")
	if allows(e) {
		t.Error("after the invalidation: the entry is valid")
	}
	if err := s.NewEpoch(t.Context()); err != nil {
		t.Fatal(err)
	}
	want(t, s, "k", "")
	if allows(e) {
		t.Error("in the next epoch: the entry is valid for a reader of the old one")
	}
}

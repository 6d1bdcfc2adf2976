//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package filestore_test

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stratacache/strata/backends/filestore"
	"github.com/stratacache/strata/cache"
	"github.com/stratacache/strata/cache/driver"
	"github.com/stratacache/strata/cache/driver/envelope"
)

// files are the regular files under dir, by their names within it.
func files(t testing.TB, dir string) map[string][]byte {
	t.Helper()
	found := make(map[string][]byte)
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil || d.IsDir() {
			return err
		}
		name, _ := filepath.Rel(dir, path)
		b, err := os.ReadFile(path)
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		found[name] = b
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func exists(t testing.TB, path string) bool {
	t.Helper()
	_, err := os.Lstat(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	return err == nil
}

// FS-004, FS-005: the directory is made by New, and again by what needs it.
func TestDirectoryIsMadeAgain(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "a", "b")
	s := open(t, dir, nil)
	if !exists(t, dir) {
		t.Fatal("New made no directory")
	}
	set(t, s, "k", "old", "t")
	before := get(t, s, "k", time.Hour).Fence
	if err := os.RemoveAll(filepath.Dir(dir)); err != nil {
		t.Fatal(err)
	}
	want(t, s, "k", "")
	if r := invalidate(t, s, []string{"k"}); r.Removed != 0 {
		t.Errorf("Invalidate without a directory: got %d removed, want 0", r.Removed)
	}
	if err := os.RemoveAll(filepath.Dir(dir)); err != nil {
		t.Fatal(err)
	}
	set(t, s, "k", "new")
	want(t, s, "k", "new")
	e := value("stale")
	e.Stamp = before.Stamp
	if r := put(t, s, "k", e, driver.Fill, before.Token); r.Done {
		t.Error("a load from before the directory was removed is stored")
	}
	want(t, open(t, dir, nil), "k", "new")
}

// FS-004: one folder that somebody removed is made again.
func TestFolderIsMadeAgain(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir(), nil)
	set(t, s, "k", "old")
	if err := os.RemoveAll(filepath.Dir(s.Path(key("k")))); err != nil {
		t.Fatal(err)
	}
	want(t, s, "k", "")
	set(t, s, "k", "new")
	want(t, s, "k", "new")
}

// FS-006, FS-019: what replaces a file is another file; a reader that has the old
// one open reads on.
func TestFilesAreReplacedNotChanged(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir(), nil)
	set(t, s, "k", "old")
	for name, step := range map[string]func(){
		"Set":   func() { set(t, s, "k", "new") },
		"Touch": func() { _, _ = s.Touch(t.Context(), key("k"), living(2*time.Hour)) },
		"Incr": func() {
			put(t, s, "k", integer("1"), driver.Set, 0)
			if _, err := s.Incr(t.Context(), key("k"), 1, nil); err != nil {
				t.Fatal(err)
			}
		},
	} {
		f, err := os.Open(s.Path(key("k")))
		if err != nil {
			t.Fatal(err)
		}
		before, _ := os.ReadFile(s.Path(key("k")))
		step()
		b := make([]byte, len(before)+1)
		n, _ := f.ReadAt(b, 0)
		if !bytes.Equal(b[:n], before) {
			t.Errorf("%s changed the file in place", name)
		}
		_ = f.Close()
	}
}

// FS-007: a Set that fails leaves no temporary file, and the old value.
func TestFailedSetLeavesNothing(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir(), nil)
	set(t, s, "k", "old")
	dir := filepath.Dir(s.Path(key("blocked")))
	if err := os.WriteFile(dir, nil, 0o600); err != nil { // where a folder should be
		t.Fatal(err)
	}
	if _, err := s.Put(t.Context(), key("blocked"), value("v"), driver.Set, 0); err == nil || isAnswer(err) {
		t.Errorf("Set without a folder: got error %v, want an outage", err)
	}
	path := s.Path(key("k"))
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(path, "in the way"), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, mode := range []driver.Mode{driver.Set, driver.SetFenced} {
		if _, err := s.Put(t.Context(), key("k"), value("new"), mode, 1); err == nil || isAnswer(err) {
			t.Errorf("mode %d: got error %v, want an outage", mode, err)
		}
	}
	for name := range files(t, s.Dir()) {
		if strings.HasSuffix(name, "-tmp") {
			t.Errorf("left over: %s", name)
		}
	}
}

func isAnswer(err error) bool {
	return errors.Is(err, driver.ErrMiss) || errors.Is(err, driver.ErrTooLarge) || errors.Is(err, driver.ErrClosed) || errors.Is(err, driver.ErrNotInteger)
}

// FS-008, FS-009: a missing file is a miss; everything else is an error.
func TestErrorsAreNoMisses(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir(), nil)
	want(t, s, "k", "")
	if err := os.MkdirAll(s.Path(key("k")), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, hold := range []time.Duration{0, time.Hour} {
		_, err := s.Get(t.Context(), key("k"), hold)
		if err == nil || isAnswer(err) || !strings.HasPrefix(err.Error(), "filestore: get: ") {
			t.Errorf("Get of a folder: got error %v, want an outage", err)
		}
	}
	if err := os.Symlink("/etc/passwd", s.Path(key("link"))); err != nil {
		if err := os.MkdirAll(filepath.Dir(s.Path(key("link"))), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink("/etc/passwd", s.Path(key("link"))); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.Get(t.Context(), key("link"), 0); !errors.Is(err, syscall.ELOOP) {
		t.Errorf("Get of a link: got error %v, want %v", err, syscall.ELOOP)
	}
	rs, err := s.GetMany(t.Context(), []driver.Key{key("absent"), key("k")}, 0)
	if err != nil || rs[0].Err != nil || rs[1].Err == nil {
		t.Errorf("GetMany: got %+v, %v, want an error of the second alone", rs, err)
	}
}

// FS-010 to FS-014: what is empty, cut, corrupt or ended is a miss, and removed.
func TestWasteIsRemoved(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir(), nil)
	path := s.Path(key("k"))
	set(t, s, "k", "value")
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	flipped := bytes.Clone(whole)
	flipped[len(flipped)-1] ^= 1
	ended := value("v")
	for name, c := range map[string]struct {
		raw []byte
		odd error
	}{
		"empty":                 {nil, driver.ErrForeign},
		"cut":                   {whole[:len(whole)-1], driver.ErrCorrupt},
		"cut header":            {whole[:20], driver.ErrCorrupt},
		"changed":               {flipped, driver.ErrCorrupt},
		"longer":                {append(bytes.Clone(whole), 0), driver.ErrCorrupt},
		"foreign":               {[]byte("hello"), driver.ErrForeign},
		"ended placeholder":     {filestore.Placeholder(5, 1), nil},
		"placeholder cut":       {filestore.Placeholder(5, time.Now().Add(time.Hour).UnixNano())[:12], driver.ErrCorrupt},
		"changed placeholder":   {append(filestore.Placeholder(5, 1<<62)[:23], 0), driver.ErrCorrupt},
		"a hole of 2 GiB":       {nil, driver.ErrForeign},
		"an entry that is over": {nil, nil},
	} {
		switch plant(t, path, c.raw); name {
		case "a hole of 2 GiB":
			if err := os.Truncate(path, 2<<30); err != nil {
				t.Fatal(err)
			}
		case "an entry that is over":
			ended.Life = living(20 * time.Millisecond)
			put(t, s, "k", ended.Clone(), driver.Set, 0)
			time.Sleep(25 * time.Millisecond)
		}
		r := get(t, s, "k", 0)
		if r.Entry != nil || r.Fence.Token != 0 || !errors.Is(r.Odd, c.odd) {
			t.Errorf("%s: got %+v, want a miss with %v", name, r, c.odd)
		}
		if exists(t, path) {
			t.Errorf("%s: the file stays", name)
		}
	}
}

// FS-016: a clear removes what is ours, and nothing else.
func TestOtherFilesStay(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := open(t, dir, nil)
	for i := range 50 {
		set(t, s, string(rune('a'+i)), "v")
	}
	other := open(t, dir, &filestore.Options{Namespace: "other"})
	set(t, other, "k", "v")
	folder := filepath.Dir(s.Path(key("a")))
	strangers := []string{
		filepath.Join(dir, "README"), filepath.Join(s.Dir(), "notes.txt"), filepath.Join(folder, "image.png"),
		filepath.Join(folder, "strata"), filepath.Join(folder, "sub", "x.strata"), filepath.Join(s.Dir(), "zz", "y.strata"),
	}
	for _, p := range strangers {
		plant(t, p, []byte("mine"))
	}
	c, err := cache.New(s, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Clear(t.Context()); err != nil {
		t.Fatal(err)
	}
	want(t, s, "a", "")
	until(t, "the files of a cleared namespace go", func() bool { return len(files(t, s.Dir())) == 2+5 })
	for _, p := range strangers {
		if b, err := os.ReadFile(p); err != nil || string(b) != "mine" {
			t.Errorf("%s: got %q, %v, want it untouched", p, b, err)
		}
	}
	want(t, other, "k", "v")
}

// until waits for something that another goroutine does.
func until(t testing.TB, what string, done func() bool) {
	t.Helper()
	for range 5000 {
		if done() {
			return
		}
		time.Sleep(2 * time.Millisecond)
	}
	t.Errorf("%s: it did not happen", what)
}

func TestNamespacesDoNotMeet(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	names := []string{"shop", "Shop", "SHOP", "s.hop", "-shop"}
	seen := make(map[string]string)
	for _, n := range names {
		set(t, open(t, dir, &filestore.Options{Namespace: n}), "k", n)
		folder := strings.ToLower(filestore.FolderName(n))
		if other, taken := seen[folder]; taken {
			t.Errorf("%s and %s have the folder %s where case does not count", n, other, folder)
		}
		seen[folder] = n
	}
	for _, n := range names {
		want(t, open(t, dir, &filestore.Options{Namespace: n}), "k", n)
	}
}

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "file")
	plant(t, file, nil)
	for name, c := range map[string]struct {
		dir  string
		opts filestore.Options
		want string
	}{
		"no directory": {"", filestore.Options{}, "no directory"},
		"a file":       {file, filestore.Options{}, "not a directory"},
		"a dot":        {t.TempDir(), filestore.Options{Namespace: ".."}, "Namespace"},
		"a slash":      {t.TempDir(), filestore.Options{Namespace: "a/b"}, "Namespace"},
		"entries":      {t.TempDir(), filestore.Options{MaxEntries: -1}, "MaxEntries"},
		"bytes":        {t.TempDir(), filestore.Options{MaxBytes: -1}, "MaxBytes"},
	} {
		if _, err := filestore.New(c.dir, &c.opts); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got error %v, want one with %q", name, err, c.want)
		}
	}
}

// FS-001, FS-002: an entry lies in one of 256 folders, under a hash of its key,
// in an envelope.
func TestLayout(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := open(t, dir, &filestore.Options{Namespace: "shop"})
	put(t, s, "k", value("v"), driver.Set, 0)
	name, err := filepath.Rel(dir, s.Path(key("k")))
	if err != nil || !regexp.MustCompile(`^shop/[0-9a-f]{2}/[0-9a-f]{38}\.strata$`).MatchString(filepath.ToSlash(name)) {
		t.Errorf("file: got %s, %v", name, err)
	}
	b, err := os.ReadFile(s.Path(key("k")))
	if err != nil {
		t.Fatal(err)
	}
	if e, err := envelope.Decode(key("k"), b); err != nil || string(e.Payload) != "v" {
		t.Errorf("envelope: got %+v, %v", e, err)
	}
	if s.Path(driver.Key{Scope: "a", Name: "b"}) != s.Path(driver.Key{Scope: "ab"}) {
		t.Error("the pair and the joined key have two files")
	}
}

//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package filestore_test

import (
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// FS-020, LL-080: increments of several processes are all counted.
func TestProcessesCount(t *testing.T) {
	t.Parallel()
	dir := memory(t)
	a, b := startHelper(t, "count", dir), startHelper(t, "count", dir)
	lines := append(a.wait(), b.wait()...)
	if len(lines) != 2*countsEach {
		t.Errorf("acknowledged: got %d, want %d", len(lines), 2*countsEach)
	}
	s := open(t, filepath.Join(dir, "cache"), nil)
	for i := range counters {
		want(t, s, fmt.Sprint("n", i), strconv.Itoa(2*countsEach/counters))
	}
}

// Processes that are killed while they count lose nothing that was
// acknowledged, and count at most one that was not.
func TestKilledProcessesCount(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	const kills = 12
	acknowledged := make(map[string]int)
	for range kills {
		a, b := startHelper(t, "count", dir), startHelper(t, "count", dir)
		killed := make(chan []string)
		go func() { killed <- a.killed(rand.N(150 * time.Millisecond)) }()
		for _, n := range append(b.killed(rand.N(150*time.Millisecond)), <-killed...) {
			acknowledged[n]++
		}
	}
	s := open(t, filepath.Join(dir, "cache"), nil)
	got, all := 0, 0
	for i := range counters {
		n := fmt.Sprint("n", i)
		count, err := strconv.Atoi(shown(get(t, s, n, 0)))
		if err != nil && acknowledged[n] > 0 {
			t.Fatalf("%s: %v", n, err)
		}
		if count < acknowledged[n] {
			t.Errorf("%s: got %d, want at least the %d that were acknowledged", n, count, acknowledged[n])
		}
		got += count
		all += acknowledged[n]
	}
	if got > all+2*kills {
		t.Errorf("counted: got %d, want at most %d and one for each kill", got, all)
	}
	t.Logf("%d acknowledged, %d counted", all, got)
}

// LL-025: of the adds of several processes one stores.
func TestProcessesAdd(t *testing.T) {
	t.Parallel()
	dir := memory(t)
	a, b := startHelper(t, "add", dir), startHelper(t, "add", dir)
	winners := make(map[string]int)
	for _, n := range append(a.wait(), b.wait()...) {
		winners[n]++
	}
	for i := range adds {
		if n := fmt.Sprint("a", i); winners[n] != 1 {
			t.Errorf("%s: got %d that stored, want 1", n, winners[n])
		}
	}
}

// No process reads what was invalidated before it asked, though writers and
// readers are killed at any moment.
func TestKilledProcessesLeaveNothingStale(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	steady := startHelper(t, "read", dir)
	const kills = 15
	versions := 0
	for range kills {
		writer, reader := startHelper(t, "write", dir), startHelper(t, "read", dir)
		done := make(chan struct{})
		go func() {
			defer close(done)
			reader.killed(20*time.Millisecond + rand.N(150*time.Millisecond))
		}()
		versions += len(writer.killed(20*time.Millisecond + rand.N(150*time.Millisecond)))
		<-done
	}
	plant(t, filepath.Join(dir, "stop"), nil)
	lines := steady.wait()
	t.Logf("%d versions, %s", versions, strings.Join(lines, ", "))
	if versions == 0 || strings.Contains(strings.Join(lines, ","), "hits 0") {
		t.Errorf("got %d versions and %v, want that something was invalidated and cached", versions, lines)
	}
}

// FS-003: files are 0600 and folders 0700, whatever the umask is.
func TestModes(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	startHelper(t, "modes", dir).wait()
	checkModes(t, filepath.Join(dir, "cache"))
	s := open(t, filepath.Join(dir, "a", "b"), nil)
	set(t, s, "k", "v")
	checkModes(t, filepath.Join(dir, "a"))
}

func checkModes(t *testing.T, dir string) {
	t.Helper()
	seen := 0
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		want := os.FileMode(0o600)
		if d.IsDir() {
			want = 0o700
		}
		if got := info.Mode().Perm(); got != want {
			t.Errorf("%s: got mode %o, want %o", path, got, want)
		}
		seen++
		return nil
	})
	if err != nil || seen < 4 {
		t.Errorf("%s: saw %d, %v", dir, seen, err)
	}
}

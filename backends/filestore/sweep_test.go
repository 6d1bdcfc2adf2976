//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package filestore_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stratacache/strata/backends/filestore"
	"github.com/stratacache/strata/cache/driver"
)

// entries is how many entries lie in a namespace.
func entries(t testing.TB, s *filestore.Store) (n int) {
	t.Helper()
	for name, b := range files(t, s.Dir()) {
		if strings.Contains(name, string(filepath.Separator)) && strings.HasSuffix(name, ".strata") && len(b) > 24 {
			n++
		}
	}
	return n
}

// FS-017, FS-018, LL-145: above the bound what has ended goes first, then what
// is oldest.
func TestBoundOfEntries(t *testing.T) {
	t.Parallel()
	const most = 300
	s := open(t, memory(t), &filestore.Options{MaxEntries: most, Sweep: -1})
	for i := range 3 * most {
		e := value("v")
		if i%10 == 0 && i > 2*most {
			e.Life = living(time.Millisecond)
		}
		put(t, s, fmt.Sprint("k", i), e, driver.Set, 0)
		if n, _ := s.Known(t.Context()); i > 256 && n > most {
			t.Fatalf("after %d: got %d entries known, want at most %d", i, n, most)
		}
	}
	n := entries(t, s)
	if known, _ := s.Known(t.Context()); int(known) != n {
		t.Errorf("known: got %d, want the %d that there are", known, n)
	}
	if n > most || n < most*9/10 {
		t.Errorf("got %d entries, want about %d", n, most)
	}
	young, old := 0, 0
	for i := range most / 2 {
		if get(t, s, fmt.Sprint("k", 3*most-1-i), 0).Entry != nil {
			young++
		}
		if get(t, s, fmt.Sprint("k", i), 0).Entry != nil {
			old++
		}
	}
	if old > 0 || young < most/2*8/10 {
		t.Errorf("of the last %d written: got %d, and of the first %d, want most of the last and none of the first", most/2, young, old)
	}
}

func TestEndedGoBeforeOld(t *testing.T) {
	t.Parallel()
	const most = 100
	s := open(t, memory(t), &filestore.Options{MaxEntries: most, Sweep: -1})
	for i := range 300 { // until each folder was counted
		set(t, s, "same", fmt.Sprint(i))
	}
	for i := range most / 2 {
		set(t, s, fmt.Sprint("old", i), "v")
	}
	for i := range most/2 - 1 {
		put(t, s, fmt.Sprint("short", i), &driver.Entry{Life: living(time.Nanosecond), Payload: []byte("v")}, driver.Set, 0)
		e := value("v")
		e.Life = living(100 * time.Millisecond)
		put(t, s, fmt.Sprint("short", i), e, driver.Set, 0)
	}
	time.Sleep(1100 * time.Millisecond) // their files say so in whole seconds
	for i := range most / 4 {
		set(t, s, fmt.Sprint("new", i), "v")
	}
	for i := range most / 2 {
		want(t, s, fmt.Sprint("old", i), "v")
	}
}

func TestBoundOfBytes(t *testing.T) {
	t.Parallel()
	const most = 100_000
	s := open(t, memory(t), &filestore.Options{MaxBytes: most, Sweep: -1})
	large := strings.Repeat("x", 2000)
	for i := range 400 {
		set(t, s, fmt.Sprint("k", i), large)
	}
	_, bytes := s.Known(t.Context())
	if bytes > most || bytes < most*8/10 {
		t.Errorf("got %d bytes, want at most %d and not much less", bytes, most)
	}
	want(t, s, "k399", large)
	set(t, s, "huge", "old")
	before := get(t, s, "huge", 0).Fence.Stamp
	r, err := s.Put(t.Context(), key("huge"), value(strings.Repeat("x", most)), driver.Set, 0)
	if err != driver.ErrTooLarge || r.Clock.N != before.N+1 {
		t.Errorf("a value over the bound: got %+v, %v, want an advance and %v", r, err, driver.ErrTooLarge)
	}
	want(t, s, "huge", "")
}

// What all processes write counts for each.
func TestBoundHoldsForProcessesTogether(t *testing.T) {
	t.Parallel()
	const most = 200
	dir := memory(t)
	opts := &filestore.Options{MaxEntries: most, Sweep: -1}
	stores := []*filestore.Store{open(t, dir, opts), open(t, dir, opts), open(t, dir, opts)}
	for i := range 6 * most {
		set(t, stores[i%3], fmt.Sprint("k", i), "v")
	}
	if n := entries(t, stores[0]); n > most || n < most*9/10 {
		t.Errorf("got %d entries, want about %d", n, most)
	}
}

// Placeholders are not thrown out to make room, and do not throw out entries.
func TestPlaceholdersAreNoEntries(t *testing.T) {
	t.Parallel()
	const most = 50
	s := open(t, memory(t), &filestore.Options{MaxEntries: most, Sweep: -1})
	for i := range most {
		set(t, s, fmt.Sprint("k", i), "v")
	}
	var fences []driver.Fence
	for i := range 6 * most {
		fences = append(fences, get(t, s, fmt.Sprint("loading", i), time.Hour).Fence)
	}
	for i := range most {
		want(t, s, fmt.Sprint("k", i), "v")
	}
	for i := range most {
		e := value("loaded")
		e.Stamp = fences[i].Stamp
		if !put(t, s, fmt.Sprint("loading", i), e, driver.Fill, fences[i].Token).Done {
			t.Errorf("load %d is refused", i)
		}
	}
}

// What nobody asks for goes all the same: by counting, without a sweeper.
func TestEndedPlaceholdersGoWithWrites(t *testing.T) {
	t.Parallel()
	dir := memory(t)
	s := open(t, dir, &filestore.Options{Sweep: -1})
	for i := range 200 {
		get(t, s, fmt.Sprint("failed load ", i), time.Nanosecond)
	}
	time.Sleep(1100 * time.Millisecond)
	next := open(t, dir, &filestore.Options{Sweep: -1})
	for i := range 256 { // each folder is counted once
		set(t, next, "k", fmt.Sprint(i))
	}
	if n := len(files(t, s.Dir())); n != 2 {
		t.Errorf("got %d files, want the entry and the meta file", n)
	}
}

// The sweeper removes what has ended, what was left over by dead processes, and
// entries of another epoch.
func TestSweeper(t *testing.T) {
	t.Parallel()
	dir := memory(t)
	s := open(t, dir, &filestore.Options{Sweep: 50 * time.Millisecond})
	for i := range 20 {
		e := value("v")
		e.Life = living(time.Millisecond)
		put(t, s, fmt.Sprint("short", i), e, driver.Set, 0)
		get(t, s, fmt.Sprint("load", i), time.Millisecond)
	}
	set(t, s, "stays", "v")
	put(t, s, "for ever", &driver.Entry{Life: driver.Life{Fresh: driver.Forever, Expires: driver.Forever}, Payload: []byte("v")}, driver.Set, 0)
	get(t, s, "loading", time.Hour)
	until(t, "what ended goes", func() bool { return len(files(t, s.Dir())) == 3+2 })
	want(t, s, "stays", "v")
	want(t, s, "for ever", "v")
	if err := os.Remove(metaFile(s)); err != nil {
		t.Fatal(err)
	}
	until(t, "entries of another epoch go", func() bool { return entries(t, s) == 0 })
	set(t, s, "k", "new")
	want(t, s, "k", "new")
}

func TestSweepOfLeftovers(t *testing.T) {
	t.Parallel()
	s := open(t, memory(t), &filestore.Options{Sweep: -1})
	set(t, s, "k", "v")
	for _, name := range []string{s.Path(key("k")), metaFile(s)} {
		plant(t, name+"-1a2b.strata-tmp", []byte("half"))
		plant(t, name+"-1a2b.tmp", []byte("somebody else's"))
	}
	s.SweepNow(t.Context())
	if n := len(files(t, s.Dir())); n != 3+4 {
		t.Errorf("files: got %d, want that fresh ones stay", n)
	}
	s.SetLeftoverAge(time.Millisecond)
	time.Sleep(10 * time.Millisecond)
	s.SweepNow(t.Context())
	for name := range files(t, s.Dir()) {
		if strings.HasSuffix(name, ".strata-tmp") {
			t.Errorf("left over: %s", name)
		}
	}
	if n := len(files(t, s.Dir())); n != 3+2 {
		t.Errorf("files: got %d, want that only ours go", n)
	}
	want(t, s, "k", "v")
}

// Nothing that is stored while a sweep is under way is lost to it.
func TestSweepBesideWriters(t *testing.T) {
	t.Parallel()
	dir := memory(t)
	s, other := open(t, dir, &filestore.Options{Sweep: -1}), open(t, dir, &filestore.Options{Sweep: -1})
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for {
			select {
			case <-stop:
				return
			default:
				other.SweepNow(t.Context())
			}
		}
	}()
	for i := range 40 {
		if i%10 == 0 {
			invalidate(t, s, nil, driver.TagAll)
		}
		name := fmt.Sprint("k", i%3)
		set(t, s, name, fmt.Sprint(i))
		for range 3 {
			want(t, s, name, fmt.Sprint(i))
		}
	}
	close(stop)
	<-done
}

// What was removed behind the store's back, and what a killed process did not
// count, is found out, and nothing is thrown out for it.
func TestCountIsPutRight(t *testing.T) {
	t.Parallel()
	const most, lost = 100, 60
	s := open(t, memory(t), &filestore.Options{MaxEntries: most, Sweep: -1})
	for i := range most {
		set(t, s, fmt.Sprint("k", i), "v")
	}
	for i := range lost {
		if err := os.Remove(s.Path(key(fmt.Sprint("k", i)))); err != nil {
			t.Fatal(err)
		}
	}
	set(t, s, "one more", "v") // one too many, as far as is known
	if n := entries(t, s); n < most-lost {
		t.Errorf("got %d entries, want the %d that were there", n, most-lost+1)
	}
	s.SweepNow(t.Context())
	n, bytes := s.Known(t.Context())
	if want := entries(t, s); int(n) != want || bytes == 0 {
		t.Errorf("known: got %d entries of %d bytes, want %d", n, bytes, want)
	}
}

package filestore

import (
	"context"
	"encoding/binary"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/stratacache/strata/cache/driver"
	"github.com/stratacache/strata/cache/driver/envelope"
)

// file is one of ours, as a listing shows it.
type file struct {
	place
	temp    bool
	id      fileID
	size    int64
	changed int64 // when it was put there, Unix nanoseconds
	end     int64 // when it ends, Unix seconds; 0: never
	suspect bool  // to be removed only if it is superseded
}

// as is f with what info says of it now.
func (f file) as(info os.FileInfo) file {
	f.id, f.size, f.changed, f.end = idOfInfo(info), info.Size(), changed(info), info.ModTime().Unix()
	return f
}

// weight is the size of an entry that counts.
func (f *file) weight(h *header) int64 {
	if f.temp || f.changed < h.cleared {
		return none
	}
	return f.size
}

func (f *file) ended(now int64) bool { return f.end != 0 && now >= f.end*int64(time.Second) }

func (s *Store) leftover(f *file, now int64) bool {
	return f.temp && f.changed < now-int64(s.leftoverAge)
}

const (
	// leftoverAge is the age from which a temporary file is nobody's: one that is
	// being written for so long is lost, and its writer gets an error.
	leftoverAge = 15 * time.Minute
	// coarse is how far the times of a file system and of the system may differ.
	coarse = time.Second
)

// list returns our files in a folder.
func (s *Store) list(folder int) ([]file, error) { return listDir(s.folder(folder), folder) }

func listDir(dir string, folder int) ([]file, error) {
	d, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	defer d.Close()
	entries, err := d.ReadDir(-1)
	files := make([]file, 0, len(entries))
	for _, e := range entries {
		temp := strings.HasSuffix(e.Name(), tempSuffix)
		if !temp && !strings.HasSuffix(e.Name(), suffix) || !e.Type().IsRegular() {
			continue
		}
		info, err := e.Info()
		if err != nil {
			continue // it is gone
		}
		f := file{place: place{folder, filepath.Join(dir, e.Name())}, temp: temp}
		files = append(files, f.as(info))
	}
	return files, err
}

// sweepAll walks the namespace, unless another process does.
func (s *Store) sweepAll(ctx context.Context) {
	lock, err := os.OpenFile(filepath.Join(s.dir, sweepName), os.O_RDWR|os.O_CREATE, fileMode)
	if err != nil {
		return
	}
	defer lock.Close() // which gives it back
	if ok, err := tryLock(lock); !ok || err != nil || own(lock) != nil {
		return
	}
	v, err := s.meta.read(ctx)
	if err != nil {
		return
	}
	if files, err := listDir(s.dir, 0); err == nil { // beside the meta file
		s.discard(ctx, slices.DeleteFunc(files, func(f file) bool { return !s.leftover(&f, now()) }), nil)
	}
	w := walk{began: v.header}
	for i := range folders {
		if ctx.Err() != nil {
			return
		}
		s.sweepFolder(ctx, i, &v, &w)
	}
	s.endWalk(ctx, &w)
}

// sweepFolder counts a folder, and removes what has ended, what was left over and
// what will never be valid again.
func (s *Store) sweepFolder(ctx context.Context, folder int, v *view, w *walk) {
	files, err := s.list(folder)
	if err != nil {
		return // it is not there, most likely
	}
	var waste []file
	now := now()
	for _, f := range files {
		w.found = w.found.plus(weigh(f.weight(&w.began)))
		switch {
		case f.temp && !s.leftover(&f, now):
			continue
		case f.temp, f.ended(now):
		case f.changed < v.cleared+int64(coarse) && superseded(&f, v):
			f.suspect = true
		default:
			continue
		}
		waste = append(waste, f)
	}
	for some := range slices.Chunk(waste, batch) {
		w.removed = w.removed.plus(s.discard(ctx, some, nil))
	}
}

// superseded reports whether an entry is of another epoch or older than the
// last time that all was cleared.
func superseded(f *file, v *view) bool {
	h, err := os.Open(f.path)
	if err != nil {
		return false
	}
	defer h.Close()
	var b [envelope.SealAt]byte
	if _, err := h.ReadAt(b[:], 0); err != nil || envelope.Token(b[:]) == 0 {
		return false // a placeholder, or of a newer format
	}
	return !v.allows(&driver.Entry{Stamp: driver.Stamp{
		Epoch: binary.BigEndian.Uint64(b[envelope.ClockAt:]), N: binary.BigEndian.Uint64(b[envelope.ClockAt+8:]),
	}})
}

// discard removes files that are still the ones that were listed, while there
// is a need for it: nil is always. What is superseded is judged again: the clock
// may have gone on since it was read.
func (s *Store) discard(ctx context.Context, files []file, need func(kept amount) amount) (removed amount) {
	if len(files) == 0 {
		return amount{}
	}
	l, err := s.meta.lock(ctx)
	if err != nil {
		return amount{}
	}
	defer l.unlock()
	for _, f := range files {
		if need != nil && need(l.kept) == (amount{}) {
			break
		}
		info, err := os.Lstat(f.path)
		if err != nil || f.as(info) != f || f.suspect && !superseded(&f, &l.view) || s.remove(f.place) != nil {
			continue
		}
		weight := f.weight(&l.header)
		l.replaced(weight, none)
		removed = removed.plus(weigh(weight))
	}
	return removed
}

// A sweeper calls a function now and then, from a goroutine of its own.
type sweeper struct {
	cancel context.CancelFunc
	kick   chan struct{}
	done   chan struct{}
}

func startSweeper(every time.Duration, sweep func(context.Context)) *sweeper {
	ctx, cancel := context.WithCancel(context.Background())
	w := &sweeper{cancel: cancel, kick: make(chan struct{}, 1), done: make(chan struct{})}
	if every < 0 {
		close(w.done)
		return w
	}
	go func() {
		defer close(w.done)
		tick := time.NewTicker(every)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			case <-w.kick:
			}
			sweep(ctx)
		}
	}()
	return w
}

// soon has it sweep at once, or once more if it is at it.
func (w *sweeper) soon() {
	select {
	case w.kick <- struct{}{}:
	default:
	}
}

// close ends the goroutine, and waits for it until ctx ends.
func (w *sweeper) close(ctx context.Context) error {
	w.cancel()
	select {
	case <-w.done:
		return nil
	default:
	}
	select {
	case <-w.done:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

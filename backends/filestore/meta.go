package filestore

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"sync"
	"sync/atomic"

	"github.com/stratacache/strata/cache/driver"
)

// meta is the namespace's meta record: one file that all processes share.
//
// Readers take no lock. They look whether the file that they have open is still
// the one of that name, and read its header, which says how far the journal of
// tags goes. What they know of the journal is kept, and only what was added
// since is read. Writers hold the file's lock (lock.go).
type meta struct {
	dir  string
	path string
	boot [16]byte
	sync bool

	// turn is what a goroutine holds that has, or waits for, the file's lock.
	turn    chan struct{}
	current atomic.Pointer[record]

	mu      sync.Mutex
	closed  bool
	retired []*os.File // may still be in use by the holder of turn
	// maxTags is that of options.go, but in tests.
	maxTags int
}

func newMeta(dir string, boot [16]byte, sync bool) *meta {
	return &meta{dir: dir, path: metaPath(dir), boot: boot, sync: sync, turn: make(chan struct{}, 1), maxTags: maxTags}
}

// errStale says that the file or its epoch changed while it was read.
var errStale = errors.New("the meta file changed")

// errMeta says that the meta file is not one that this store may go on with:
// cut, changed, copied from elsewhere or left by another run of the system.
var errMeta = errors.New("the meta file is not to be trusted")

// maxTries is more than other processes can spoil by chance.
const maxTries = 1000

// read returns the clock, as of now or later. Where there is no record to be
// trusted it makes one.
func (m *meta) read(ctx context.Context) (view, error) {
	for tries := 0; ; tries++ {
		v, err := m.tryRead()
		switch {
		case err == nil:
			return v, nil
		case tries > maxTries:
			return view{}, err
		case errors.Is(err, errMeta) && tries >= 2: // not for being read while it was written
			l, err := m.lock(ctx)
			if err != nil {
				return view{}, err
			}
			l.unlock()
		case !errors.Is(err, errMeta) && !errors.Is(err, errStale):
			return view{}, err
		}
		if ctx.Err() != nil {
			return view{}, context.Cause(ctx)
		}
	}
}

func (m *meta) tryRead() (view, error) {
	r, err := m.open()
	if err != nil {
		return view{}, err
	}
	h, err := m.header(r)
	if err != nil {
		return view{}, err
	}
	return view{h, r}, r.catchUp(&h)
}

// open returns the record of the file that has the name now. It makes one where
// there is none.
func (m *meta) open() (*record, error) {
	for {
		id, err := idOf(m.path)
		if err == nil {
			if r := m.current.Load(); r != nil && r.id == id {
				return r, nil
			}
			err = m.reopen()
		}
		if errors.Is(err, fs.ErrNotExist) {
			err = m.create()
		}
		if err != nil {
			return nil, err
		}
	}
}

func (m *meta) reopen() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return driver.ErrClosed
	}
	f, err := os.OpenFile(m.path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	info, err := f.Stat()
	if err != nil {
		_ = f.Close()
		return err
	}
	old := m.current.Swap(&record{file: f, id: idOfInfo(info)})
	if old != nil {
		m.retired = append(m.retired, old.file)
	}
	return nil
}

// create makes a meta file with a new epoch, unless somebody else does.
func (m *meta) create() error {
	t, err := newTemp(m.path)
	if err != nil {
		return err
	}
	defer t.discard()
	info, err := t.file.Stat()
	if err != nil {
		return err
	}
	h := m.newEpoch(idOfInfo(info).ino)
	if _, err := t.file.Write(h.append(nil)); err != nil {
		return err
	}
	if err := t.finish(0, m.sync); err != nil {
		return err
	}
	// A link is refused where somebody was faster. Replacing that file is no harm
	// either, where there are no links.
	if err := os.Link(t.path, m.path); errors.Is(err, fs.ErrExist) {
		return nil
	} else if err != nil {
		return t.commit(m.sync)
	}
	return syncDir(m.dir, m.sync)
}

func (m *meta) newEpoch(inode uint64) header {
	return header{epoch: uint64(driver.NewToken()), inode: inode, boot: m.written(), cleared: now()}
}

// written is what a header says of when it was written.
func (m *meta) written() [16]byte {
	if m.sync {
		return [16]byte{}
	}
	return m.boot
}

// header reads the header of r.
func (m *meta) header(r *record) (header, error) {
	var b [headerLen]byte
	switch _, err := r.file.ReadAt(b[:], 0); {
	case errors.Is(err, os.ErrClosed):
		return header{}, errStale
	case err != nil && !errors.Is(err, io.EOF):
		return header{}, err
	}
	h, ok := parseHeader(b[:])
	if !ok || h.inode != r.id.ino || h.boot != [16]byte{} && h.boot != m.boot {
		return header{}, errMeta
	}
	return h, nil
}

// close closes the files. Who is at work gets driver.ErrClosed.
func (m *meta) close() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.closed = true
	var errs []error
	if r := m.current.Swap(nil); r != nil {
		errs = append(errs, r.file.Close())
	}
	for _, f := range m.retired {
		errs = append(errs, f.Close())
	}
	m.retired = nil
	return errors.Join(errs...)
}

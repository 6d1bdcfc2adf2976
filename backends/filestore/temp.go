package filestore

import (
	"encoding/binary"
	"errors"
	"hash/adler32"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/stratacache/strata/cache/driver"
	"github.com/stratacache/strata/cache/driver/envelope"
)

// temp is a file that is being written beside the one that it will replace.
// Renaming it is what commits a step: readers see the old file or the new one.
type temp struct {
	file   *os.File // nil once it is closed
	path   string
	target string
	gone   bool
}

const (
	fileMode = 0o600
	dirMode  = 0o700
)

// newTemp makes an empty file beside target, and the folders above it.
func newTemp(target string) (*temp, error) {
	path := target + "-" + strconv.FormatUint(rand.Uint64(), 36) + tempSuffix
	const how = os.O_RDWR | os.O_CREATE | os.O_EXCL
	f, err := os.OpenFile(path, how, fileMode)
	if errors.Is(err, fs.ErrNotExist) {
		if err = makeDir(filepath.Dir(target)); err == nil {
			f, err = os.OpenFile(path, how, fileMode)
		}
	}
	if err != nil {
		return nil, err
	}
	t := &temp{file: f, path: path, target: target}
	if err := own(f); err != nil {
		t.discard()
		return nil, err
	}
	return t, nil
}

// own undoes what a strange umask took from the owner.
func own(f *os.File) error {
	info, err := f.Stat()
	if err == nil && info.Mode().Perm() != fileMode {
		err = f.Chmod(fileMode)
	}
	return err
}

// makeDir makes a folder and all above it that are not there, each for its
// owner alone.
func makeDir(path string) error {
	err := os.Mkdir(path, dirMode)
	if errors.Is(err, fs.ErrNotExist) && filepath.Dir(path) != path {
		if err = makeDir(filepath.Dir(path)); err == nil {
			err = os.Mkdir(path, dirMode)
		}
	}
	switch {
	case errors.Is(err, fs.ErrExist):
		return nil // whose it is, and what, shows when it is used
	case err != nil:
		return err
	}
	return os.Chmod(path, dirMode)
}

// writeTemp makes a file with b, and leaves it open.
func writeTemp(target string, b []byte) (*temp, error) {
	t, err := newTemp(target)
	if err != nil {
		return nil, err
	}
	if _, err := t.file.Write(b); err != nil {
		t.discard()
		return nil, err
	}
	return t, nil
}

// restamp writes e's stamp into its envelope, and the sum over it.
func (t *temp) restamp(e *driver.Entry) error {
	b := binary.BigEndian.AppendUint64(nil, uint64(e.Token))
	b = binary.BigEndian.AppendUint64(b, e.Stamp.Epoch)
	b = binary.BigEndian.AppendUint64(b, e.Stamp.N)
	sealed := len(b)
	if e.Kind == driver.Integer {
		b = append(b, e.Payload...)
	}
	b = binary.BigEndian.AppendUint32(b[:sealed], adler32.Checksum(b))
	_, err := t.file.WriteAt(b, envelope.TokenAt)
	return err
}

// finish closes a file that ends at end (see ends). Its modification time says when it ends, so that who
// sweeps need not open it; 0 says never.
func (t *temp) finish(end int64, sync bool) error {
	var err error
	if sync {
		err = t.file.Sync()
	}
	err = errors.Join(err, t.file.Close())
	t.file = nil
	if err != nil {
		return err
	}
	at := time.Unix(end, 0)
	return os.Chtimes(t.path, at, at)
}

// commit puts the file in the place of its target.
func (t *temp) commit(sync bool) error {
	if err := os.Rename(t.path, t.target); err != nil {
		return err
	}
	t.gone = true
	return syncDir(filepath.Dir(t.target), sync)
}

// discard removes the file if it was not committed.
func (t *temp) discard() {
	if t == nil || t.gone {
		return
	}
	if t.file != nil {
		_ = t.file.Close()
	}
	_ = os.Remove(t.path)
	t.gone = true
}

// syncDir makes what was renamed or removed in a folder last.
func syncDir(path string, sync bool) error {
	if !sync {
		return nil
	}
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

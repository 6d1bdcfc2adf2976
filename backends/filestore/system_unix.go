//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package filestore

import (
	"errors"
	"os"
	"syscall"

	"github.com/stratacache/strata/cache/driver"
)

// supported says whether this system has what the store needs: locks that end
// with their process, and a rename that replaces an open file.
const supported = true

// A fileID tells files apart that have or had the same name.
type fileID struct{ dev, ino uint64 }

func idOf(path string) (fileID, error) {
	var st syscall.Stat_t
	if err := again(func() error { return syscall.Stat(path, &st) }); err != nil {
		return fileID{}, &os.PathError{Op: "stat", Path: path, Err: err}
	}
	return fileID{uint64(st.Dev), st.Ino}, nil
}

func idOfInfo(info os.FileInfo) fileID {
	st := info.Sys().(*syscall.Stat_t)
	return fileID{uint64(st.Dev), st.Ino}
}

// tryLock takes the exclusive lock of f, or says at once that it is taken. The
// lock ends with f, and with the process however it ends.
func tryLock(f *os.File) (bool, error) {
	err := control(f, func(fd int) error { return syscall.Flock(fd, syscall.LOCK_EX|syscall.LOCK_NB) })
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return false, nil
	}
	return err == nil, err
}

func unlock(f *os.File) error {
	return control(f, func(fd int) error { return syscall.Flock(fd, syscall.LOCK_UN) })
}

func control(f *os.File, do func(fd int) error) error {
	c, err := f.SyscallConn()
	if err != nil {
		return err
	}
	var result error
	if err := c.Control(func(fd uintptr) { result = again(func() error { return do(int(fd)) }) }); err != nil {
		return err
	}
	return result
}

// readFile is os.ReadFile for a file that is never changed in place: it does not
// ask the poller, which is a third of the time, and follows no link. What is
// longer than most is driver.ErrForeign.
func readFile(path string, most int64) ([]byte, error) {
	fail := func(op string, err error) ([]byte, error) { return nil, &os.PathError{Op: op, Path: path, Err: err} }
	var fd int
	err := again(func() (err error) {
		fd, err = syscall.Open(path, syscall.O_RDONLY|syscall.O_CLOEXEC|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
		return err
	})
	if err != nil {
		return fail("open", err)
	}
	defer syscall.Close(fd)
	var st syscall.Stat_t
	if err := again(func() error { return syscall.Fstat(fd, &st) }); err != nil {
		return fail("stat", err)
	}
	switch {
	case st.Mode&syscall.S_IFMT != syscall.S_IFREG:
		return fail("read", errors.New("it is not a regular file"))
	case st.Size > most:
		return nil, driver.ErrForeign
	}
	b := make([]byte, st.Size)
	for read := 0; read < len(b); {
		var n int
		err := again(func() (err error) { n, err = syscall.Read(fd, b[read:]); return err })
		switch {
		case err != nil:
			return fail("read", err)
		case n == 0: // somebody cut it just now
			return b[:read], nil
		}
		read += n
	}
	return b, nil
}

// again repeats what a signal interrupts.
func again(do func() error) error {
	for {
		if err := do(); err != syscall.EINTR {
			return err
		}
	}
}

// noRoom reports whether a write failed for want of room.
func noRoom(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) || errors.Is(err, syscall.EFBIG)
}

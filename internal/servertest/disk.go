package servertest

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
)

// filler takes what room there is on a server's own disk.
const filler = "filler"

// OwnDisk moves what the server writes to a small file system of its own, and starts it
// again there. That takes root: where it cannot be had, the test is skipped. With free
// bytes of room the server has started.
func (s *Server) OwnDisk(free int64) {
	s.t.Helper()
	s.Stop()
	size, err := used(s.Dir)
	if err != nil {
		s.t.Fatal(err)
	}
	aside := s.Dir + ".aside"
	if err := os.Rename(s.Dir, aside); err != nil {
		s.t.Fatal(err)
	}
	defer os.RemoveAll(aside)
	if err := os.Mkdir(s.Dir, 0o700); err != nil {
		s.t.Fatal(err)
	}
	if err := mountMemory(s.Dir, size+free); err != nil {
		s.t.Skipf("a file system cannot be mounted, which takes root: this test was NOT RUN. %v", err)
	}
	s.t.Cleanup(func() {
		s.Stop()
		if err := unmount(s.Dir); err != nil {
			s.t.Error(err)
		}
	})
	// Nothing may be left to be given room for later but by the server itself.
	if out, err := exec.Command("cp", "-a", "--sparse=never", aside+"/.", s.Dir).CombinedOutput(); err != nil {
		s.t.Fatalf("%v\n%s", err, out)
	}
	if err := s.own(); err != nil {
		s.t.Fatal(err)
	}
	s.Restart()
}

// FillDisk leaves no room on the server's own disk.
func (s *Server) FillDisk() {
	s.t.Helper()
	f, err := os.Create(filepath.Join(s.Dir, filler))
	if err != nil {
		s.t.Fatal(err)
	}
	defer f.Close()
	for block := 1 << 20; block >= 1; { // what was written of the last one stays
		if _, err := f.Write(make([]byte, block)); errors.Is(err, syscall.ENOSPC) {
			block /= 16
		} else if err != nil {
			s.t.Fatal(err)
		}
	}
}

// FreeDisk undoes FillDisk.
func (s *Server) FreeDisk() {
	s.t.Helper()
	if err := os.Remove(filepath.Join(s.Dir, filler)); err != nil {
		s.t.Fatal(err)
	}
}

// Ended says that the server has ended by itself.
func (s *Server) Ended() bool {
	if s.proc == nil {
		return false
	}
	select {
	case <-s.proc.done:
		return true
	default:
		return false
	}
}

// used is how much room what is in dir takes, holes in files too.
func used(dir string) (int64, error) {
	var sum int64
	err := filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err == nil {
			sum += (info.Size()+4095)/4096*4096 + 4096
		}
		return err
	})
	return sum, err
}

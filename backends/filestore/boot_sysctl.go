//go:build darwin || dragonfly || freebsd || netbsd || openbsd

package filestore

import (
	"crypto/sha256"
	"runtime"
	"syscall"
)

// bootID names this run of the kernel, by when it began. Files that were written
// in another may have lost what was last done to them.
func bootID() (id [16]byte, err error) {
	name := "kern.boottime"
	if runtime.GOOS == "darwin" {
		name = "kern.bootsessionuuid" // boottime moves when the clock is set
	}
	s, err := syscall.Sysctl(name)
	if err != nil {
		return id, err
	}
	sum := sha256.Sum256([]byte(s))
	copy(id[:], sum[:])
	return id, nil
}

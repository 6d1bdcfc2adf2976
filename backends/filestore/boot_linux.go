package filestore

import (
	"crypto/sha256"
	"os"
)

// bootID names this run of the kernel. Files that were written in another may
// have lost what was last done to them.
func bootID() (id [16]byte, err error) {
	b, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return id, err
	}
	sum := sha256.Sum256(b)
	copy(id[:], sum[:])
	return id, nil
}

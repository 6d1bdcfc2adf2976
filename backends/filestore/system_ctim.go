//go:build dragonfly || linux || openbsd

package filestore

import (
	"os"
	"syscall"
)

// changed is when a file was last put in its place, as Unix nanoseconds.
func changed(info os.FileInfo) int64 { return info.Sys().(*syscall.Stat_t).Ctim.Nano() }

//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd)

package filestore

import (
	"errors"
	"os"
)

// supported: New refuses, so that nothing below is ever called.
const supported = false

type fileID struct{ dev, ino uint64 }

func idOf(string) (fileID, error)            { return fileID{}, errors.ErrUnsupported }
func idOfInfo(os.FileInfo) fileID            { return fileID{} }
func tryLock(*os.File) (bool, error)         { return false, errors.ErrUnsupported }
func unlock(*os.File) error                  { return errors.ErrUnsupported }
func readFile(string, int64) ([]byte, error) { return nil, errors.ErrUnsupported }
func noRoom(error) bool                      { return false }
func changed(os.FileInfo) int64              { return 0 }

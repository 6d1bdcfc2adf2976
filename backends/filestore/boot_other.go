//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd)

package filestore

import "errors"

func bootID() ([16]byte, error) { return [16]byte{}, errors.ErrUnsupported }

//go:build darwin || dragonfly || freebsd || netbsd || openbsd

package filestore_test

import "errors"

func mountSmall(string) error { return errors.ErrUnsupported }

//go:build !linux

package filestore_test

import "errors"

func mountSmall(string) error { return errors.ErrUnsupported }

//go:build !linux

package servertest

import "syscall"

// dieWithParent does nothing here: a server outlives a test process that was
// killed.
func dieWithParent() *syscall.SysProcAttr { return &syscall.SysProcAttr{} }

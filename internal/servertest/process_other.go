//go:build !linux

package servertest

import "syscall"

// dieWithParent does nothing here: a server outlives a test process that was
// killed.
func dieWithParent() *syscall.SysProcAttr { return &syscall.SysProcAttr{} }

// children are not known here: those of a server that was killed end by
// themselves, and those of a frozen one go on.
func children(int) []int { return nil }

package servertest

import "syscall"

// dieWithParent has the kernel kill the server when this process dies, however
// that happens.
func dieWithParent() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
}

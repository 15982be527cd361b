package testserver

import "syscall"

// dieWithParent has the kernel kill the child when this process ends, even by SIGKILL or a panic.
func dieWithParent() *syscall.SysProcAttr { return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }

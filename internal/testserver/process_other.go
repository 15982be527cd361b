//go:build !linux

package testserver

import "syscall"

// dieWithParent does nothing where the kernel has no parent-death signal: a test binary that is
// killed leaves its servers running there.
func dieWithParent() *syscall.SysProcAttr { return nil }

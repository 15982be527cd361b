package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
)

// Exit codes, for scripts.
const (
	codeOK          = 0
	codeError       = 1   // usage, configuration or connection; check found a fault
	codeFailed      = 2   // the sync ran, and something in it failed; verify found a difference
	codeCancelled   = 3   // the sync was cancelled
	codeRunning     = 4   // the sync is already running; nothing was started
	codeUncompared  = 5   // verify found no difference, and could not compare something
	codeInterrupted = 130 // Ctrl-C: what was started goes on
)

const (
	exitCodesHelp = exitCodesFailed + exitCodesStopped + exitCodesInterrupted
	// allExitCodesHelp has those of verify, too.
	allExitCodesHelp = exitCodesFailed + "; verify found a difference" + exitCodesStopped +
		"\n  5    verify found no difference, and could not compare something" + exitCodesInterrupted
)

const (
	exitCodesFailed = `
Exit codes:
  0    everything is ok
  1    usage, configuration or connection error; nothing was started
  2    the sync ran, and something in it failed`
	exitCodesStopped = `
  3    the sync was cancelled
  4    the sync is already running; nothing was started`
	exitCodesInterrupted = `
  130  interrupted with Ctrl-C; what was started goes on`
)

// codedError ends the program with a code other than codeError. Without an error everything has been said.
type codedError struct {
	code int
	err  error
}

func (e *codedError) Error() string {
	if e.err == nil {
		return ""
	}
	return e.err.Error()
}

func (e *codedError) Unwrap() error { return e.err }

func exitCode(ctx context.Context, err error) int {
	if err == nil {
		return codeOK
	}
	if coded, ok := errors.AsType[*codedError](err); ok {
		return coded.code
	}
	if ctx.Err() != nil {
		return codeInterrupted
	}
	return codeError
}

// printError writes an error once, in plain text, whatever the output format.
func printError(ctx context.Context, w io.Writer, err error) {
	coded, ok := errors.AsType[*codedError](err)
	switch {
	case err == nil || ok && coded.err == nil:
	case !ok && ctx.Err() != nil:
		fmt.Fprintln(w, "tributary: interrupted")
	default:
		fmt.Fprintln(w, "tributary:", strings.TrimSpace(err.Error()))
	}
}

package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"runtime/pprof"
	"syscall"
	"time"

	"tributary/config"
	"tributary/worker/serve"
)

// What is measured runs in a process of its own, this program again, so that its peak memory is its own.
const (
	roleVariable = "TRIBUTARY_BENCH_ROLE"
	argVariable  = "TRIBUTARY_BENCH_ARG"
	// profileVariable names a file for the worker's CPU profile (go tool pprof).
	profileVariable = "TRIBUTARY_BENCH_PROFILE"
)

func runRole(ctx context.Context, role string) error {
	arg := os.Getenv(argVariable)
	switch role {
	case "worker":
		return runWorker(ctx, arg)
	case "drain":
		return timed(func() error { return drain(ctx, arg) })
	case "merge":
		return runMerge(ctx, arg)
	}
	return fmt.Errorf("unknown role %q", role)
}

// runWorker serves until standard input ends.
func runWorker(ctx context.Context, dir string) error {
	cfg, err := config.Load(dir)
	if err != nil {
		return err
	}
	if path := os.Getenv(profileVariable); path != "" {
		stop, err := profile(path)
		if err != nil {
			return err
		}
		defer stop()
	}
	ctx, cancel := context.WithCancel(ctx)
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		cancel()
	}()
	return serve.Run(ctx, cfg, slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError})))
}

func profile(path string) (stop func(), err error) {
	f, err := os.Create(path)
	if err != nil {
		return nil, fmt.Errorf("profile: %w", err)
	}
	if err := pprof.StartCPUProfile(f); err != nil {
		return nil, errors.Join(fmt.Errorf("profile: %w", err), f.Close())
	}
	return func() {
		pprof.StopCPUProfile()
		_ = f.Close() // a profile is for people: an incomplete one says so itself
	}, nil
}

// measured is what a child printed about itself, and its peak memory.
type measured struct {
	Seconds float64 `json:"seconds"`
	Peak    float64 `json:"-"` // MiB
}

func timed(work func() error) error {
	began := time.Now()
	if err := work(); err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(measured{Seconds: time.Since(began).Seconds()})
}

// child runs this program in a role and returns what it measured.
func child(ctx context.Context, role, arg string) (measured, error) {
	self, err := os.Executable()
	if err != nil {
		return measured{}, fmt.Errorf("find this program: %w", err)
	}
	cmd := exec.CommandContext(ctx, self)
	cmd.Env = append(os.Environ(), roleVariable+"="+role, argVariable+"="+arg)
	return measure(cmd)
}

// measure runs a command that prints one JSON line.
func measure(cmd *exec.Cmd) (m measured, err error) {
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return m, fmt.Errorf("run %s: %w", cmd.Path, err)
	}
	if err := cmd.Start(); err != nil {
		return m, fmt.Errorf("run %s: %w", cmd.Path, err)
	}
	line, readErr := bufio.NewReader(out).ReadBytes('\n')
	if readErr == nil {
		readErr = json.Unmarshal(line, &m)
	}
	if err := errors.Join(cmd.Wait(), readErr); err != nil {
		return m, fmt.Errorf("run %s: %w", cmd.Path, err)
	}
	m.Peak = peak(cmd)
	return m, nil
}

func peak(cmd *exec.Cmd) float64 {
	usage, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage)
	if !ok {
		return 0
	}
	return float64(usage.Maxrss) * 1024 / mib
}

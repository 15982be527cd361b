package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"go.temporal.io/sdk/client"

	"tributary/config"
	"tributary/internal/table"
	"tributary/internal/testserver"
	"tributary/workflows"
)

// stack is a worker process over a config directory, with Temporal.
type stack struct {
	dir      string
	temporal *testserver.DevServer
	worker   *exec.Cmd
	stdin    io.Closer
}

// startStack writes the config and starts the worker. sync is the text of bench.yaml.
func startStack(ctx context.Context, dir string, clients []table.Client, sync string) (*stack, error) {
	temporal, err := testserver.StartTemporal()
	if err != nil {
		return nil, err
	}
	s := &stack{dir: dir, temporal: temporal}
	if err := s.configure(clients, sync); err != nil {
		return nil, errors.Join(err, temporal.Close())
	}
	if err := s.startWorker(ctx); err != nil {
		return nil, errors.Join(err, temporal.Close())
	}
	return s, nil
}

func (s *stack) configure(clients []table.Client, sync string) error {
	var list strings.Builder
	list.WriteString("clients:\n")
	for _, c := range clients {
		fmt.Fprintf(&list, "  - {id: %s, region: %s, host: %s, port: %d, database: %s, user: %s, password: \"env:TRIBUTARY_BENCH_PASSWORD\"}\n",
			c.ID, c.Region, c.Host, c.Port, c.Database, c.User)
	}
	files := map[string]string{
		"clients.yaml": list.String(),
		"bench.yaml":   sync,
		"tributary.yaml": fmt.Sprintf("lake: {kind: local, path: lake}\ntemporal: {address: %q}\nclients: {file: clients.yaml}\n"+
			"worker: {health: off}\nscratch: {path: scratch}\n", s.temporal.Address),
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(s.dir, name), []byte(text), 0o600); err != nil {
			return fmt.Errorf("write the config: %w", err)
		}
	}
	return nil
}

func (s *stack) startWorker(ctx context.Context) error {
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find this program: %w", err)
	}
	s.worker = exec.CommandContext(ctx, self)
	s.worker.Env = append(os.Environ(), roleVariable+"=worker", argVariable+"="+s.dir)
	s.worker.Stderr = os.Stderr
	if s.stdin, err = s.worker.StdinPipe(); err != nil {
		return fmt.Errorf("start the worker: %w", err)
	}
	if err := s.worker.Start(); err != nil {
		return fmt.Errorf("start the worker: %w", err)
	}
	time.Sleep(2 * time.Second) // it polls by then
	return nil
}

// sync runs the sync and returns how long it took.
func (s *stack) sync(ctx context.Context) (time.Duration, error) {
	return s.run(ctx, workflows.SyncID("bench"), workflows.Sync)
}

// verify compares source and lake, and returns how long it took. A difference is an error.
func (s *stack) verify(ctx context.Context) (time.Duration, error) {
	return s.run(ctx, workflows.VerifyID("bench"), workflows.Verify)
}

func (s *stack) run(ctx context.Context, id string, workflow any) (time.Duration, error) {
	cfg, err := config.Load(s.dir)
	if err != nil {
		return 0, err
	}
	in := workflows.SyncInput{}
	if in.Sync, err = cfg.Sync("bench"); err != nil {
		return 0, err
	}
	began := time.Now()
	run, err := s.temporal.Client.ExecuteWorkflow(ctx, client.StartWorkflowOptions{ID: id, TaskQueue: workflows.ControlQueue}, workflow, in)
	if err != nil {
		return 0, fmt.Errorf("start %s: %w", id, err)
	}
	if err := run.Get(ctx, nil); err != nil {
		return 0, fmt.Errorf("%s: %w", id, err)
	}
	return time.Since(began), nil
}

// lastRun returns the record of the last run of acme's orders, and how long its TableSync took.
func (s *stack) lastRun(ctx context.Context) (run table.Run, took time.Duration, err error) {
	id := workflows.TableSyncID(table.Ref{Client: "acme", Table: "orders"})
	if err := s.temporal.Client.GetWorkflow(ctx, id, "").Get(ctx, &run); err != nil {
		return run, 0, fmt.Errorf("the last run: %w", err)
	}
	described, err := s.temporal.Client.DescribeWorkflowExecution(ctx, id, "")
	if err != nil {
		return run, 0, fmt.Errorf("the last run: %w", err)
	}
	info := described.GetWorkflowExecutionInfo()
	return run, info.GetCloseTime().AsTime().Sub(info.GetStartTime().AsTime()), nil
}

// lastSteps says how long each step of the last run took.
func (s *stack) lastSteps(ctx context.Context) (string, error) {
	run, took, err := s.lastRun(ctx)
	if err != nil {
		return "", err
	}
	parts := []string{fmt.Sprintf("TableSync %.2f", took.Seconds())}
	for _, step := range []string{"extract", "validate", "transform", "merge"} {
		parts = append(parts, fmt.Sprintf("%s %.2f", step, run.Steps[step].Seconds()))
	}
	return strings.Join(parts, ", "), nil
}

// cpu is the processor time that the worker has used so far, in seconds.
func (s *stack) cpu() float64 {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", s.worker.Process.Pid))
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(stat), ") ")
	fields := strings.Fields(rest)
	var user, system float64
	_, _ = fmt.Sscan(fields[11], &user) // clock ticks, a hundred a second on Linux
	_, _ = fmt.Sscan(fields[12], &system)
	return (user + system) / 100
}

// stop ends the worker and Temporal and returns the worker's peak memory in MiB.
func (s *stack) stop() (float64, error) {
	err := errors.Join(s.stdin.Close(), s.worker.Wait(), s.temporal.Close())
	notef("the worker used %.1f s of CPU", (s.worker.ProcessState.UserTime() + s.worker.ProcessState.SystemTime()).Seconds())
	return peak(s.worker), err
}

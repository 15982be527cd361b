package serve

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"

	"tributary/activities"
	"tributary/config"
)

// fleet is the Temporal workers of one process: one per task queue that it serves.
type fleet struct {
	cfg        *config.Config
	temporal   client.Client
	activities *activities.Activities
	logger     *slog.Logger

	mu      sync.Mutex
	running map[string]worker.Worker // by what it serves
	ready   bool
	broken  error
	failed  chan struct{}
}

// regionsEvery is how soon a worker that serves all regions notices a new one.
const regionsEvery = 30 * time.Second

func (f *fleet) run(ctx context.Context) error {
	f.running, f.failed = map[string]worker.Worker{}, make(chan struct{})
	defer f.stop()
	if f.serves(config.RoleWorkflow) {
		if err := f.start("workflow", f.newControl); err != nil {
			return err
		}
	}
	if f.serves(config.RoleLake) {
		if err := f.start("lake", f.newLake); err != nil {
			return err
		}
	}
	tick := time.NewTicker(regionsEvery)
	defer tick.Stop()
	for {
		if err := f.startRegions(ctx); err != nil {
			return err
		}
		f.setReady()
		select {
		case <-ctx.Done():
			return nil
		case <-f.failed:
			return f.health()
		case <-tick.C:
		}
	}
}

func (f *fleet) serves(role string) bool {
	return len(f.cfg.Worker.Roles) == 0 || slices.Contains(f.cfg.Worker.Roles, role)
}

// startRegions starts a worker for each region that has none yet. A registry that is down is tried
// again later: the regions it would name are not known before.
func (f *fleet) startRegions(ctx context.Context) error {
	if !f.serves(config.RoleSource) {
		return nil
	}
	regions := f.cfg.Worker.Regions
	if len(regions) == 0 {
		var err error
		if regions, err = f.activities.Registry.Regions(ctx); err != nil {
			f.logger.Warn("regions not listed; trying again", "error", err, "after", regionsEvery)
			return nil
		}
	}
	for _, region := range regions {
		if err := f.start("source "+region, func() worker.Worker { return f.newSource(region) }); err != nil {
			return err
		}
	}
	return nil
}

func (f *fleet) start(name string, build func() worker.Worker) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.running[name] != nil {
		return nil
	}
	w := build()
	if err := w.Start(); err != nil {
		return fmt.Errorf("start the %s worker: %w", name, err)
	}
	f.running[name] = w
	f.logger.Info("serving", "role", name)
	return nil
}

// stop stops all workers side by side, so that worker.stop_timeout counts once.
func (f *fleet) stop() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.ready = false
	var wait sync.WaitGroup
	for _, w := range f.running {
		wait.Go(w.Stop)
	}
	wait.Wait()
	f.logger.Info("stopped")
}

// fatal ends the process when a worker can go on no more; Temporal's namespace may be gone.
func (f *fleet) fatal(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.broken == nil {
		f.broken = fmt.Errorf("a worker stopped: %w", err)
		close(f.failed)
	}
}

func (f *fleet) setReady() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.ready = true
}

var errNotReady = errors.New("starting or stopping")

// health returns nil when every worker of the process polls for work.
func (f *fleet) health() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.broken == nil && !f.ready {
		return errNotReady
	}
	return f.broken
}

// Package serve runs a worker process: everything below the command line of tributary-worker, for tests and
// the demo too.
package serve

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"runtime"
	"slices"
	"time"

	"github.com/dustin/go-humanize"
	"go.temporal.io/sdk/client"
	sdklog "go.temporal.io/sdk/log"
	"go.temporal.io/sdk/worker"
	"golang.org/x/sync/errgroup"

	"tributary/activities"
	"tributary/config"
	"tributary/internal/lake/open"
	"tributary/internal/steps"
	"tributary/workflows"
)

// Run serves the roles and regions of cfg.Worker until ctx ends. Then it takes no more work, gives running steps
// worker.stop_timeout to end, and returns nil. It fails at once when Temporal cannot be reached or the
// lake or scratch folder cannot be used.
func Run(ctx context.Context, cfg *config.Config, logger *slog.Logger) (err error) {
	if err := checkRoles(cfg.Worker.Roles); err != nil {
		return err
	}
	temporal, err := Dial(ctx, cfg, logger)
	if err != nil {
		return err
	}
	defer temporal.Close()
	a, closeAll, err := openAll(ctx, cfg, temporal)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, closeAll()) }()

	f := &fleet{cfg: cfg, temporal: temporal, activities: a, logger: logger}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return f.run(ctx) })
	group.Go(func() error { return serveHealth(ctx, cfg.Worker.Health, f) })
	return group.Wait()
}

// DialTimeout is how long Temporal may take to answer, as on a machine that starts many things at once. One that nobody
// listens at fails sooner.
const DialTimeout = 30 * time.Second

// Dial connects to Temporal and makes sure that its namespace has our search attributes.
func Dial(ctx context.Context, cfg *config.Config, logger *slog.Logger) (client.Client, error) {
	options, err := cfg.TemporalOptions()
	if err != nil {
		return nil, err
	}
	options.Logger = sdklog.NewStructuredLogger(slog.New(quiet{logger.Handler()}))
	options.ConnectionOptions.GetSystemInfoTimeout = DialTimeout // the SDK's own is 5 s
	dialCtx, cancel := context.WithTimeout(ctx, DialTimeout)
	defer cancel()
	c, err := client.DialContext(dialCtx, options)
	if err != nil {
		return nil, fmt.Errorf("reach Temporal at %q: %w; is it running? set TEMPORAL_ADDRESS, or temporal.address in tributary.yaml (for a local one: temporal server start-dev)", addressOf(options), err)
	}
	askCtx, cancel := context.WithTimeout(ctx, DialTimeout)
	defer cancel()
	if err := ensureSearchAttributes(askCtx, c, options.Namespace, logger); err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

func addressOf(options client.Options) string {
	if options.HostPort == "" {
		return client.DefaultHostPort
	}
	return options.HostPort
}

func checkRoles(roles []string) error {
	for _, role := range roles {
		if !slices.Contains(config.Roles, role) {
			return fmt.Errorf("unknown role %q: use %v", role, config.Roles)
		}
	}
	return nil
}

// openAll opens what the activities work with.
func openAll(ctx context.Context, cfg *config.Config, temporal client.Client) (_ *activities.Activities, closeAll func() error, err error) {
	access := open.NewAccess(cfg.Lake)
	registry, err := cfg.Registry(access.Resolve)
	if err != nil {
		return nil, nil, err
	}
	memory, err := humanize.ParseBytes(cfg.Scratch.Memory)
	if err != nil {
		return nil, nil, fmt.Errorf("scratch.memory: %w", err)
	}
	scratch, err := activities.OpenScratch(cfg.Scratch.Path)
	if err != nil {
		return nil, nil, err
	}
	central, err := access.Lake(ctx)
	if err != nil {
		return nil, nil, errors.Join(err, scratch.Close())
	}
	var jobs activities.Jobs
	if cfg.Lake.Kind == config.LakeDatabricks {
		if jobs, err = access.Workspace(ctx); err != nil {
			return nil, nil, errors.Join(err, central.Close(), scratch.Close())
		}
	}
	// Steps are bound by the processor: more at once than it has cores would only use more memory.
	engines := steps.NewPool(scratch.Dir(), steps.Limits{
		Memory: int64(min(memory, math.MaxInt64)), Threads: cmp.Or(cfg.Scratch.Threads, runtime.GOMAXPROCS(0)),
	}, max(2, runtime.GOMAXPROCS(0)))
	sources := &activities.Sources{Resolve: access.Resolve, Limits: cfg.Limits}
	a := &activities.Activities{
		Registry: registry, Lake: central, Sources: sources, Scratch: scratch,
		Engines: engines, Temporal: temporal, Jobs: jobs, Resolve: access.Resolve,
	}
	return a, func() error { return errors.Join(sources.Close(), engines.Close(), central.Close(), scratch.Close()) }, nil
}

// newControl is the worker of the workflow role.
func (f *fleet) newControl() worker.Worker {
	w := worker.New(f.temporal, workflows.ControlQueue, f.options(0))
	workflows.Register(w, f.activities)
	return w
}

// mergesAtOnce is how many batches may wait for a place in a group commit. Those that wait cost nothing.
const mergesAtOnce = 200

func (f *fleet) newLake() worker.Worker {
	w := worker.New(f.temporal, workflows.LakeQueue, f.options(mergesAtOnce))
	workflows.RegisterLake(w, f.activities)
	return w
}

func (f *fleet) newSource(region string) worker.Worker {
	options := f.options(f.cfg.Worker.MaxSources)
	options.EnableSessionWorker = true
	options.MaxConcurrentSessionExecutionSize = f.cfg.Worker.MaxSources
	w := worker.New(f.temporal, workflows.SourceQueue(region), options)
	workflows.RegisterSource(w, f.activities)
	return w
}

func (f *fleet) options(activitiesAtOnce int) worker.Options {
	return worker.Options{
		MaxConcurrentActivityExecutionSize: activitiesAtOnce,
		WorkerStopTimeout:                  f.cfg.Worker.StopTimeout,
		MaxHeartbeatThrottleInterval:       2 * time.Second, // a cancelled run stops its query soon
		DefaultHeartbeatThrottleInterval:   2 * time.Second,
		OnFatalError:                       f.fatal,
		// With the default of two pollers, both may sit in a long poll for cached workflows while new ones wait for a minute.
		WorkflowTaskPollerBehavior: worker.NewPollerBehaviorAutoscaling(worker.PollerBehaviorAutoscalingOptions{}),
		ActivityTaskPollerBehavior: worker.NewPollerBehaviorAutoscaling(worker.PollerBehaviorAutoscalingOptions{}),
	}
}

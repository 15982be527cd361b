package main

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"time"

	"go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"
	sdklog "go.temporal.io/sdk/log"

	"tributary/config"
	"tributary/worker/serve"
	"tributary/workflows"
)

// logger passes on the SDK's warnings only: a terminal is for results.
func (a *app) logger() *slog.Logger {
	return slog.New(slog.NewTextHandler(a.errOut, &slog.HandlerOptions{Level: slog.LevelWarn}))
}

// dial connects to Temporal and makes sure that it has our search attributes. The caller closes the client.
func (a *app) dial(ctx context.Context, cfg *config.Config) (client.Client, error) {
	return serve.Dial(ctx, cfg, a.logger())
}

// dialOnly connects and changes nothing.
func (a *app) dialOnly(ctx context.Context, cfg *config.Config) (client.Client, error) {
	options, err := cfg.TemporalOptions()
	if err != nil {
		return nil, err
	}
	options.Logger = sdklog.NewStructuredLogger(slog.New(slog.DiscardHandler)) // what it has to say comes back as an error
	options.ConnectionOptions.GetSystemInfoTimeout = serve.DialTimeout
	ctx, cancel := context.WithTimeout(ctx, serve.DialTimeout)
	defer cancel()
	c, err := client.DialContext(ctx, options)
	if err != nil {
		address := cmp.Or(options.HostPort, client.DefaultHostPort)
		return nil, fmt.Errorf("reach Temporal at %q: %w; is it running? set TEMPORAL_ADDRESS, or temporal.address in tributary.yaml", address, err)
	}
	return c, nil
}

// pollFresh is how recent a worker's last poll is while it runs: polls last a minute.
const pollFresh = 2 * time.Minute

// queue is a task queue that a sync needs, and the role of the workers that poll it.
type queue struct {
	name string
	kind enums.TaskQueueType
	role string
}

func queuesOf(regions []string) []queue {
	queues := []queue{
		{workflows.ControlQueue, enums.TASK_QUEUE_TYPE_WORKFLOW, "--role workflow"},
		{workflows.LakeQueue, enums.TASK_QUEUE_TYPE_ACTIVITY, "--role lake"},
	}
	for _, region := range regions {
		queues = append(queues, queue{workflows.SourceQueue(region), enums.TASK_QUEUE_TYPE_ACTIVITY, "--role source --region " + region})
	}
	return queues
}

// idleQueues says of each task queue that no worker polls what to do about it.
func idleQueues(ctx context.Context, c client.Client, regions []string) ([]string, error) {
	var idle []string
	queues := queuesOf(regions)
	for _, q := range queues {
		described, err := c.DescribeTaskQueue(ctx, q.name, q.kind)
		if err != nil {
			return idle, fmt.Errorf("ask Temporal who polls the task queue %s: %w", q.name, err)
		}
		polled := false
		for _, poller := range described.GetPollers() {
			polled = polled || time.Since(poller.GetLastAccessTime().AsTime()) < pollFresh
		}
		if !polled {
			idle = append(idle, fmt.Sprintf("no worker polls the task queue %s: its work waits until you start tributary-worker (%s)", q.name, q.role))
		}
	}
	if len(idle) == len(queues) {
		idle = []string{"no worker is running: the work waits until you start tributary-worker"}
	}
	return idle, nil
}

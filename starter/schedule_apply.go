package main

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"go.temporal.io/sdk/client"

	"tributary/config"
	"tributary/workflows"
)

// What became of a schedule.
const (
	scheduleCreated   = "created"
	scheduleUpdated   = "updated"
	scheduleDeleted   = "deleted"
	scheduleUnchanged = "unchanged"
)

// applied is what `schedule apply` did to one schedule, or would do.
type applied struct {
	Sync    string   `json:"sync"`
	Starts  string   `json:"starts"` // sync or maintain
	Action  string   `json:"action"`
	Changes []string `json:"changes,omitempty"`
}

func (a *app) applySchedules(ctx context.Context, dryRun bool) error {
	cfg, err := a.load()
	if err != nil {
		return err
	}
	for _, sync := range cfg.Syncs { // before anything is changed
		if err := checkInput(workflows.SyncInput{Sync: sync}); err != nil && sync.Schedule.Scheduled() {
			return err
		}
	}
	dial := a.dial
	if dryRun {
		dial = a.dialOnly
	}
	c, err := dial(ctx, cfg)
	if err != nil {
		return err
	}
	defer c.Close()
	done, err := applyAll(ctx, c, cfg, dryRun)
	if err != nil {
		if len(done) > 0 {
			a.sayf("before the error: %s", joinChanges(actionsOf(done)))
		}
		return err
	}
	return a.printApplied(done, dryRun)
}

func actionsOf(done []applied) []string {
	actions := make([]string, len(done))
	for i, d := range done {
		actions[i] = d.Starts + " " + d.Sync + " " + d.Action
	}
	return actions
}

// applyAll makes the schedules equal to the configuration. With an error it returns what it did until then; repeating it does
// the rest.
func applyAll(ctx context.Context, c client.Client, cfg *config.Config, dryRun bool) ([]applied, error) {
	refs, err := schedules(ctx, c, cfg)
	if err != nil {
		return nil, err
	}
	done := []applied{}
	for _, ref := range refs {
		step, err := applyOne(ctx, c, cfg, ref, dryRun)
		if err != nil {
			return done, fmt.Errorf("schedule %s: %w", ref, err)
		}
		if step.Action != "" {
			done = append(done, step)
		}
	}
	return done, nil
}

// schedules are those that the configuration asks for, and those of ours that Temporal has, by their syncs.
func schedules(ctx context.Context, c client.Client, cfg *config.Config) ([]scheduleRef, error) {
	found := map[string]scheduleRef{}
	for _, kind := range scheduleKinds {
		for _, sync := range cfg.Syncs {
			ref := scheduleRef{kind, sync.Name}
			if _, wanted := ref.of(cfg); wanted {
				found[ref.id()] = ref
				continue
			}
			// Temporal's list is a moment late: one that was just created may be missing there.
			d, err := ref.handle(ctx, c).Describe(ctx)
			if err == nil && isOurs(d.Memo) {
				found[ref.id()] = ref
			} else if err != nil && !isNotFound(err) {
				return nil, fmt.Errorf("read the schedule %s: %w", ref, err)
			}
		}
	}
	if err := addListed(ctx, c, found); err != nil {
		return nil, err
	}
	return slices.SortedFunc(maps.Values(found), func(a, b scheduleRef) int {
		return cmp.Or(strings.Compare(a.sync, b.sync), -strings.Compare(a.kind.starts, b.kind.starts))
	}), nil
}

// addListed adds the schedules of ours that Temporal lists.
func addListed(ctx context.Context, c client.Client, found map[string]scheduleRef) error {
	entries, err := c.ScheduleClient().List(ctx, client.ScheduleListOptions{})
	if err != nil {
		return fmt.Errorf("list Temporal's schedules: %w", err)
	}
	for entries.HasNext() {
		entry, err := entries.Next()
		if err != nil {
			return fmt.Errorf("list Temporal's schedules: %w", err)
		}
		for _, kind := range scheduleKinds {
			if name, ok := strings.CutPrefix(entry.ID, kind.id("")); ok && isOurs(entry.Memo) {
				found[entry.ID] = scheduleRef{kind, name}
			}
		}
	}
	return nil
}

func applyOne(ctx context.Context, c client.Client, cfg *config.Config, ref scheduleRef, dryRun bool) (applied, error) {
	step := applied{Sync: ref.sync, Starts: ref.kind.starts}
	sync, wanted := ref.of(cfg)
	handle := ref.handle(ctx, c)
	have, err := handle.Describe(ctx)
	switch {
	case isNotFound(err) && !wanted: // deleted a moment ago
		return step, nil
	case isNotFound(err):
		step.Action, step.Changes = scheduleCreated, []string{describeSchedule(sync.Schedule)}
		return step, unless(dryRun, func() error {
			_, err := c.ScheduleClient().Create(ctx, ref.kind.desired(sync))
			return err
		})
	case err != nil:
		return step, err
	case !isOurs(have.Memo):
		return step, fmt.Errorf("Temporal has a schedule %q that tributary did not make; delete it, or rename the sync", ref.id())
	case !wanted:
		step.Action = scheduleDeleted
		return step, unless(dryRun, func() error { return handle.Delete(ctx) })
	}
	if step.Changes, err = ref.kind.changes(have, sync); err != nil {
		return step, err
	}
	if step.Action = scheduleUnchanged; len(step.Changes) == 0 {
		return step, nil
	}
	step.Action = scheduleUpdated
	return step, unless(dryRun, func() error { return ref.kind.update(ctx, handle, sync) })
}

func unless(dryRun bool, do func() error) error {
	if dryRun {
		return nil
	}
	return do()
}

// update replaces all of a schedule but whether it is paused, which a person may have chosen, unless the configuration changed its
// mind about that.
func (k scheduleKind) update(ctx context.Context, handle client.ScheduleHandle, sync config.Sync) error {
	return handle.Update(ctx, client.ScheduleUpdateOptions{DoUpdate: func(in client.ScheduleUpdateInput) (*client.ScheduleUpdate, error) {
		want := k.desired(sync)
		state := in.Description.Schedule.State
		if appliedPaused(&in.Description) != sync.Schedule.Paused {
			state.Paused, state.Note = sync.Schedule.Paused, "as the configuration says"
		}
		return &client.ScheduleUpdate{Schedule: &client.Schedule{
			Action: want.Action, Spec: &want.Spec, State: state,
			Policy: &client.SchedulePolicies{Overlap: want.Overlap, CatchupWindow: want.CatchupWindow, PauseOnFailure: want.PauseOnFailure},
		}}, nil
	}})
}

func (a *app) printApplied(done []applied, dryRun bool) error {
	if a.json() {
		return a.writeJSON(struct {
			DryRun    bool      `json:"dry_run"`
			Schedules []applied `json:"schedules"`
		}{dryRun, done})
	}
	if dryRun {
		a.sayf("dry run: nothing was changed")
	}
	if len(done) == 0 {
		a.sayf("no sync has a schedule")
		return nil
	}
	g := a.table("sync", "starts", "action", "what")
	for _, d := range done {
		g.row(d.Sync, d.Starts, a.status(a.out, d.Action), joinChanges(d.Changes))
	}
	return g.flush()
}

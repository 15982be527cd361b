package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"go.temporal.io/api/common/v1"
	"go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"

	"tributary/config"
	"tributary/workflows"
)

// changes says what differs between the schedule that is there and the one that the part of a sync asks for, in words;
// nothing when they are equal.
func (k scheduleKind) changes(have *client.ScheduleDescription, sync config.Sync) ([]string, error) {
	want := k.desired(sync)
	var changes []string
	note := func(what string, have, want any) {
		if have != want {
			changes = append(changes, fmt.Sprintf("%s: %v → %v", what, have, want))
		}
	}
	haveTimes, err := timesOf(*have.Schedule.Spec)
	if err != nil {
		return nil, err
	}
	wantTimes, err := timesOf(want.Spec)
	if err != nil {
		return nil, err
	}
	applied := appliedInput(have)
	if haveTimes != wantTimes {
		before := "changed elsewhere"
		if applied != nil && describeSchedule(applied.Sync.Schedule) != describeSchedule(sync.Schedule) {
			before = describeSchedule(applied.Sync.Schedule)
		}
		note("times", before, describeSchedule(sync.Schedule))
	}
	note("time zone", zone(have.Schedule.Spec.TimeZoneName), zone(want.Spec.TimeZoneName))
	note("jitter", shortDuration(have.Schedule.Spec.Jitter), shortDuration(want.Spec.Jitter))
	note("overlap", overlapName(have.Schedule.Policy.Overlap), overlapName(want.Overlap))
	note("catch-up", shortDuration(have.Schedule.Policy.CatchupWindow), shortDuration(want.CatchupWindow))
	note("pause on failure", have.Schedule.Policy.PauseOnFailure, want.PauseOnFailure)
	if appliedPaused(have) != sync.Schedule.Paused {
		note("paused", appliedPaused(have), sync.Schedule.Paused)
	}
	action, err := k.actionChanges(have, sync, applied)
	if changes = append(changes, action...); err != nil || len(changes) > 0 {
		return changes, err
	}
	return rawChanges(have, k.input(sync))
}

// zone is a time zone's name; Temporal's "" is UTC.
func zone(name string) string {
	if name == "" {
		return "UTC"
	}
	return name
}

func overlapName(policy enums.ScheduleOverlapPolicy) string {
	for name, p := range overlaps {
		if p == policy {
			return name
		}
	}
	return policy.String()
}

// actionChanges compares what the schedule starts.
func (k scheduleKind) actionChanges(d *client.ScheduleDescription, want config.Sync, applied *workflows.SyncInput) ([]string, error) {
	have, ok := d.Schedule.Action.(*client.ScheduleWorkflowAction)
	if !ok || applied == nil {
		return []string{"action: not one that this version made"}, nil
	}
	var changes []string
	for _, c := range []struct{ what, have, want string }{
		{"workflow", fmt.Sprint(have.Workflow), k.name}, {"workflow id", have.ID, k.id(want.Name)}, {"task queue", have.TaskQueue, workflows.ControlQueue},
	} {
		if c.have != c.want {
			changes = append(changes, fmt.Sprintf("%s: %s → %s", c.what, c.have, c.want))
		}
	}
	input, err := inputChanges(*applied, workflows.SyncInput{Sync: want})
	return append(changes, input...), err
}

// inputChanges names the parts of a sync's configuration that differ, tables by their names.
func inputChanges(have, want workflows.SyncInput) ([]string, error) {
	haveParts, err := parts(have)
	if err != nil {
		return nil, err
	}
	wantParts, err := parts(want)
	if err != nil {
		return nil, err
	}
	var changes []string
	all := maps.Clone(haveParts)
	maps.Copy(all, wantParts)
	for _, name := range slices.Sorted(maps.Keys(all)) {
		before, had := haveParts[name]
		after, has := wantParts[name]
		switch {
		case !had:
			changes = append(changes, name+" added")
		case !has:
			changes = append(changes, name+" removed")
		case !bytes.Equal(before, after):
			changes = append(changes, name+" changed")
		}
	}
	return changes, nil
}

// parts are the parts of a sync's input by name, as JSON.
func parts(in workflows.SyncInput) (map[string]json.RawMessage, error) {
	all := map[string]json.RawMessage{}
	for _, spec := range in.Sync.Tables {
		data, err := json.Marshal(spec)
		if err != nil {
			return nil, err
		}
		all["table "+spec.Target] = data
	}
	in.Sync.Tables = nil
	in.Sync.Schedule = config.Schedule{} // compared on its own
	sync, err := json.Marshal(in.Sync)
	if err != nil {
		return nil, err
	}
	rest, err := json.Marshal(workflows.SyncInput{Select: in.Select, Mode: in.Mode})
	if err != nil {
		return nil, err
	}
	all["selection"] = rest
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(sync, &fields); err != nil {
		return nil, err
	}
	maps.Copy(all, fields)
	return all, nil
}

// rawChanges compares the input as it is kept with the one that would be: what this version cannot read, such as a
// key of another version, shows in the text only.
func rawChanges(d *client.ScheduleDescription, want any) ([]string, error) {
	action, ok := d.Schedule.Action.(*client.ScheduleWorkflowAction)
	if !ok || len(action.Args) != 1 {
		return nil, nil
	}
	kept, ok := action.Args[0].(*common.Payload)
	if !ok {
		return nil, nil
	}
	wanted, err := converter.GetDefaultDataConverter().ToPayload(want)
	if err != nil || bytes.Equal(kept.GetData(), wanted.GetData()) {
		return nil, err
	}
	return []string{"input as this version writes it"}, nil
}

func joinChanges(changes []string) string { return strings.Join(changes, "; ") }

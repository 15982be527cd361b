package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/robfig/cron/v3"
	"go.temporal.io/api/common/v1"
	"go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"

	"tributary/config"
	"tributary/workflows"
)

// Memos of ours. managedBy is on the schedule, pausedMemo on the workflows that it starts, since a schedule's own
// memo cannot be changed.
const (
	managedBy  = "managed_by"
	manager    = "tributary"
	pausedMemo = "schedule_paused" // what schedule.paused was when it was last applied
)

var overlaps = map[string]enums.ScheduleOverlapPolicy{
	config.OverlapSkip:        enums.SCHEDULE_OVERLAP_POLICY_SKIP,
	config.OverlapBufferOne:   enums.SCHEDULE_OVERLAP_POLICY_BUFFER_ONE,
	config.OverlapBufferAll:   enums.SCHEDULE_OVERLAP_POLICY_BUFFER_ALL,
	config.OverlapCancelOther: enums.SCHEDULE_OVERLAP_POLICY_CANCEL_OTHER,
	config.OverlapAllowAll:    enums.SCHEDULE_OVERLAP_POLICY_ALLOW_ALL,
}

// scheduleKind is one of the two schedules that a sync may have: of itself, and of the maintenance of its tables.
type scheduleKind struct {
	starts   string                   // in words
	id       func(sync string) string // of the schedule and, with the time added, of the workflows that it starts
	name     string                   // of the workflow
	workflow any
	part     func(config.Sync) config.Sync // what its workflows get of the sync, with its times as the Schedule
	input    func(part config.Sync) any
}

var scheduleKinds = []scheduleKind{
	{
		"sync", workflows.SyncID, "Sync", workflows.Sync,
		func(s config.Sync) config.Sync { s.Maintain = config.Maintain{}; return s },
		func(part config.Sync) any { return workflows.SyncInput{Sync: part} },
	},
	{
		"maintain", workflows.MaintainID, "Maintain", workflows.Maintain,
		func(s config.Sync) config.Sync { return workflows.Maintenance(s).Sync },
		func(part config.Sync) any { return workflows.MaintainInput{Sync: part} },
	},
}

// kindOf is the schedule of a sync itself, or that of its maintenance.
func kindOf(maintain bool) scheduleKind {
	if maintain {
		return scheduleKinds[1]
	}
	return scheduleKinds[0]
}

// scheduleRef names a schedule.
type scheduleRef struct {
	kind scheduleKind
	sync string
}

// String is how messages go on after "the schedule".
func (r scheduleRef) String() string {
	if r.kind.starts == "sync" {
		return "of sync " + r.sync
	}
	return "of the maintenance of sync " + r.sync
}

func (r scheduleRef) id() string { return r.kind.id(r.sync) }

func (r scheduleRef) handle(ctx context.Context, c client.Client) client.ScheduleHandle {
	return c.ScheduleClient().GetHandle(ctx, r.id())
}

// of is the part of the sync that the schedule goes by, and whether the configuration asks for the schedule.
func (r scheduleRef) of(cfg *config.Config) (part config.Sync, wanted bool) {
	sync, err := cfg.Sync(r.sync)
	if err != nil {
		return part, false
	}
	part = r.kind.part(sync)
	return part, part.Schedule.Scheduled()
}

// desired is the schedule that the part of a sync's configuration asks for.
func (k scheduleKind) desired(sync config.Sync) client.ScheduleOptions {
	s := sync.Schedule
	spec := client.ScheduleSpec{Jitter: s.Jitter, TimeZoneName: s.TimeZone}
	if s.Cron != "" {
		spec.CronExpressions = []string{s.Cron}
	} else {
		spec.Intervals = []client.ScheduleIntervalSpec{{Every: s.Every}}
	}
	return client.ScheduleOptions{
		ID: k.id(sync.Name), Spec: spec,
		Overlap: overlaps[s.Overlap], CatchupWindow: s.CatchUp, Paused: s.Paused,
		Memo: map[string]any{managedBy: manager},
		Action: &client.ScheduleWorkflowAction{
			ID: k.id(sync.Name), Workflow: k.workflow, TaskQueue: workflows.ControlQueue,
			Args:                  []any{k.input(sync)},
			Memo:                  map[string]any{pausedMemo: s.Paused},
			TypedSearchAttributes: temporal.NewSearchAttributes(workflows.SearchSync.ValueSet(sync.Name)),
		},
	}
}

// isOurs says whether a schedule's memo is one of ours.
func isOurs(memo *common.Memo) bool {
	var value string
	payload := memo.GetFields()[managedBy]
	return payload != nil && converter.GetDefaultDataConverter().FromPayload(payload, &value) == nil && value == manager
}

// appliedInput is the input that a schedule's runs get, or nil when it is none of ours. That of a maintenance reads as that of
// a sync.
func appliedInput(d *client.ScheduleDescription) *workflows.SyncInput {
	action, ok := d.Schedule.Action.(*client.ScheduleWorkflowAction)
	if !ok || len(action.Args) != 1 {
		return nil
	}
	payload, ok := action.Args[0].(*common.Payload)
	var in workflows.SyncInput
	if !ok || converter.GetDefaultDataConverter().FromPayload(payload, &in) != nil {
		return nil
	}
	return &in
}

// appliedPaused is what schedule.paused was when the schedule was last applied.
func appliedPaused(d *client.ScheduleDescription) bool {
	action, ok := d.Schedule.Action.(*client.ScheduleWorkflowAction)
	if !ok {
		return false
	}
	payload, ok := action.Memo[pausedMemo].(*common.Payload)
	var paused bool
	return ok && converter.GetDefaultDataConverter().FromPayload(payload, &paused) == nil && paused
}

// times is when a schedule runs, in a form that can be compared: Temporal turns cron expressions into calendars.
type times struct {
	minute, hour, dom, month, dow uint64 // bit n for the value n
	other                         string // what is neither a cron of five fields nor a single interval
	every                         time.Duration
}

// timesOfCron never fails on an expression that package config has accepted.
func timesOfCron(expression string) (times, error) {
	parsed, err := cron.ParseStandard(expression)
	if err != nil {
		return times{}, err
	}
	s, ok := parsed.(*cron.SpecSchedule)
	if !ok {
		return times{}, fmt.Errorf("cron %q is no calendar", expression)
	}
	const star = 1 << 63 // the parser notes there that the field was *
	return times{minute: s.Minute &^ star, hour: s.Hour &^ star, dom: s.Dom &^ star, month: s.Month &^ star, dow: s.Dow &^ star}, nil
}

func timesOf(spec client.ScheduleSpec) (times, error) {
	if len(spec.CronExpressions) == 1 {
		return timesOfCron(spec.CronExpressions[0])
	}
	other := times{other: fmt.Sprintf("%d calendars, %d intervals, %d skips", len(spec.Calendars), len(spec.Intervals), len(spec.Skip))}
	switch {
	case len(spec.Skip) > 0 || !spec.StartAt.IsZero() || !spec.EndAt.IsZero():
		return other, nil
	case len(spec.Intervals) == 1 && len(spec.Calendars) == 0 && spec.Intervals[0].Offset == 0:
		return times{every: spec.Intervals[0].Every}, nil
	case len(spec.Calendars) != 1 || len(spec.Intervals) > 0:
		return other, nil
	}
	c := spec.Calendars[0]
	if bits(c.Second) != 1 || len(c.Year) > 0 {
		return other, nil
	}
	return times{minute: bits(c.Minute), hour: bits(c.Hour), dom: bits(c.DayOfMonth), month: bits(c.Month), dow: bits(c.DayOfWeek)}, nil
}

// bits sets bit n for every value n of ranges.
func bits(ranges []client.ScheduleRange) uint64 {
	var set uint64
	for _, r := range ranges {
		for n := r.Start; n <= max(r.Start, r.End); n += max(r.Step, 1) {
			set |= 1 << n
		}
	}
	return set
}

// lower makes a word of an enum fit into a table: "TimedOut" becomes "timed out".
func lower(word string) string {
	var b strings.Builder
	for i, r := range word {
		if i > 0 && r >= 'A' && r <= 'Z' {
			b.WriteByte(' ')
		}
		b.WriteString(strings.ToLower(string(r)))
	}
	return b.String()
}

// shortDuration leaves zero minutes and seconds out: 24h, not 24h0m0s.
func shortDuration(d time.Duration) string {
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

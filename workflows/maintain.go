package workflows

import (
	"fmt"
	"strings"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"tributary/activities"
	"tributary/config"
	"tributary/internal/lake"
	"tributary/internal/table"
)

// MaintainInput is the part of a sync that its maintenance goes by: see Maintenance.
type MaintainInput struct {
	Sync config.Sync `json:"sync"`
}

// Maintenance is the input of a sync's Maintain. Its Sync has only what Maintain needs, so that another edit of the
// configuration leaves it equal, and its Schedule is the one of the maintenance.
func Maintenance(sync config.Sync) MaintainInput {
	part := config.Sync{
		Name: sync.Name, Schedule: sync.Maintain.Schedule, Target: sync.Target,
		Retry: sync.Retry, Timeouts: sync.Timeouts, Maintain: sync.Maintain,
	}
	part.Maintain.Schedule = config.Schedule{}
	for _, spec := range sync.Tables {
		for _, target := range spec.Targets() {
			part.Tables = append(part.Tables, table.Spec{Name: spec.Name, Target: target, ZOrderBy: spec.ZOrderBy})
		}
	}
	return MaintainInput{Sync: part}
}

// Tables are the sync's central tables and Tributary's log.
func (in MaintainInput) Tables() []table.Spec {
	return append(in.Sync.Tables[:len(in.Sync.Tables):len(in.Sync.Tables)], table.Spec{Target: lake.SyncLog}, table.Spec{Target: lake.SyncRuns})
}

// Maintained is what became of a maintenance so far; QueryMaintained asks for it.
type Maintained struct {
	Tables []MaintainedTable `json:"tables"`           // in the order of the configuration, then the log
	Of     int               `json:"of"`               // how many tables there are
	Swept  int               `json:"swept"`            // staged batches that were left behind, and were removed
	Errors []string          `json:"errors,omitempty"` // of what concerns no table
}

// MaintainedTable is what became of one table.
type MaintainedTable struct {
	Table   string        `json:"table"`
	Status  string        `json:"status"` // table.StatusOK, StatusFailed, StatusCancelled, or StatusSkipped where there is no such table yet
	Before  int           `json:"files_before"`
	After   int           `json:"files_after"`
	Deleted int           `json:"files_vacuumed"` // -1 when the lake does not count them
	Took    time.Duration `json:"took"`
	Error   string        `json:"error,omitempty"`
}

// QueryMaintained is the query that Maintain answers with Maintained.
const QueryMaintained = "maintained"

// ErrorMaintainFailed is the type of the error that Maintain ends with when anything failed. Its detail is Maintained.
const ErrorMaintainFailed = "MaintainFailed"

// Maintain puts the small files of a sync's central tables together, deletes the files that they no longer need, one table
// after the other, and removes what was left staged. It fails when anything failed, after all is done.
func Maintain(ctx workflow.Context, in MaintainInput) (Maintained, error) {
	m := &maintenance{in: in, done: Maintained{Tables: []MaintainedTable{}, Of: len(in.Tables())}}
	if err := workflow.SetQueryHandler(ctx, QueryMaintained, func() (Maintained, error) { return m.done, nil }); err != nil {
		return m.done, err
	}
	for _, spec := range in.Tables() {
		if ctx.Err() != nil {
			break
		}
		m.done.Tables = append(m.done.Tables, m.table(ctx, spec))
	}
	m.sweep(ctx)
	return m.done, m.verdict(ctx)
}

type maintenance struct {
	in   MaintainInput
	done Maintained
}

func (m *maintenance) table(ctx workflow.Context, spec table.Spec) MaintainedTable {
	result := MaintainedTable{Table: spec.Target, Status: table.StatusOK}
	began := workflow.Now(ctx)
	missing, err := m.optimize(ctx, spec, &result)
	if !missing && !temporal.IsCanceledError(err) { // whether or not the files could be put together
		gone, vacuumErr := m.vacuum(ctx, spec, &result)
		missing = gone
		if err == nil {
			err = vacuumErr
		}
	}
	result.Took = workflow.Now(ctx).Sub(began)
	switch {
	case err != nil:
		result.Status, result.Error = statusOf(err), m.text(err)
	case missing:
		result.Status, result.Error = table.StatusSkipped, "there is no such table yet"
	}
	return result
}

func (m *maintenance) optimize(ctx workflow.Context, spec table.Spec, result *MaintainedTable) (missing bool, err error) {
	if !m.in.Sync.Maintain.Optimize {
		return false, nil
	}
	var a *activities.Activities
	var optimized activities.Optimized
	in := activities.OptimizeInput{Schema: m.in.Sync.Target.Central(), Table: spec.Target, ZOrderBy: spec.ZOrderBy}
	err = workflow.ExecuteActivity(lakeOptions(ctx, m.in.Sync), a.Optimize, in).Get(ctx, &optimized)
	result.Before, result.After = optimized.Before, optimized.After
	return optimized.Missing, err
}

func (m *maintenance) vacuum(ctx workflow.Context, spec table.Spec, result *MaintainedTable) (missing bool, err error) {
	if !m.in.Sync.Maintain.Vacuum {
		return false, nil
	}
	var a *activities.Activities
	var vacuumed activities.Vacuumed
	in := activities.VacuumInput{Schema: m.in.Sync.Target.Central(), Table: spec.Target, Retention: m.in.Sync.Maintain.Retention}
	err = workflow.ExecuteActivity(lakeOptions(ctx, m.in.Sync), a.Vacuum, in).Get(ctx, &vacuumed)
	result.Deleted = vacuumed.Deleted
	return vacuumed.Missing, err
}

func (m *maintenance) sweep(ctx workflow.Context) {
	if ctx.Err() != nil {
		return
	}
	var a *activities.Activities
	var swept activities.Swept
	in := activities.SweepInput{OlderThan: m.in.Sync.Maintain.Staging}
	if err := workflow.ExecuteActivity(lakeOptions(ctx, m.in.Sync), a.Sweep, in).Get(ctx, &swept); err != nil {
		m.done.Errors = append(m.done.Errors, "staged files not swept: "+m.text(err))
	}
	m.done.Swept = swept.Batches
}

// maxTexts bounds how many errors are kept in full, so that a result stays below Temporal's payload limit.
const maxTexts = 100

func (m *maintenance) text(err error) string {
	if m.failed() >= maxTexts {
		return "see the workflow's history"
	}
	return table.Shorten(Reason(err))
}

func (m *maintenance) failed() int {
	failed := len(m.done.Errors)
	for _, t := range m.done.Tables {
		if t.Status == table.StatusFailed {
			failed++
		}
	}
	return failed
}

func (m *maintenance) verdict(ctx workflow.Context) error {
	if ctx.Err() != nil {
		return temporal.NewCanceledError(m.done)
	}
	if m.failed() == 0 {
		return nil
	}
	named := m.done.Errors
	for _, t := range m.done.Tables {
		if t.Status == table.StatusFailed && len(named) < maxNamed {
			named = append(named, t.Table+": "+t.Error)
		}
	}
	return temporal.NewNonRetryableApplicationError(
		fmt.Sprintf("maintenance of sync %s failed: %s", m.in.Sync.Name, strings.Join(named, "; ")), ErrorMaintainFailed, nil, m.done)
}

package activities

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"go.temporal.io/sdk/activity"

	"tributary/internal/lake"
	"tributary/internal/mariadb"
	"tributary/internal/steps"
	"tributary/internal/table"
	"tributary/internal/verify"
)

// VerifyInput is a client table to verify.
type VerifyInput struct {
	Job
	Repair  bool `json:"repair,omitempty"`
	Staging int  `json:"staging"` // how often the run has begun
}

// VerifyResult is what was found, and what to merge in order to repair it.
type VerifyResult struct {
	Report verify.Report `json:"report"`
	// Batches are to be merged one after the other. With any, this worker keeps what VerifyAgain needs, and what is staged
	// stays staged.
	Batches []table.Batch `json:"batches,omitempty"`
}

// Verify compares a client table with its central table. It reads the source as a full load would, onto this
// worker's scratch disk; of the lake it takes checksums and, where they differ, keys. Repeating it is safe: it begins
// anew and changes nothing; only what it returns last is merged.
func (a *Activities) Verify(ctx context.Context, in VerifyInput) (VerifyResult, error) {
	var rows atomic.Int64
	end, err := a.begin(ctx, in.RunID, func() Progress { return Progress{Step: "verify", Rows: rows.Load()} })
	if err != nil {
		return VerifyResult{}, err
	}
	defer end()
	v := verifying{Activities: a, in: in, rows: &rows}
	result, err := v.run(ctx)
	if err != nil {
		return VerifyResult{}, classify(ctx, err)
	}
	if len(result.Batches) == 0 {
		err = errors.Join(a.Scratch.Remove(in.RunID), a.Lake.Unstage(ctx, in.RunID))
	}
	result.Report.Finished = time.Now().UTC()
	return result, classify(ctx, err)
}

// VerifyAgainInput is a repair that was merged.
type VerifyAgainInput struct {
	Job
	verify.Merged
}

// VerifyAgain compares what the source had with what the lake has after a repair, and completes the report. It only reads.
// Repeating it is safe: the workflow removes the scratch folder when it is done.
func (a *Activities) VerifyAgain(ctx context.Context, in VerifyAgainInput) (verify.Report, error) {
	end, err := a.begin(ctx, in.RunID, func() Progress { return Progress{Step: "verify again"} })
	if err != nil {
		return verify.Report{}, err
	}
	defer end()
	report, err := verify.Again(ctx, a.Lake, a.Scratch.Run(in.RunID), in.Merged)
	report.Finished = time.Now().UTC()
	return report, classify(ctx, err)
}

// verifying is one Verify under way.
type verifying struct {
	*Activities
	in   VerifyInput
	rows *atomic.Int64
}

func (v verifying) run(ctx context.Context) (VerifyResult, error) {
	started := time.Now().UTC()
	input, err := v.central(ctx)
	if (errors.Is(err, lake.ErrNotFound) || err == nil) && input.Last.LastSync.IsZero() {
		return VerifyResult{Report: verify.Report{Ref: v.in.Ref, Status: verify.StatusNever, Started: started}}, nil
	}
	if err != nil {
		return VerifyResult{}, err
	}
	if err := v.source(ctx, &input); err != nil {
		return VerifyResult{}, err
	}
	compared, err := verify.Compare(ctx, input)
	if err != nil {
		return VerifyResult{}, err
	}
	var result VerifyResult
	if v.in.Repair && compared.Different() {
		if result.Batches, err = compared.Repair(ctx); err != nil {
			return VerifyResult{}, err
		}
	}
	result.Report = compared.Report()
	result.Report.Started = started
	return result, nil
}

// central reads the sync log, and then which version the central table has: that one has all that was logged, and maybe more.
func (v verifying) central(ctx context.Context) (verify.Input, error) {
	ref := v.in.Ref
	in := verify.Input{
		Lake: v.Lake, Ref: ref, Spec: v.in.Spec, Dir: v.Scratch.Run(v.in.RunID),
		StageID:  fmt.Sprintf("%s/v%d-%d", v.in.RunID, v.in.Staging, activity.GetInfo(ctx).Attempt),
		Progress: v.rows.Store,
	}
	last, err := v.Lake.LastRuns(ctx, ref.Schema, lake.Filter{Client: ref.Client, Region: ref.Region, Tables: []string{ref.Table}})
	if err != nil {
		return in, err
	}
	if len(last) > 0 {
		in.Last = last[0]
	}
	in.Central, err = v.Lake.Describe(ctx, ref.Schema, ref.Table)
	if errors.Is(err, lake.ErrNotFound) && !in.Last.LastSync.IsZero() {
		err = fmt.Errorf("%w: %w; the sync log has a sync of %s at %s, so the next run brings only what has changed since: bring all rows again with: %s",
			verify.ErrUnable, err, ref.Client, in.Last.LastSync.Format(time.DateTime), verify.FullRun(ref))
	}
	if err != nil || v.in.Spec.History != table.HistoryAlso {
		return in, err
	}
	in.Versions, err = v.Lake.Describe(ctx, ref.Schema, v.in.Spec.HistoryTable())
	if errors.Is(err, lake.ErrNotFound) {
		in.Versions, err = lake.Table{}, nil
	}
	return in, err
}

// source reads all rows of the source, and brings them through the same rules and transforms as a sync.
func (v verifying) source(ctx context.Context, input *verify.Input) error {
	source, release, err := v.Sources.Get(ctx, v.in.Client)
	if err != nil {
		return err
	}
	defer release()
	input.Plan, err = v.planOf(ctx, source, ExtractInput{Job: v.in.Job})
	if err != nil {
		return err
	}
	if input.ReadAt, err = clockOf(ctx, source, v.in.Spec); err != nil {
		return err
	}
	if err := os.MkdirAll(input.Dir, 0o700); err != nil {
		return fmt.Errorf("make the run's scratch folder: %w", err)
	}
	whole, spec := input.Plan, v.in.Spec
	whole.Cursor, whole.CursorKind, spec.Cursor = "", "", "" // a cursor in the future, or none, is read too
	raw, err := source.Extract(ctx, mariadb.ExtractRequest{
		Spec: spec, Plan: whole, Dir: v.Scratch.Run(v.in.RunID, "raw"),
		Progress: func(r, _ int64) { v.rows.Store(r) },
	})
	if err != nil {
		return err
	}
	if asRead(v.in.Spec, input.Plan) {
		input.Rows = verify.Rows{Schema: renamed(v.in.Spec, input.Plan.Schema()), Arrow: raw.Files, Count: raw.Rows}
		return nil
	}
	return v.transformed(ctx, input, raw)
}

// asRead says whether the rows reach the lake as they were read, but for names: no rule or transform, and ids that are the
// primary key, so that no two rows share them. Whose a row says that it is, is checked with the rows.
func asRead(spec table.Spec, plan table.Plan) bool {
	return len(spec.Transform)+len(spec.Expect)+len(spec.Fill)+len(spec.IDs) == 0 &&
		!slices.ContainsFunc(plan.Columns, func(c table.SourceColumn) bool {
			return tenantColumn(spec.CentralName(c.Name)) != "" && c.Type != table.String
		})
}

// tenantColumn is the name that a column has which says whose a row is; "" for any other column.
func tenantColumn(name string) string {
	for _, tenant := range []string{table.ClientColumn, table.RegionColumn} {
		if strings.EqualFold(name, tenant) {
			return tenant
		}
	}
	return ""
}

func renamed(spec table.Spec, schema table.Schema) table.Schema {
	for i, c := range schema {
		name := spec.CentralName(c.Name)
		schema[i].Name = cmp.Or(tenantColumn(name), name)
	}
	return schema
}

func (v verifying) transformed(ctx context.Context, input *verify.Input, raw table.Raw) error {
	job, err := v.stepJob(ctx, StepInput{Job: v.in.Job, Plan: input.Plan, Raw: raw}, v.rows.Store)
	if err != nil {
		return err
	}
	validated, err := steps.Validate(ctx, job)
	if err != nil {
		return err
	}
	clean, err := steps.Transform(ctx, job, validated)
	if err != nil {
		return err
	}
	input.Rows = verify.Rows{Schema: clean.Schema, Count: clean.Rows}
	for _, f := range clean.Files {
		input.Rows.Parquet = append(input.Rows.Parquet, f.Path)
	}
	input.Kept = clean.Kept
	return nil
}

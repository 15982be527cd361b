package activities

import (
	"context"
	"fmt"
	"slices"
	"sync/atomic"

	"go.temporal.io/sdk/activity"

	"tributary/internal/steps"
	"tributary/internal/table"
)

// Transform makes the clean rows and stages them at the lake: the first time that rows leave the
// region. Repeating it is safe: each try stages under a batch id of its own, and only the batch
// that is returned is merged.
func (a *Activities) Transform(ctx context.Context, in StepInput) (table.Batch, error) {
	var rows atomic.Int64
	end, err := a.begin(ctx, in.RunID, func() Progress { return Progress{Step: "transform", Rows: rows.Load()} })
	if err != nil {
		return table.Batch{}, err
	}
	defer end()
	job, err := a.stepJob(ctx, in, rows.Store)
	if err != nil {
		return table.Batch{}, classify(ctx, err)
	}
	clean, err := steps.Transform(ctx, job, in.Validated)
	if err != nil {
		return table.Batch{}, classify(ctx, err)
	}
	batch := in.batch(clean)
	batch.ID = fmt.Sprintf("%s/%d-%d", in.RunID, in.Staging, activity.GetInfo(ctx).Attempt)
	staged, err := a.Lake.Stage(ctx, batch.ID, slices.Concat(clean.Files, clean.Kept))
	if err != nil {
		return table.Batch{}, classify(ctx, err)
	}
	batch.Files, batch.Kept = staged[:len(clean.Files)], staged[len(clean.Files):]
	return batch, classify(ctx, a.Scratch.Remove(in.RunID))
}

// batch describes the clean files to the lake, by their central names.
func (in StepInput) batch(clean steps.Transformed) table.Batch {
	central := func(name string) string { return in.Spec.CentralName(name) }
	batch := table.Batch{
		Ref: in.Ref, Schema: clean.Schema, Rows: clean.Rows, Window: in.Raw.Window,
		Reload: in.Raw.Window.Full(), History: in.Spec.History, ReadAt: in.Raw.ReadAt,
		Drift: in.Spec.Drift, PartitionBy: in.Spec.PartitionBy, ClusterBy: in.Spec.ClusterBy, Comment: in.Plan.Comment,
		Properties: in.Spec.Properties,
	}
	for _, id := range in.Plan.IDs {
		batch.Keys = append(batch.Keys, central(id))
	}
	if in.Plan.Cursor != "" {
		batch.Cursor = central(in.Plan.Cursor)
	}
	if in.Spec.Deletes.Column != "" {
		batch.Deleted = central(in.Spec.Deletes.Column)
	}
	if w := in.Raw.Window; in.Raw.Watermark != "" && (w.Kind == table.CursorTime || w.Kind == table.CursorDate) {
		batch.NewerBelow = w.High // not for a backfill, which may be older than what is there; and ids do not go back
	}
	in.setDeletes(&batch)
	return batch
}

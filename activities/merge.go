package activities

import (
	"context"

	"tributary/internal/lake"
	"tributary/internal/table"
)

// Merge brings one batch into its central table, in one commit together with the batches of other clients that
// wait for the same table. Repeating it is safe: merging a batch again changes nothing.
func (a *Activities) Merge(ctx context.Context, batch table.Batch) (lake.MergeResult, error) {
	stop := heartbeat(ctx, func() Progress { return Progress{Step: "merge", Rows: batch.Rows} })
	defer stop()

	results, err := a.Lake.Merge(ctx, []table.Batch{batch})
	if err != nil {
		return lake.MergeResult{}, classify(ctx, err)
	}
	return results[0], nil
}

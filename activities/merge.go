package activities

import (
	"context"

	"tributary/internal/lake"
	"tributary/internal/table"
)

// Merge brings one batch into its central table, in one commit together with the batches of other clients that
// wait for the same table; then, where versions are kept beside it, into their table likewise. It returns what the first of them
// changed. Repeating it is safe: merging a batch again changes nothing in either.
func (a *Activities) Merge(ctx context.Context, batch table.Batch) (lake.MergeResult, error) {
	stop := heartbeat(ctx, func() Progress { return Progress{Step: "merge", Rows: batch.Rows} })
	defer stop()

	var merged []lake.MergeResult
	for _, part := range batch.Parts() {
		results, err := a.Lake.Merge(ctx, []table.Batch{part})
		if err != nil {
			return lake.MergeResult{}, classify(ctx, err)
		}
		merged = append(merged, results...)
	}
	return merged[0], nil
}

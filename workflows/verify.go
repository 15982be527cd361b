package workflows

import (
	"fmt"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"tributary/internal/table"
)

// VerifyMode has a run compare both sides instead of bringing rows.
type VerifyMode struct {
	Run    string `json:"run,omitempty"` // run id of the Verify that it is a part of
	Repair bool   `json:"repair,omitempty"`
}

// VerifyID is the workflow id of a verification of a whole sync: one at a time.
func VerifyID(sync string) string { return "verify/" + sync }

// VerifyTableID is the workflow id of a client table's verification, below the one of its client: verify/daily/eu/acme/orders.
// One that repairs has TableSyncID instead, so that no sync of the client table runs beside it.
func VerifyTableID(parent string, ref table.Ref, repair bool) string {
	if repair {
		return TableSyncID(ref)
	}
	return parent + "/" + ref.Table
}

// ErrorVerifyFailed is the type of the error that Verify ends with when anything differs or could not be compared. Its
// detail is the table.Summary.
const ErrorVerifyFailed = "VerifyFailed"

// Verify compares the source and the lake of every client table of a sync, all regions side by side, as Sync brings
// them, and ends with a summary: OK counts those that are equal. It fails when anything is not, after all is done.
func Verify(ctx workflow.Context, in SyncInput) (table.Summary, error) {
	if in.Mode.Verify == nil {
		in.Mode.Verify = &VerifyMode{}
	}
	mode := *in.Mode.Verify
	mode.Run = workflow.GetInfo(ctx).WorkflowExecution.RunID
	in.Mode.Verify = &mode
	regions, err := listRegions(ctx, in)
	if err != nil {
		return table.Summary{}, err
	}
	progress, err := serveProgress(ctx)
	if err != nil {
		return table.Summary{}, err
	}
	syncRegions(ctx, in, regions, progress)
	s := progress.Summary
	switch {
	case ctx.Err() != nil:
		return s, temporal.NewCanceledError(s)
	case s.Failed+s.Skipped+s.Cancelled > 0:
		message := fmt.Sprintf("verification of sync %s: %d of %d client tables are equal", in.Sync.Name, s.OK, s.OK+s.Skipped+s.Failed+s.Cancelled)
		return s, temporal.NewNonRetryableApplicationError(message, ErrorVerifyFailed, nil, s)
	}
	return s, nil
}

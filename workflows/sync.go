package workflows

import (
	"fmt"
	"slices"
	"strings"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"tributary/activities"
	"tributary/config"
	"tributary/internal/table"
)

// SyncInput is a resolved sync and the part of it to run. A run can be repeated exactly with it.
type SyncInput struct {
	Sync   config.Sync `json:"sync"`
	Select Selection   `json:"select,omitzero"`
	Mode   Mode        `json:"mode,omitzero"`
}

// Selection narrows a run; empty fields select all.
type Selection struct {
	Regions []string `json:"regions,omitempty"`
	Clients []string `json:"clients,omitempty"`
	Tables  []string `json:"tables,omitempty"` // central names
}

// Mode is how a run differs from the usual one.
type Mode struct {
	// From and To are the bounds of a backfill: rows whose cursor is in [From, To) are read, beside the
	// watermark, which stays. Text as in table.Window.
	From string `json:"from,omitempty"`
	To   string `json:"to,omitempty"`
	// Reload reads every row, whatever the cursor, and deletes from the central table what the client no longer has.
	Reload bool `json:"reload,omitempty"`
	// Verify has the run compare both sides instead.
	Verify *VerifyMode `json:"verify,omitempty"`
	// AllowDeletes has the run delete what the source no longer has, however much: see table.Deletes.MaxShare.
	AllowDeletes bool `json:"allow_deletes,omitempty"`
}

// Backfill says whether the run is one.
func (m Mode) Backfill() bool { return m.From != "" || m.To != "" }

// ErrorSyncFailed is the type of the error that Sync ends with when anything failed. Its detail is
// the table.Summary.
const ErrorSyncFailed = "SyncFailed"

// Sync runs one sync, all regions side by side, then what is configured to run after it, and ends with a summary. It fails
// when anything failed, after all is done.
func Sync(ctx workflow.Context, in SyncInput) (table.Summary, error) {
	regions, err := listRegions(ctx, in)
	if err != nil {
		return table.Summary{}, err
	}
	progress, err := serveProgress(ctx)
	if err != nil {
		return table.Summary{}, err
	}
	syncRegions(ctx, in, regions, progress)
	summary := progress.Summary
	summary.After = runAfter(ctx, in, progress)
	return summary, verdict(ctx, in, summary)
}

// regions are the regions that the run is narrowed to; none means all.
func (in SyncInput) regions() []string {
	if len(in.Select.Regions) > 0 {
		return in.Select.Regions
	}
	return in.Sync.Regions
}

// tables are the central tables that the run brings up to date.
func (in SyncInput) tables() []string {
	var names []string
	for _, spec := range selected(in.Sync.Tables, in.Select.Tables) {
		names = append(names, spec.Target)
	}
	return names
}

func listRegions(ctx workflow.Context, in SyncInput) ([]string, error) {
	var a *activities.Activities
	var listed activities.ListRegionsResult
	err := workflow.ExecuteActivity(controlOptions(ctx, in.Sync), a.ListRegions, activities.ListRegionsInput{Only: in.regions()}).Get(ctx, &listed)
	return listed.Regions, err
}

func syncRegions(ctx workflow.Context, in SyncInput, regions []string, progress *Progress) {
	for _, region := range in.regions() {
		if !slices.Contains(regions, region) {
			progress.Summary.Note("the registry has no region " + region)
		}
	}
	parent := workflow.GetInfo(ctx).WorkflowExecution.ID
	part := in
	part.Sync.After, part.Sync.Maintain = nil, config.Maintain{} // of no use to a region
	children := make([]workflow.ChildWorkflowFuture, len(regions))
	for i, region := range regions {
		children[i] = workflow.ExecuteChildWorkflow(regionOptions(ctx, parent, in.Sync, region), RegionSync,
			RegionSyncInput{SyncInput: part, Region: region})
	}
	for i, region := range regions {
		var summary table.Summary
		err := children[i].Get(ctx, &summary)
		progress.merge(summaryOf(summary, err, table.Problem{Region: region}, in))
	}
	if s := &progress.Summary; s.Clients == 0 && s.Failed == 0 {
		s.Note("no client to sync: check the regions and clients of the sync, and the registry")
	}
}

func verdict(ctx workflow.Context, in SyncInput, s table.Summary) error {
	if ctx.Err() != nil {
		return temporal.NewCanceledError(s)
	}
	var failed []string
	if s.Failed > 0 {
		failed = append(failed, fmt.Sprintf("%d of %d client tables failed: %s", s.Failed, s.OK+s.Skipped+s.Failed+s.Cancelled, failures(s)))
	}
	for _, after := range s.After {
		if after.Status == table.StatusFailed {
			failed = append(failed, fmt.Sprintf("%s, which runs after it, failed: %s", after.Name, after.Error))
		}
	}
	if len(failed) == 0 {
		return nil
	}
	return temporal.NewNonRetryableApplicationError(fmt.Sprintf("sync %s: %s", in.Sync.Name, strings.Join(failed, "; ")), ErrorSyncFailed, nil, s)
}

// failures names the clients and regions that failed, with the first reason of each.
func failures(s table.Summary) string {
	var named []string
	seen := map[string]bool{}
	for _, p := range s.Problems {
		who := strings.TrimSuffix(p.Region+"/"+p.Client, "/")
		if p.Status != table.StatusFailed || seen[who] {
			continue
		}
		if seen[who] = true; len(named) == maxNamed {
			return strings.Join(named, "; ") + "; and others, see tributary status"
		}
		named = append(named, fmt.Sprintf("%s: %s: %s", who, p.Table, p.Error))
	}
	return strings.Join(named, "; ")
}

// maxNamed bounds how many of the failed clients an error names.
const maxNamed = 10

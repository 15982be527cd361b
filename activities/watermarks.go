package activities

import (
	"context"

	"tributary/internal/lake"
	"tributary/internal/table"
)

// WatermarksInput names the client tables of one client.
type WatermarksInput struct {
	Schema string   `json:"schema"`
	Client string   `json:"client"`
	Region string   `json:"region"`
	Tables []string `json:"tables"`
}

// WatermarksResult maps a central table to where its last committed window ended. Tables that were never
// synced are absent.
type WatermarksResult struct {
	Watermarks map[string]string `json:"watermarks"`
	// Moved maps a central table to the region in which the client was when it was last synced, where that is another one than now. Such
	// a table has no watermark: the clock and the ids of another server say nothing of this one's.
	Moved map[string]string `json:"moved,omitempty"`
}

// Watermarks reads the sync log. It only reads. This is the first that a run asks of the lake: it may last until a warehouse has started.
func (a *Activities) Watermarks(ctx context.Context, in WatermarksInput) (WatermarksResult, error) {
	stop := heartbeat(ctx, func() Progress { return Progress{Step: "watermarks"} })
	defer stop()

	last, err := a.Lake.LastRuns(ctx, in.Schema, lake.Filter{Client: in.Client, Tables: in.Tables})
	if err != nil {
		return WatermarksResult{}, classify(ctx, err)
	}
	result := WatermarksResult{Watermarks: make(map[string]string, len(last)), Moved: map[string]string{}}
	for _, run := range last {
		switch {
		case run.Region != in.Region:
			result.Moved[run.Table] = run.Region
		case run.Watermark != "":
			result.Watermarks[run.Table] = run.Watermark
		}
	}
	return result, nil
}

// Job is one run of one client table, as every step is given it.
type Job struct {
	RunID  string       `json:"run_id"`
	Ref    table.Ref    `json:"ref"`
	Client table.Client `json:"client"`
	Spec   table.Spec   `json:"spec"`
}

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
}

// Watermarks reads the sync log. It only reads.
func (a *Activities) Watermarks(ctx context.Context, in WatermarksInput) (WatermarksResult, error) {
	last, err := a.Lake.LastRuns(ctx, in.Schema, lake.Filter{Client: in.Client, Region: in.Region, Tables: in.Tables})
	if err != nil {
		return WatermarksResult{}, classify(ctx, err)
	}
	watermarks := make(map[string]string, len(last))
	for _, run := range last {
		if run.Watermark != "" {
			watermarks[run.Table] = run.Watermark
		}
	}
	return WatermarksResult{Watermarks: watermarks}, nil
}

// Job is one run of one client table, as every step is given it.
type Job struct {
	RunID  string       `json:"run_id"`
	Ref    table.Ref    `json:"ref"`
	Client table.Client `json:"client"`
	Spec   table.Spec   `json:"spec"`
}

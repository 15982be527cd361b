package activities

import (
	"context"
	"time"

	"go.temporal.io/sdk/activity"
)

// Progress is what a heartbeat carries: how far a step is. The Web UI shows it for pending
// activities, and `tributary run` reads it.
type Progress struct {
	Step  string `json:"step"`
	Rows  int64  `json:"rows"`
	Bytes int64  `json:"bytes,omitempty"`
	// Chunks are those that a table is read in, and Done how many of them are; 0 for a table that is read in one piece.
	Chunks  int64   `json:"chunks,omitempty"`
	Done    int64   `json:"chunks_done,omitempty"`
	Seconds float64 `json:"seconds"`
}

// heartbeat reports progress every second until the returned function is called or the activity
// ends. Steps shorter than that send none.
func heartbeat(ctx context.Context, progress func() Progress) (stop func()) {
	done := make(chan struct{})
	started := time.Now()
	go func() {
		tick := time.NewTicker(time.Second)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-done:
				return
			case <-tick.C:
				p := progress()
				p.Seconds = time.Since(started).Seconds()
				activity.RecordHeartbeat(ctx, p)
			}
		}
	}()
	return func() { close(done) }
}

package activities

import (
	"context"
	"errors"

	"tributary/internal/table"
)

// LogInput is a run that has ended, however it ended.
type LogInput struct {
	Run table.Run `json:"run"`
}

// Log removes every batch that the run staged, and records the run in sync_runs and sync_log. It removes even when it
// cannot record, and does so first: a full disk may thereby have room for the record. Repeating it is safe: a
// run is recorded once, by its id, and staged files that are gone are no error.
func (a *Activities) Log(ctx context.Context, in LogInput) error {
	stop := heartbeat(ctx, func() Progress { return Progress{Step: "log"} })
	defer stop()

	err := a.Lake.Unstage(ctx, in.Run.RunID)
	return classify(ctx, errors.Join(err, a.Lake.Log(ctx, []table.Run{in.Run})))
}

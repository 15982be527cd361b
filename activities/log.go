package activities

import (
	"context"

	"tributary/internal/table"
)

// LogInput is a run that has ended, however it ended.
type LogInput struct {
	Run table.Run `json:"run"`
}

// Log records the run in sync_runs and sync_log, and then removes every batch that the run staged. Repeating it is
// safe: a run is recorded once, by its id, and staged files that are gone are no error.
func (a *Activities) Log(ctx context.Context, in LogInput) error {
	stop := heartbeat(ctx, func() Progress { return Progress{Step: "log"} })
	defer stop()

	if err := a.Lake.Log(ctx, []table.Run{in.Run}); err != nil {
		return classify(ctx, err)
	}
	return classify(ctx, a.Lake.Unstage(ctx, in.Run.RunID))
}

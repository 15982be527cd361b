package activities

import "context"

// Discard removes what a run that will not go on left on this worker's scratch disk. Repeating it is
// safe: nothing there is no error.
func (a *Activities) Discard(ctx context.Context, job Job) error {
	end, err := a.begin(ctx, job.RunID, func() Progress { return Progress{Step: "discard"} })
	if err != nil {
		return err
	}
	defer end()
	return classify(ctx, a.Scratch.Remove(job.RunID))
}

package activities

import "context"

// Discard removes what a run that will not go on left on this worker's scratch disk. Repeating it is
// safe: nothing there is no error.
func (a *Activities) Discard(ctx context.Context, job Job) error {
	stop := heartbeat(ctx, func() Progress { return Progress{Step: "discard"} })
	defer stop()

	leave, err := a.Scratch.Enter(ctx, job.RunID)
	if err != nil {
		return classify(ctx, err)
	}
	defer leave()
	return classify(ctx, a.Scratch.Remove(job.RunID))
}

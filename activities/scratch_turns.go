package activities

import (
	"context"
	"sync"
)

// turns has the activities of one run follow each other within a process. One that Temporal has given up for lost, as when the process stood
// still and its heartbeats were late, goes on until it learns of it; the next one may have begun in the run's folder, and each would replace or
// remove the other's files.
type turns struct {
	mu   sync.Mutex
	busy map[string]chan struct{} // by run; closed when its activity has ended
}

// Enter waits until no other activity of this process works in the run's folder. An error is the cause of ctx's end.
func (s *Scratch) Enter(ctx context.Context, runID string) (leave func(), err error) {
	for {
		if ctx.Err() != nil { // who is given up while it waits does not get its turn
			return nil, context.Cause(ctx)
		}
		left, busy := s.turns.take(runID)
		if !busy {
			return func() { s.turns.leave(runID, left) }, nil
		}
		select {
		case <-left:
		case <-ctx.Done():
		}
	}
}

// begin starts an activity that works in its run's folder: it heartbeats, and waits until no other one works there. end ends both.
func (a *Activities) begin(ctx context.Context, runID string, progress func() Progress) (end func(), err error) {
	stop := heartbeat(ctx, progress)
	leave, err := a.Scratch.Enter(ctx, runID)
	if err != nil {
		stop()
		return nil, classify(ctx, err)
	}
	return func() {
		leave()
		stop()
	}, nil
}

// take returns the channel of who has the run's folder: of the caller, unless it is busy.
func (t *turns) take(runID string) (left chan struct{}, busy bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if left, busy = t.busy[runID]; busy {
		return left, true
	}
	if t.busy == nil {
		t.busy = map[string]chan struct{}{}
	}
	left = make(chan struct{})
	t.busy[runID] = left
	return left, false
}

func (t *turns) leave(runID string, left chan struct{}) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.busy, runID)
	close(left)
}

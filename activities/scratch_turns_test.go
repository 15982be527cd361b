package activities

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/worker"
)

func TestActivitiesOfOneRunFollowEachOther(t *testing.T) {
	scratch, err := OpenScratch(t.TempDir())
	require.NoError(t, err)
	leave, err := scratch.Enter(t.Context(), "run")
	require.NoError(t, err)

	t.Run("OK another run's", func(t *testing.T) {
		leave, err := scratch.Enter(t.Context(), "other")
		require.NoError(t, err)
		leave()
	})
	t.Run("Err its caller gives it up too", func(t *testing.T) {
		lost := errors.New("nobody waits for it")
		ctx, giveUp := context.WithCancelCause(t.Context())
		go giveUp(lost)
		_, err := scratch.Enter(ctx, "run")
		require.ErrorIs(t, err, lost)
	})
	t.Run("OK many that wait", func(t *testing.T) {
		var inside, entered atomic.Int32
		var all sync.WaitGroup
		for range 8 {
			all.Go(func() {
				leave, err := scratch.Enter(t.Context(), "run")
				assert.NoError(t, err)
				assert.EqualValues(t, 1, inside.Add(1))
				entered.Add(1)
				inside.Add(-1)
				leave()
			})
		}
		require.Zero(t, entered.Load())
		leave()
		all.Wait()
		require.EqualValues(t, 8, entered.Load())
	})
	require.Empty(t, scratch.turns.busy)
}

// TestStepsWaitForTheirRunsFolder has each step that works in a run's folder begin, and be given up, while another has it.
func TestStepsWaitForTheirRunsFolder(t *testing.T) {
	scratch, err := OpenScratch(t.TempDir())
	require.NoError(t, err)
	job := Job{RunID: "run"}
	leave, err := scratch.Enter(t.Context(), job.RunID)
	require.NoError(t, err)
	defer leave()
	a := &Activities{Scratch: scratch} // nothing else is asked before it is their turn
	givenUp, giveUp := context.WithCancel(t.Context())
	giveUp()
	for name, step := range map[string]struct{ do, input any }{
		"Extract":     {a.Extract, ExtractInput{Job: job}},
		"Validate":    {a.Validate, StepInput{Job: job}},
		"Transform":   {a.Transform, StepInput{Job: job}},
		"Verify":      {a.Verify, VerifyInput{Job: job}},
		"VerifyAgain": {a.VerifyAgain, VerifyAgainInput{Job: job}},
		"Discard":     {a.Discard, job},
	} {
		t.Run(name, func(t *testing.T) {
			env := (&testsuite.WorkflowTestSuite{}).NewTestActivityEnvironment()
			env.SetWorkerOptions(worker.Options{BackgroundActivityContext: givenUp})
			env.RegisterActivity(a)
			_, err := env.ExecuteActivity(step.do, step.input)
			require.ErrorContains(t, err, "canceled")
		})
	}
}

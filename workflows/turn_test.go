package workflows

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"

	"tributary/activities"
	"tributary/internal/lake"
	"tributary/internal/table"
)

func TestMergesOfAClientTableAreAskedForInTurn(t *testing.T) {
	t.Run("OK: one that comes late has its run begin again", func(t *testing.T) {
		env, a := newEnv(t), &steppedActivities{}
		var asked []time.Time
		a.Merge = func(batch table.Batch) (lake.MergeResult, error) {
			asked = append(asked, batch.Scheduled)
			if len(asked) == 1 {
				return lake.MergeResult{}, temporal.NewNonRetryableApplicationError("merged out of turn", activities.ErrorRestage, nil)
			}
			return lake.MergeResult{}, nil
		}
		a.register(env)
		env.ExecuteWorkflow(TableSync, ordersOf("acme"))
		require.NoError(t, env.GetWorkflowError())
		require.Len(t, asked, 2)
		require.False(t, asked[0].IsZero())
		require.False(t, asked[0].Before(a.runs()[0].Started))
		require.False(t, asked[1].Before(asked[0]))
	})

	t.Run("OK: a backfill has no turn", func(t *testing.T) {
		env, a := newEnv(t), &steppedActivities{}
		merged := false
		a.Merge = func(batch table.Batch) (lake.MergeResult, error) {
			merged = true
			require.True(t, batch.Scheduled.IsZero())
			return lake.MergeResult{}, nil
		}
		a.register(env)
		in := ordersOf("acme")
		in.Mode.From = "2025-01-01 00:00:00.000000"
		env.ExecuteWorkflow(TableSync, in)
		require.NoError(t, env.GetWorkflowError())
		require.True(t, merged)
	})
}

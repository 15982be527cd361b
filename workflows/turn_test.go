package workflows

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"tributary/activities"
	"tributary/internal/lake"
	"tributary/internal/table"
)

func TestMergesOfAClientTableAreAskedForInTurn(t *testing.T) {
	t.Run("OK: one that comes late has its run begin again", func(t *testing.T) {
		env, a := newEnv(t), &steppedActivities{}
		var asked []time.Time
		var named *activities.Activities
		env.OnActivity(named.Merge, mock.Anything, mock.Anything).After(time.Second).Return(func(_ context.Context, batch table.Batch) (lake.MergeResult, error) {
			asked = append(asked, batch.Scheduled)
			if len(asked) == 1 {
				return lake.MergeResult{}, temporal.NewNonRetryableApplicationError("merged out of turn", activities.ErrorLate, nil)
			}
			return lake.MergeResult{}, nil
		})
		a.register(env)
		env.ExecuteWorkflow(TableSync, ordersOf("acme"))
		require.NoError(t, env.GetWorkflowError())
		require.Len(t, asked, 2)
		require.False(t, asked[0].IsZero())
		require.False(t, asked[0].Before(a.runs()[0].Started))
		require.True(t, asked[1].After(asked[0]), "the second is asked for by itself")
	})

	t.Run("Err: one that comes late twice reads no third time", func(t *testing.T) {
		env, a := newEnv(t), &steppedActivities{}
		merges := 0
		a.Merge = func(table.Batch) (lake.MergeResult, error) {
			merges++
			return lake.MergeResult{}, temporal.NewNonRetryableApplicationError("merged out of turn", activities.ErrorLate, nil)
		}
		a.register(env)
		env.ExecuteWorkflow(TableSync, ordersOf("acme"))
		require.ErrorContains(t, env.GetWorkflowError(), "merged out of turn")
		require.Equal(t, 2, merges)
		require.Equal(t, table.StatusFailed, a.runs()[0].Status)
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

func TestARunAfterAMoveReadsAllAndDeletesOtherRegions(t *testing.T) {
	const from = "2025-01-01 00:00:00.000000"
	for name, test := range map[string]struct {
		movedFrom    string
		mode         Mode
		moved, noted bool
	}{
		"OK":            {movedFrom: "us", moved: true, noted: true},
		"OKFull":        {mode: Mode{Reload: true}, moved: true},
		"OKIncremental": {},
		"OKBackfill":    {mode: Mode{From: from}},
	} {
		t.Run(name, func(t *testing.T) {
			env, a := newEnv(t), &steppedActivities{}
			var merged []table.Batch
			a.Merge = func(batch table.Batch) (lake.MergeResult, error) {
				merged = append(merged, batch)
				return lake.MergeResult{}, nil
			}
			a.register(env)
			in := ordersOf("acme")
			in.MovedFrom, in.Mode, in.Spec.Deletes.MaxShare = test.movedFrom, test.mode, 0.5
			env.ExecuteWorkflow(TableSync, in)
			require.NoError(t, env.GetWorkflowError())
			require.Len(t, merged, 1)
			require.Equal(t, test.moved, merged[0].Moved)
			if test.moved {
				require.InDelta(t, 0.5, merged[0].MaxDeleteShare, 0)
			}
			notes := a.runs()[0].Notes
			if !test.noted {
				require.Empty(t, notes)
				return
			}
			require.Equal(t, []string{"the client moved here from region us: the table's rows of other regions were deleted"}, notes)
		})
	}
}

func TestTablesOfAClientThatMovedSayFromWhere(t *testing.T) {
	env := newEnv(t)
	var a *activities.Activities
	env.OnActivity(a.Watermarks, mock.Anything, mock.Anything).Return(
		activities.WatermarksResult{Watermarks: map[string]string{"customers": "7"}, Moved: map[string]string{"orders": "us"}}, nil)
	var started []string
	env.OnWorkflow(TableSync, mock.Anything, mock.Anything).Return(func(_ workflow.Context, in TableSyncInput) (table.Run, error) {
		started = append(started, in.Ref.Table+" "+in.Ref.Region+" from "+in.MovedFrom+" at "+in.Watermark)
		return table.Run{Ref: in.Ref, Status: table.StatusOK}, nil
	})
	env.ExecuteWorkflow(ClientSync, ClientSyncInput{SyncInput: SyncInput{Sync: daily()}, Client: table.Client{ID: "acme", Region: "eu"}})
	require.NoError(t, env.GetWorkflowError())
	require.ElementsMatch(t, []string{"orders eu from us at ", "customers eu from  at 7"}, started)
}

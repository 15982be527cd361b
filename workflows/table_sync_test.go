package workflows

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"

	"tributary/activities"
	"tributary/internal/lake"
	"tributary/internal/steps"
	"tributary/internal/table"
)

func TestTableSync(t *testing.T) {
	t.Run("OK: the run is logged with its counts and the new watermark", func(t *testing.T) {
		env, a := newEnv(t), &steppedActivities{}
		a.Validate = func(activities.StepInput) (steps.Validated, error) {
			return steps.Validated{Counts: table.Counts{Quarantined: 2, Warned: 3, Deduped: 4}}, nil
		}
		a.register(env)
		env.ExecuteWorkflow(TableSync, ordersOf("acme"))
		require.NoError(t, env.GetWorkflowError())
		require.Len(t, a.runs(), 1)
		run := a.runs()[0]
		require.Equal(t, table.StatusOK, run.Status)
		require.Equal(t, "2026-01-02 00:00:00.000000", run.Watermark)
		require.Equal(t, "2026-01-01 00:00:00.000000", run.Window.Low)
		require.Equal(t, table.Counts{Read: 1, Deduped: 4, Quarantined: 2, Warned: 3, Staged: 1, Inserted: 1}, run.Counts)
		require.ElementsMatch(t, []string{"extract", "validate", "transform", "merge"}, keysOf(run.Steps))
	})

	t.Run("OK: a window without rows is logged and nothing else", func(t *testing.T) {
		env, a := newEnv(t), &steppedActivities{}
		a.Extract = func(in activities.ExtractInput) (activities.ExtractResult, error) {
			result := oneRow(in)
			result.Raw.Rows, result.Unchanged = 0, true
			return result, nil
		}
		a.register(env)
		env.ExecuteWorkflow(TableSync, ordersOf("acme"))
		require.NoError(t, env.GetWorkflowError())
		run := a.runs()[0]
		require.Equal(t, "2026-01-02 00:00:00.000000", run.Watermark)
		require.ElementsMatch(t, []string{"extract"}, keysOf(run.Steps))
	})

	t.Run("OK: a full run reads without the cursor", func(t *testing.T) {
		env, a := newEnv(t), &steppedActivities{}
		var cursor string
		a.Extract = func(in activities.ExtractInput) (activities.ExtractResult, error) {
			cursor = in.Spec.Cursor
			return oneRow(in), nil
		}
		a.register(env)
		in := ordersOf("acme")
		in.Spec.Cursor, in.Mode.Reload = "updated_at", true
		env.ExecuteWorkflow(TableSync, in)
		require.NoError(t, env.GetWorkflowError())
		require.Empty(t, cursor)
	})

	t.Run("OK: a run that may delete all has no bound on it", func(t *testing.T) {
		for _, allow := range []bool{false, true} {
			env, a := newEnv(t), &steppedActivities{}
			var share float64
			a.Extract = func(in activities.ExtractInput) (activities.ExtractResult, error) {
				share = in.Spec.Deletes.MaxShare
				return oneRow(in), nil
			}
			a.register(env)
			in := ordersOf("acme")
			in.Spec.Deletes.MaxShare, in.Mode.AllowDeletes = 0.5, allow
			env.ExecuteWorkflow(TableSync, in)
			require.NoError(t, env.GetWorkflowError())
			require.InDelta(t, map[bool]float64{false: 0.5, true: 0}[allow], share, 0)
		}
	})

	t.Run("OK: lost files begin again at extract, once more", func(t *testing.T) {
		env, a := newEnv(t), &steppedActivities{}
		extracts, merges := 0, 0
		a.Extract = func(in activities.ExtractInput) (activities.ExtractResult, error) {
			extracts++
			return oneRow(in), nil
		}
		a.Merge = func(batch table.Batch) (lake.MergeResult, error) {
			if merges++; merges == 1 {
				return lake.MergeResult{}, temporal.NewNonRetryableApplicationError("staged file is gone", activities.ErrorRestage, nil)
			}
			return lake.MergeResult{Inserted: batch.Rows}, nil
		}
		a.register(env)
		env.ExecuteWorkflow(TableSync, ordersOf("acme"))
		require.NoError(t, env.GetWorkflowError())
		require.Equal(t, 2, extracts)
		require.Equal(t, table.StatusOK, a.runs()[0].Status)
	})

	t.Run("OK: a worker that is lost with the session that it was to create", func(t *testing.T) {
		env, a := newEnv(t), &steppedActivities{}
		loseSession(env)
		a.register(env)
		env.ExecuteWorkflow(TableSync, ordersOf("acme"))
		require.NoError(t, env.GetWorkflowError())
		require.Len(t, a.runs(), 1)
		require.Equal(t, table.StatusOK, a.runs()[0].Status)
	})

	t.Run("Err: a failed step is logged with its reason, and leaves the watermark", func(t *testing.T) {
		for _, step := range []string{"extract", "validate", "transform", "merge"} {
			env, a := newEnv(t), &steppedActivities{}
			switch step {
			case "extract":
				a.Extract = func(activities.ExtractInput) (activities.ExtractResult, error) {
					return activities.ExtractResult{}, permanentError("no such table")
				}
			case "validate":
				a.Validate = func(activities.StepInput) (steps.Validated, error) {
					return steps.Validated{}, permanentError("no such table")
				}
			case "transform":
				a.Transform = func(activities.StepInput) (table.Batch, error) {
					return table.Batch{}, permanentError("no such table")
				}
			case "merge":
				a.Merge = func(table.Batch) (lake.MergeResult, error) {
					return lake.MergeResult{}, permanentError("no such table")
				}
			}
			a.register(env)
			env.ExecuteWorkflow(TableSync, ordersOf("acme"))
			requireApplicationError(t, env.GetWorkflowError(), "Missing")
			require.Len(t, a.runs(), 1, step)
			require.Equal(t, table.StatusFailed, a.runs()[0].Status)
			require.Equal(t, "no such table", a.runs()[0].Error)
			require.Empty(t, a.runs()[0].Watermark)
			if step != "merge" {
				require.Len(t, a.discarded, 1, step)
			}
		}
	})

	t.Run("OK: outside the client's hours it is skipped, and says so", func(t *testing.T) {
		env, a := newEnv(t), &steppedActivities{}
		a.Extract = func(activities.ExtractInput) (activities.ExtractResult, error) {
			return activities.ExtractResult{}, temporal.NewNonRetryableApplicationError("from 22:00 on", activities.ErrorHours, nil)
		}
		a.register(env)
		env.ExecuteWorkflow(TableSync, ordersOf("acme"))
		require.NoError(t, env.GetWorkflowError())
		require.Len(t, a.runs(), 1)
		require.Equal(t, table.StatusSkipped, a.runs()[0].Status)
		require.Equal(t, "from 22:00 on", a.runs()[0].Error)
		require.Empty(t, a.runs()[0].Watermark)
	})

	t.Run("Err: a passing fault is tried again as often as the config says", func(t *testing.T) {
		env, a := newEnv(t), &steppedActivities{}
		tries := 0
		a.Extract = func(activities.ExtractInput) (activities.ExtractResult, error) {
			tries++
			return activities.ExtractResult{}, temporal.NewApplicationError("connection refused", "Retryable")
		}
		a.register(env)
		env.ExecuteWorkflow(TableSync, ordersOf("acme"))
		require.Error(t, env.GetWorkflowError())
		require.Equal(t, 3, tries)
		require.Equal(t, "connection refused", a.runs()[0].Error)
	})

	t.Run("Err: a cancelled run is logged as cancelled and leaves nothing", func(t *testing.T) {
		env, a := newEnv(t), &steppedActivities{}
		a.Extract = func(activities.ExtractInput) (activities.ExtractResult, error) {
			env.CancelWorkflow()
			return activities.ExtractResult{}, temporal.NewApplicationError("connection refused", "Retryable")
		}
		a.register(env)
		env.ExecuteWorkflow(TableSync, ordersOf("acme"))
		require.True(t, temporal.IsCanceledError(env.GetWorkflowError()), "%v", env.GetWorkflowError())
		require.Len(t, a.runs(), 1)
		require.Equal(t, table.StatusCancelled, a.runs()[0].Status)
		require.Empty(t, a.runs()[0].Watermark)
		require.Len(t, a.discarded, 1)
	})
}

func TestReasonIsWhatAPersonNeeds(t *testing.T) {
	wrapped := temporal.NewApplicationErrorWithCause("outer", "X", errors.New("inner"))
	require.Equal(t, "outer", Reason(wrapped))
	require.Equal(t, "cancelled", Reason(temporal.NewCanceledError()))
	require.Equal(t, "plain", Reason(errors.New("plain")))
}

func keysOf(steps map[string]time.Duration) []string {
	var keys []string
	for key := range steps {
		keys = append(keys, key)
	}
	return keys
}

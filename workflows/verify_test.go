package workflows

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"

	"tributary/activities"
	"tributary/internal/lake"
	"tributary/internal/table"
	"tributary/internal/verify"
)

// runVerify runs VerifyTable with what the first comparison finds, and what the one after the repair.
func runVerify(t *testing.T, s *steppedActivities, first activities.VerifyResult, again verify.Report) (Verified, verify.Report, error) {
	t.Helper()
	env := patientEnv()
	s.register(env)
	var a *activities.Activities
	env.OnActivity(a.Verify, mock.Anything, mock.Anything).Return(func(_ context.Context, in activities.VerifyInput) (activities.VerifyResult, error) {
		require.Equal(t, len(first.Batches) > 0, in.Repair)
		return first, nil
	})
	env.OnActivity(a.VerifyAgain, mock.Anything, mock.Anything).Return(func(_ context.Context, in activities.VerifyAgainInput) (verify.Report, error) {
		want := verify.Merged{Latest: 7}
		if in.Spec.History != "" {
			want.Versions = 9
		}
		require.Equal(t, want, in.Merged)
		return again, nil
	}).Maybe()
	in := ordersOf("acme")
	in.Mode.Verify = &VerifyMode{Run: "root", Repair: len(first.Batches) > 0}
	if first.Report.Versions != nil {
		in.Spec.History = table.HistoryAlso
	}
	env.ExecuteWorkflow(VerifyTable, in)
	require.True(t, env.IsWorkflowCompleted())
	var out Verified
	err := env.GetWorkflowError()
	if err == nil {
		require.NoError(t, env.GetWorkflowResult(&out))
	}
	answer, queryErr := env.QueryWorkflow(QueryReport)
	require.NoError(t, queryErr)
	var report verify.Report
	require.NoError(t, answer.Get(&report))
	return out, report, err
}

func report(status string, d verify.Differences) verify.Report {
	return verify.Report{Ref: table.Ref{Client: "acme", Table: "orders"}, Status: status, Source: verify.Side{Rows: 10}, Differences: d, Repair: &verify.Repair{}}
}

func TestVerifyTableRepairsAndLogsIt(t *testing.T) {
	different := report(verify.StatusDifferent, verify.Differences{OnlySource: 2, OnlyLake: 1})
	batches := []table.Batch{{ID: "deletes", Rows: 1}, {ID: "upserts", Rows: 2}}
	merges := func(s *steppedActivities) *[]string {
		var merged []string
		s.Merge = func(b table.Batch) (lake.MergeResult, error) {
			merged = append(merged, b.ID)
			return lake.MergeResult{Inserted: b.Rows, Version: 7}, nil
		}
		return &merged
	}

	t.Run("OK", func(t *testing.T) {
		s := &steppedActivities{}
		merged := merges(s)
		different.Repair = &verify.Repair{Note: "versions were not mended"}
		done, got, err := runVerify(t, s, activities.VerifyResult{Report: different, Batches: batches}, report(verify.StatusRepaired, different.Differences))
		require.NoError(t, err)
		require.Equal(t, Verified{Status: verify.StatusRepaired, Rows: 10, Updated: 3}, done)
		require.Equal(t, "root", got.Run)
		require.Equal(t, []string{"deletes", "upserts"}, *merged, "in that order")
		require.Len(t, s.runs(), 1)
		require.Equal(t, table.StatusOK, s.runs()[0].Status)
		require.True(t, s.runs()[0].Backfill, "the watermark stays")
		require.Empty(t, s.runs()[0].Watermark)
		require.Equal(t, []string{"versions were not mended"}, s.runs()[0].Notes)
		require.Len(t, s.discarded, 1)
	})
	t.Run("ErrStillDifferent", func(t *testing.T) {
		s := &steppedActivities{}
		merges(s)
		done, _, err := runVerify(t, s, activities.VerifyResult{Report: different, Batches: batches}, different)
		require.NoError(t, err)
		require.Equal(t, verify.StatusDifferent, done.Status)
		require.Equal(t, "3 rows differ: 2 only at the source, 1 only in the lake", done.Differences)
		require.Equal(t, table.StatusFailed, s.runs()[0].Status)
	})
	t.Run("OKVersions", func(t *testing.T) {
		s := &steppedActivities{Merge: func(b table.Batch) (lake.MergeResult, error) {
			if b.History != "" {
				return lake.MergeResult{Inserted: 1, Updated: 1, Version: 9}, nil
			}
			return lake.MergeResult{Inserted: b.Rows, Version: 7}, nil
		}}
		with := different
		with.Versions = &verify.Report{}
		done, _, err := runVerify(t, s, activities.VerifyResult{Report: with, Batches: append(batches, table.Batch{ID: "versions", Rows: 1, History: table.HistoryOnly})},
			report(verify.StatusRepaired, different.Differences))
		require.NoError(t, err)
		require.Equal(t, int64(3), done.Updated, "the latest rows alone are counted")
		require.Equal(t, int64(3), s.runs()[0].Staged)
	})
	t.Run("ErrVersionsDiffer", func(t *testing.T) {
		only := report(verify.StatusDifferent, verify.Differences{})
		only.Versions, only.Repair = &verify.Report{Differences: verify.Differences{Different: 2}}, nil
		done, _, err := runVerify(t, &steppedActivities{}, activities.VerifyResult{Report: only}, verify.Report{})
		require.NoError(t, err)
		require.Equal(t, "of the versions that are valid, 2 rows differ: 2 with other values", done.Differences)
	})
	t.Run("OKAfterTheWorkerWasLost", func(t *testing.T) {
		s := &steppedActivities{}
		merges(s)
		_, _, err := runVerify(t, s, activities.VerifyResult{Report: different, Batches: batches}, report(verify.StatusEqual, verify.Differences{}))
		require.NoError(t, err)
		require.Equal(t, table.StatusOK, s.runs()[0].Status, "what was repaired before it was lost is equal")
	})
	t.Run("ErrMerge", func(t *testing.T) {
		s := &steppedActivities{Merge: func(table.Batch) (lake.MergeResult, error) { return lake.MergeResult{}, errors.New("no") }}
		_, _, err := runVerify(t, s, activities.VerifyResult{Report: different, Batches: batches}, different)
		require.ErrorContains(t, err, "no")
		require.Equal(t, table.StatusFailed, s.runs()[0].Status)
		require.Len(t, s.discarded, 1)
	})
}

// TestARepairThatHasBegunIsNotCancelled: the first merge deletes rows that the second brings again.
func TestARepairThatHasBegunIsNotCancelled(t *testing.T) {
	env := patientEnv()
	var merged []string
	s := &steppedActivities{Merge: func(b table.Batch) (lake.MergeResult, error) {
		if merged = append(merged, b.ID); len(merged) == 1 {
			env.CancelWorkflow()
		}
		return lake.MergeResult{Inserted: b.Rows, Version: 7}, nil
	}}
	s.register(env)
	var a *activities.Activities
	batches := []table.Batch{{ID: "deletes", Rows: 1}, {ID: "upserts", Rows: 2}}
	env.OnActivity(a.Verify, mock.Anything, mock.Anything).Return(
		activities.VerifyResult{Report: report(verify.StatusDifferent, verify.Differences{Doubled: 1}), Batches: batches}, nil)
	env.OnActivity(a.VerifyAgain, mock.Anything, mock.Anything).Return(verify.Report{}, nil).Maybe()
	in := ordersOf("acme")
	in.Mode.Verify = &VerifyMode{Run: "root", Repair: true}
	env.ExecuteWorkflow(VerifyTable, in)
	require.True(t, env.IsWorkflowCompleted())
	require.True(t, temporal.IsCanceledError(env.GetWorkflowError()), env.GetWorkflowError())
	require.Equal(t, []string{"deletes", "upserts"}, merged)
	require.Len(t, s.runs(), 1)
	require.Equal(t, table.StatusCancelled, s.runs()[0].Status)
	require.Equal(t, int64(3), s.runs()[0].Inserted)
	require.Len(t, s.discarded, 1)
}

func TestVerifyTableThatOnlyLooksLogsNothing(t *testing.T) {
	s := &steppedActivities{}
	done, got, err := runVerify(t, s, activities.VerifyResult{Report: report(verify.StatusEqual, verify.Differences{})}, verify.Report{})
	require.NoError(t, err)
	require.Equal(t, Verified{Status: verify.StatusEqual, Rows: 10}, done)
	require.Equal(t, verify.StatusEqual, got.Status)
	require.Empty(t, s.runs())
	require.Empty(t, s.discarded)
}

func TestMoreDifferencesThanWereCountedAreSaidToBe(t *testing.T) {
	require.Equal(t, "at least 3 rows differ: 3 with other values", describe(verify.Differences{Different: 3, More: true}))
	require.Equal(t, "3 rows differ: 3 with other values", describe(verify.Differences{Different: 3}))
}

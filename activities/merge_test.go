package activities

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/testsuite"

	"tributary/internal/lake"
	"tributary/internal/table"
)

// mergingLake notes what is merged, and fails where told to.
type mergingLake struct {
	lake.Lake
	merged []string
	fails  map[string]error
}

func (l *mergingLake) Merge(_ context.Context, batches []table.Batch) ([]lake.MergeResult, error) {
	name := batches[0].Ref.Table + " " + batches[0].History
	l.merged = append(l.merged, name)
	return []lake.MergeResult{{Inserted: int64(len(l.merged))}}, l.fails[name]
}

func TestMergeBringsABatchIntoBothOfItsTables(t *testing.T) {
	for history, want := range map[string][]string{
		"": {"orders "}, table.HistoryOnly: {"orders only"}, table.HistoryAlso: {"orders ", "orders_history only"},
	} {
		l := &mergingLake{}
		env := (&testsuite.WorkflowTestSuite{}).NewTestActivityEnvironment()
		a := &Activities{Lake: l}
		env.RegisterActivity(a)
		batch := table.Batch{Ref: table.Ref{Table: "orders"}, History: history}
		value, err := env.ExecuteActivity(a.Merge, batch)
		require.NoError(t, err)
		var result lake.MergeResult
		require.NoError(t, value.Get(&result))
		require.EqualValues(t, 1, result.Inserted, "of the first")
		require.Equal(t, want, l.merged)

		l.merged, l.fails = nil, map[string]error{want[len(want)-1]: errors.New("gone")}
		_, err = env.ExecuteActivity(a.Merge, batch)
		require.ErrorContains(t, err, "gone")
		l.fails = nil
		_, err = env.ExecuteActivity(a.Merge, batch)
		require.NoError(t, err)
		require.Equal(t, append(want, want...), l.merged, "a retry merges both again")
	}
}

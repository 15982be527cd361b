package activities

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"

	"tributary/internal/lake"
)

// sqlLake is a lake that runs SQL, and nothing else.
type sqlLake struct {
	lake.Lake

	said []string
	err  error
}

func (l *sqlLake) Exec(_ context.Context, schema, statement string) error {
	l.said = append(l.said, schema+": "+statement)
	return l.err
}

func TestRunStatement(t *testing.T) {
	run := func(t *testing.T, central lake.Lake) error {
		t.Helper()
		var suite testsuite.WorkflowTestSuite
		env := suite.NewTestActivityEnvironment()
		a := &Activities{Lake: lake.Group(central)}
		env.RegisterActivity(a)
		_, err := env.ExecuteActivity(a.RunStatement, RunStatementInput{Schema: "main.central", Statement: "REFRESH TABLE sales"})
		return err
	}
	t.Run("OK: as it is, in the central schema", func(t *testing.T) {
		l := &sqlLake{}
		require.NoError(t, run(t, l))
		require.Equal(t, []string{"main.central: REFRESH TABLE sales"}, l.said)
	})
	t.Run("Err: denied for good", func(t *testing.T) {
		var app *temporal.ApplicationError
		require.ErrorAs(t, run(t, &sqlLake{err: lake.ErrDenied}), &app)
		require.True(t, app.NonRetryable())
	})
	t.Run("Err: a lake without SQL", func(t *testing.T) {
		var app *temporal.ApplicationError
		require.ErrorAs(t, run(t, struct{ lake.Lake }{}), &app)
		require.True(t, app.NonRetryable())
		require.Contains(t, app.Message(), "give every worker the same lake.kind")
	})
}

func TestJobsNeedAWorkspace(t *testing.T) {
	var suite testsuite.WorkflowTestSuite
	env := suite.NewTestActivityEnvironment()
	a := &Activities{}
	env.RegisterActivity(a)
	for _, activity := range []any{a.AwaitJob, a.CancelJob} {
		_, err := env.ExecuteActivity(activity, StartedJob{Run: 1})
		require.ErrorContains(t, err, "give every worker the same lake.kind")
	}
	_, err := env.ExecuteActivity(a.StartJob, StartJobInput{Job: 1})
	require.ErrorContains(t, err, "give every worker the same lake.kind")
}

package activities

import (
	"context"
	"errors"
	"fmt"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"

	"tributary/internal/databricks"
	"tributary/internal/lake"
	"tributary/internal/mariadb"
	"tributary/internal/secrets"
	"tributary/internal/steps"
)

func TestClassify(t *testing.T) {
	run := func(t *testing.T, failing func(context.Context) error) *temporal.ApplicationError {
		t.Helper()
		var suite testsuite.WorkflowTestSuite
		env := suite.NewTestActivityEnvironment()
		env.RegisterActivity(failing)
		_, err := env.ExecuteActivity(failing)
		var app *temporal.ApplicationError
		require.ErrorAs(t, err, &app)
		return app
	}

	t.Run("permanent errors are not retried, however deep they are wrapped", func(t *testing.T) {
		for sentinel, name := range map[error]string{
			mariadb.ErrDenied: "Denied", mariadb.ErrTLS: "TLS", steps.ErrRule: "Rule", lake.ErrSchema: "Schema", lake.ErrBatch: ErrorRestage, lake.ErrLate: ErrorLate, steps.ErrRaw: ErrorRestage,
			databricks.ErrTooLarge: "Invalid", secrets.ErrDenied: "Secret",
		} {
			app := run(t, func(ctx context.Context) error {
				return classify(ctx, errors.Join(errors.New("other"), fmt.Errorf("table orders: %w", fmt.Errorf("deep: %w", sentinel))))
			})
			require.True(t, app.NonRetryable(), name)
			require.Equal(t, name, app.Type())
			require.Contains(t, app.Message(), "table orders: deep: ")
		}
	})
	t.Run("all others are, and a full disk says what to do", func(t *testing.T) {
		app := run(t, func(ctx context.Context) error { return classify(ctx, fmt.Errorf("write: %w", syscall.ENOSPC)) })
		require.False(t, app.NonRetryable())
		require.Contains(t, app.Message(), "free space, and run again")
		app = run(t, func(ctx context.Context) error { return classify(ctx, lake.ErrConflict) })
		require.False(t, app.NonRetryable())
	})
	t.Run("a cancelled step is cancelled, unless it failed for good before", func(t *testing.T) {
		var suite testsuite.WorkflowTestSuite
		env := suite.NewTestActivityEnvironment()
		step := func(ctx context.Context) error {
			ctx, cancel := context.WithCancel(ctx)
			cancel()
			require.Equal(t, context.Canceled, classify(ctx, errors.New("interrupted")))
			var app *temporal.ApplicationError
			require.ErrorAs(t, classify(ctx, steps.ErrRule), &app)
			return nil
		}
		env.RegisterActivity(step)
		_, err := env.ExecuteActivity(step)
		require.NoError(t, err)
	})
	require.NoError(t, classify(context.Background(), nil))
}

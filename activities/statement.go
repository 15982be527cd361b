package activities

import (
	"context"

	"go.temporal.io/sdk/temporal"

	"tributary/internal/lake"
)

// RunStatementInput is one SQL statement, in the lake's own dialect.
type RunStatementInput struct {
	Schema    string `json:"schema"` // the central schema, which is the current one
	Statement string `json:"statement"`
}

// RunStatement runs a statement of the configuration at the lake, and discards what it returns. Repeating it is as safe as the
// statement is: it runs again when its answer was lost, so a configuration has only statements that may run twice, such as REFRESH,
// CREATE OR REPLACE and MERGE.
func (a *Activities) RunStatement(ctx context.Context, in RunStatementInput) error {
	stop := heartbeat(ctx, func() Progress { return Progress{Step: "statement"} })
	defer stop()

	executor, ok := lake.As[lake.Executor](a.Lake)
	if !ok {
		return temporal.NewNonRetryableApplicationError("this worker's lake runs no SQL: give every worker the same lake.kind, and restart them", "Setup", nil)
	}
	return classify(ctx, executor.Exec(ctx, in.Schema, in.Statement))
}

package activities

import (
	"context"
	"errors"
	"io/fs"
	"strings"
	"syscall"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"

	"tributary/internal/databricks"
	"tributary/internal/lake"
	"tributary/internal/mariadb"
	"tributary/internal/registry"
	"tributary/internal/secrets"
	"tributary/internal/steps"
	"tributary/internal/verify"
	"tributary/internal/verify/rowhash"
)

// ErrorRestage is the type of the error that says that a run's files are gone or incomplete: it
// starts again at Extract.
const ErrorRestage = "Restage"

// ErrorLate is the type of the error that says that a later run of the client table was merged before: it starts again at Extract, once.
const ErrorLate = "Late"

// ErrorHours is the type of the error that says that a large table is not read at this time of day: the run is skipped.
const ErrorHours = "Hours"

// permanent lists the errors that a retry does not mend, with the type that the Web UI shows for them.
var permanent = []struct {
	err  error
	name string
}{
	{lake.ErrBatch, ErrorRestage},
	{lake.ErrLate, ErrorLate},
	{steps.ErrRaw, ErrorRestage},
	{mariadb.ErrDenied, "Denied"},
	{mariadb.ErrTLS, "TLS"},
	{mariadb.ErrMissing, "Missing"},
	{mariadb.ErrUnsupported, "Unsupported"},
	{mariadb.ErrQuery, "Query"},
	{mariadb.ErrValue, "Value"},
	{mariadb.ErrLimit, "Limit"},
	{mariadb.ErrHours, ErrorHours},
	{steps.ErrExpression, "Expression"},
	{steps.ErrCollision, "Collision"},
	{steps.ErrRule, "Rule"},
	{steps.ErrType, "Type"},
	{lake.ErrSchema, "Schema"},
	{lake.ErrCorrupt, "Corrupt"},
	{lake.ErrDenied, "Denied"},
	{lake.ErrSetup, "Setup"},
	{lake.ErrGuard, "Guard"},
	{databricks.ErrSettings, "Setup"},
	{databricks.ErrDenied, "Denied"},
	{databricks.ErrMissing, "Missing"},
	{databricks.ErrInvalid, "Invalid"},
	{databricks.ErrTooLarge, "Invalid"},
	{verify.ErrUnable, "Verify"},
	{rowhash.ErrType, "Type"},
	{registry.ErrInvalid, "Registry"},
	{registry.ErrUnknownRegion, "Registry"},
	{registry.ErrUnknownClient, "Registry"},
	{secrets.ErrReference, "Secret"},
	{secrets.ErrNotFound, "Secret"},
	{secrets.ErrDenied, "Secret"},
}

// classify makes an error of a step what Temporal acts on: permanent ones are not retried, all
// others are, and a cancelled step is cancelled. The result is outermost, because Temporal retries
// an ApplicationError that is wrapped (measured on SDK v1.50.0).
func classify(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	for _, p := range permanent {
		if errors.Is(err, p.err) {
			return temporal.NewNonRetryableApplicationError(err.Error(), p.name, nil)
		}
	}
	if ctx.Err() != nil && !stopping(ctx) {
		return ctx.Err()
	}
	return temporal.NewApplicationError(advise(err), "Retryable")
}

// advise returns the error's text, with what to do about a disk that cannot be written where it does not say so.
// DuckDB's errors tell only by their text.
func advise(err error) string {
	text := err.Error()
	switch lower := strings.ToLower(text); {
	case strings.Contains(lower, "free space"):
		return text
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT), strings.Contains(lower, "no space left on device"):
		return "the disk is full; free space, and run again: " + text
	case errors.Is(err, syscall.EROFS), errors.Is(err, fs.ErrPermission), strings.Contains(lower, "read-only file system"), strings.Contains(lower, "permission denied"):
		return text + "; let the worker's user write there, and run again"
	}
	return text
}

// stopping says whether the worker is shutting down: the step is then tried again on another, not cancelled.
func stopping(ctx context.Context) bool {
	select {
	case <-activity.GetWorkerStopChannel(ctx):
		return true
	default:
		return false
	}
}

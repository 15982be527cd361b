package sparksql

import (
	"sync/atomic"

	dberrors "github.com/databricks/databricks-sql-go/errors"
)

// executionError is the driver's error of a statement that ran and failed.
type executionError struct {
	dberrors.DBExecutionError
	text, state string
}

func (e executionError) Error() string    { return e.text }
func (e executionError) SqlState() string { return e.state } //nolint:staticcheck // the driver's name

// Is is as the driver's.
func (e executionError) Is(target error) bool { return target == dberrors.ExecutionError }

func newSession(conn driverConn) *session {
	return &session{driverConn: conn, unreached: new(atomic.Bool)}
}

package sparksql

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	dberrors "github.com/databricks/databricks-sql-go/errors"

	"tributary/internal/databricks"
	"tributary/internal/lake"
)

// errTimeout says that a statement ran into the lake's own bound.
var errTimeout = errors.New("the statement ran into lake.statement_timeout")

// errStale says that a table is no longer what this process took it for: it was dropped or altered by someone else.
var errStale = errors.New("the table has changed meanwhile")

// serverError is what an endpoint says of a statement that failed, without Java's stack.
type serverError struct {
	class string // TABLE_OR_VIEW_NOT_FOUND, or the exception's name where there is no class
	state string // SQLSTATE, or ""
	text  string
}

func (e *serverError) Error() string { return e.text }

var (
	errorClass = regexp.MustCompile(`\[([A-Z][A-Z0-9_]+(?:\.[A-Z0-9_]+)*)\]`)
	olderClass = regexp.MustCompile(`^([A-Z][A-Z_]+[A-Z]): `)
	exception  = regexp.MustCompile(`(?:^|[\s:])(?:[a-z_]\w*\.)+((?:\w+\$)?[A-Z]\w*(?:Exception|Error))\b:?\s*`)
	sqlState   = regexp.MustCompile(`SQLSTATE: ([0-9A-Z]{5})`)
)

// readError makes what the driver returns an error that says only what happened: the innermost cause that has an
// error class, else the innermost cause. What it has read already it returns as it is.
func readError(err error) error {
	if errors.As(err, new(*serverError)) || errors.As(err, new(*requestError)) {
		return err
	}
	var failed dberrors.DBExecutionError
	ran := errors.As(err, &failed)
	text, state := err.Error(), ""
	if ran {
		state = failed.SqlState()
	}
	if errors.Is(err, dberrors.RequestError) {
		if request := readRequestError(err); request.status != 0 || !errorClass.MatchString(text) {
			return request
		}
	} else if !ran {
		return err
	}
	if _, after, ok := strings.Cut(text, "_STATE: "); ok {
		text = after
	}
	e := &serverError{state: state}
	all := causes(text)
	for _, cause := range all {
		class := errorClass.FindStringSubmatch(cause)
		if e.text == "" || class != nil || errorClass.FindString(e.text) == "" {
			e.text = cause
		}
	}
	if class := errorClass.FindStringSubmatch(e.text); class != nil {
		e.class = class[1]
	} else if class := olderClass.FindStringSubmatch(e.text); class != nil {
		e.class = class[1]
	} else if class := exception.FindAllStringSubmatch(strings.Join(all, "\n"), -1); class != nil {
		e.class = class[len(class)-1][1]
	}
	if state := sqlState.FindStringSubmatch(e.text); state != nil && e.state == "" {
		e.state = state[1]
	}
	e.text = tidy(e.text)
	return e
}

// causes splits a Java error with its stack into the messages of its causes, the outermost first.
func causes(text string) []string {
	var all []string
	for _, part := range strings.Split(text, "Caused by: ") {
		message, _, _ := strings.Cut(part, "\n\tat ")
		if message = strings.TrimSpace(message); message != "" {
			all = append(all, message)
		}
	}
	return all
}

// tidy leaves what a person needs: no class names in front, no query plan behind.
func tidy(text string) string {
	if i := strings.Index(text, ";\n'"); i >= 0 {
		text = text[:i]
	}
	if i := strings.Index(text, "\n\n== SQL"); i >= 0 {
		text = text[:i]
	}
	if at := errorClass.FindAllStringIndex(text, -1); at != nil {
		text = text[at[len(at)-1][0]:]
	} else if at := exception.FindAllStringIndex(text, -1); len(at) > 0 && at[len(at)-1][1] < len(text) {
		text = text[at[len(at)-1][1]:]
	}
	text = strings.Join(strings.Fields(text), " ")
	const most = 1000
	if len(text) > most {
		text = strings.ToValidUTF8(text[:most], "") + "…"
	}
	return text
}

// Kinds of failure by error class (Databricks and Spark with Delta 3 and newer) and by the exception's name (without a class).
var (
	conflicts = []string{
		"DELTA_CREATE_TABLE_WITH_NON_EMPTY_LOCATION", // another process is about to make the same table
		"DELTA_CONCURRENT_", "DELTA_METADATA_CHANGED", "DELTA_PROTOCOL_CHANGED", "ConcurrentAppendException", "ConcurrentDeleteReadException",
		"ConcurrentDeleteDeleteException", "ConcurrentTransactionException", "ConcurrentWriteException", "MetadataChangedException", "ProtocolChangedException",
	}
	missingTables  = []string{"TABLE_OR_VIEW_NOT_FOUND", "DELTA_TABLE_NOT_FOUND", "DELTA_MISSING_DELTA_TABLE", "DELTA_PATH_DOES_NOT_EXIST"}
	missingSchemas = []string{"SCHEMA_NOT_FOUND", "NO_SUCH_SCHEMA", "NoSuchDatabaseException", "NoSuchNamespaceException"}
	missingSetup   = []string{"NO_SUCH_CATALOG_EXCEPTION", "CATALOG_NOT_FOUND", "REQUIRES_SINGLE_PART_NAMESPACE", "UC_VOLUME_NOT_FOUND"}
	denials        = []string{"INSUFFICIENT_PERMISSIONS", "INSUFFICIENT_PRIVILEGES", "PERMISSION_DENIED", "UNAUTHORIZED_ACCESS", "AccessControlException"}
	missingFiles   = []string{"PATH_NOT_FOUND", "FAILED_READ_FILE", "UC_FILE_NOT_FOUND", "CANNOT_READ_FILE_FOOTER", "FileNotFoundException", "UNABLE_TO_INFER_SCHEMA"}
	badColumns     = []string{"UNRESOLVED_COLUMN", "DELTA_MERGE_UNRESOLVED_EXPRESSION", "DELTA_SCHEMA_CHANGED", "DELTA_SCHEMA_CHANGE_SINCE_ANALYSIS", "FIELD_NOT_FOUND"}
	badValues      = []string{
		"CAST_OVERFLOW", "CAST_INVALID_INPUT", "NUMERIC_VALUE_OUT_OF_RANGE", "ARITHMETIC_OVERFLOW", "DELTA_FAILED_TO_MERGE_FIELDS", "INCOMPATIBLE_DATA_FOR_TABLE",
		"DELTA_INVALID_CHARACTERS_IN_COLUMN_NAME", "DELTA_UNSUPPORTED_ALTER_TABLE_CHANGE_COL_OP", "DELTA_NOT_NULL_CONSTRAINT_VIOLATED", "DELTA_VIOLATE_CONSTRAINT",
		"DELTA_UNSUPPORTED_TYPE_CHANGE",
	}
	notDelta = []string{"UNSUPPORTED_FEATURE.TABLE_OPERATION", "EXPECT_TABLE_NOT_VIEW", "DELTA_TABLE_ONLY_OPERATION", "DELTA_NOT_A_DELTA_TABLE", "NOT_A_DELTA_TABLE"}
	existing = []string{
		"FIELD_ALREADY_EXISTS", "FIELDS_ALREADY_EXISTS", "DELTA_DUPLICATE_COLUMNS_FOUND", "TABLE_OR_VIEW_ALREADY_EXISTS", "DELTA_TABLE_ALREADY_EXISTS",
		"DELTA_CREATE_TABLE_WITH_NON_EMPTY_LOCATION", // its folder is there, and its first version not yet
	}
)

// SQLSTATEs that say as much as a class.
const (
	conflictState = "2D521"
	deniedState   = "42501"
)

// is says whether an endpoint failed a statement for one of the named reasons, each a beginning of a class.
func is(err error, reasons []string) bool {
	var e *serverError
	return errors.As(err, &e) && slices.ContainsFunc(reasons, func(reason string) bool { return strings.HasPrefix(e.class, reason) })
}

func isConflict(err error) bool { return hasState(err, conflictState) || is(err, conflicts) }

func hasState(err error, state string) bool {
	var e *serverError
	return errors.As(err, &e) && e.state == state
}

// translate gives an endpoint's errors the lake's names. What it does not know may be tried again.
func (l *Lake) translate(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	if cause := context.Cause(ctx); cause != nil {
		return fmt.Errorf("%w: %w", cause, err)
	}
	var request *requestError
	switch {
	case errors.Is(err, lake.ErrBatch), errors.Is(err, lake.ErrSchema), errors.Is(err, lake.ErrNotFound), errors.Is(err, lake.ErrDenied),
		errors.Is(err, lake.ErrSetup), errors.Is(err, lake.ErrConflict):
		return err
	case errors.Is(err, databricks.ErrDenied):
		return fmt.Errorf("%w: %w", lake.ErrDenied, err)
	case errors.Is(err, databricks.ErrMissing), errors.Is(err, databricks.ErrSettings), errors.Is(err, databricks.ErrInvalid), errors.Is(err, databricks.ErrTooLarge):
		return fmt.Errorf("%w: %w", lake.ErrSetup, err)
	case errors.As(err, &request):
		return l.refused(err, request)
	case isConflict(err):
		return fmt.Errorf("%w: %w", lake.ErrConflict, err)
	case is(err, missingTables):
		return fmt.Errorf("%w: %w", lake.ErrNotFound, err)
	case is(err, missingSetup), is(err, missingSchemas):
		return fmt.Errorf("%w: %w; create it, or correct target.catalog and target.schema", lake.ErrSetup, err)
	case is(err, denials), hasState(err, deniedState):
		return fmt.Errorf("%w: %w; grant it to the account that the lake is used with (docs/databricks.md lists the grants)", lake.ErrDenied, err)
	case is(err, notDelta), strings.Contains(err.Error(), "MERGE INTO TABLE is not supported"): // what Spark says, without a class
		return fmt.Errorf("%w: it is a view, or no Delta table: drop it, or choose another target: %w", lake.ErrSchema, err)
	case is(err, badValues):
		return fmt.Errorf("%w: %w", lake.ErrSchema, err)
	}
	return fmt.Errorf("%s: %w", l.where, err)
}

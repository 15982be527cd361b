package mariadb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"

	"tributary/internal/table"
)

// ErrAltered says that a table's columns were changed, or the table was dropped, while it was read. A retry helps: it plans
// the table as it is then.
var ErrAltered = errors.New("the table was altered while it was read")

// origin is what rows were read from.
type origin struct {
	parts   int    // 0 when it did not come to reading
	created string // see tableSize
}

// unaltered holds the end of a read against the table as it is now. A value that does not fit, or a column that is not there, is for a
// retry where the table is no longer the one that was planned. Nor do parts that were read one after the other belong
// together if the table was another one in between: a column's name may have passed to another one, or the rows of a table that is
// made anew may not all have been there, and no part tells.
func (s *Source) unaltered(ctx context.Context, req ExtractRequest, of origin, err error) error {
	suspicious := errors.Is(err, ErrMissing) || errors.Is(err, ErrValue)
	if err == nil && of.parts < 2 || err != nil && !suspicious {
		return err
	}
	same, lookErr := s.same(ctx, req, of)
	switch {
	case lookErr != nil && err == nil:
		return classify(lookErr)
	case lookErr != nil || same:
		return err
	case err != nil:
		return fmt.Errorf("%w: %s", ErrAltered, err.Error()) // not wrapped: that one is for good
	}
	return fmt.Errorf("%w: its parts are not of the same table", ErrAltered)
}

// same says whether the table is the one that rows were read from.
func (s *Source) same(ctx context.Context, req ExtractRequest, of origin) (bool, error) {
	tables, err := s.catalog(ctx, []string{req.Spec.Name})
	if err != nil || !sameColumns(req.Plan.Columns, tables[req.Spec.Name]) {
		return false, err
	}
	if of.created == "" {
		return true, nil
	}
	var created sql.NullString
	err = s.db.QueryRowContext(ctx, "SELECT CREATE_TIME FROM information_schema.TABLES WHERE TABLE_SCHEMA = ? AND TABLE_NAME = ?",
		s.client.Database, req.Spec.Name).Scan(&created)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	return created.String == of.created, err
}

// sameColumns says whether the columns that were read are still there, in the same order and of the same types. Others may have come.
func sameColumns(read []table.SourceColumn, now *sourceTable) bool {
	if now == nil {
		return false
	}
	at := 0
	for _, c := range read {
		i := slices.IndexFunc(now.columns[at:], func(n sourceColumn) bool { return n.name == c.Source })
		if i < 0 {
			return false
		}
		n := now.columns[at+i]
		sameCharset := n.charset == c.Charset || c.Charset == "" && n.charset == "utf8mb4"
		if n.columnType != c.SourceType || n.nullable && !c.Nullable || !sameCharset {
			return false
		}
		at += i + 1
	}
	return true
}

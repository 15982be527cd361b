package mariadb

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"tributary/internal/table"
)

// ErrAltered says that a table's columns were changed, or the table was dropped, while it was read. A retry helps: it plans
// the table as it is then.
var ErrAltered = errors.New("the table was altered while it was read")

// unaltered holds the end of a read against the table as it is now. A value that does not fit, or a column that is not there, is for a
// retry where the table is no longer the one that was planned. Nor do parts that were read one after the other belong
// together if a column was another one in between: a column's name may have passed to another one, and no part tells.
func (s *Source) unaltered(ctx context.Context, req ExtractRequest, parts int, err error) error {
	suspicious := errors.Is(err, ErrMissing) || errors.Is(err, ErrValue)
	if err == nil && parts < 2 || err != nil && !suspicious {
		return err
	}
	tables, lookErr := s.catalog(ctx, []string{req.Spec.Name})
	switch {
	case lookErr != nil && err != nil:
		return err
	case lookErr != nil:
		return classify(lookErr)
	case sameColumns(req.Plan.Columns, tables[req.Spec.Name]):
		return err
	case err != nil:
		return fmt.Errorf("%w: %s", ErrAltered, err) // not wrapped: that one is for good
	}
	return fmt.Errorf("%w: its columns are not those that its first rows were read with", ErrAltered)
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

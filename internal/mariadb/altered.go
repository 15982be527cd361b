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
	planned, planErr := s.Plan(ctx, []table.Spec{req.Spec})
	switch {
	case planErr != nil && err != nil:
		return err
	case planErr != nil:
		return planErr
	case planned[0].Err != nil:
		return fmt.Errorf("%w: %s", ErrAltered, errors.Unwrap(planned[0].Err)) // not wrapped: that one is for good
	case sameColumns(req.Plan.Columns, planned[0].Plan.Columns):
		return err
	case err != nil:
		return fmt.Errorf("%w: %s", ErrAltered, err)
	}
	return fmt.Errorf("%w: its columns are not those that its first rows were read with", ErrAltered)
}

// sameColumns says whether the columns that were read are still there, in the same order and of the same types. Others may have come.
func sameColumns(read, now []table.SourceColumn) bool {
	at := 0
	for _, c := range read {
		i := slices.IndexFunc(now[at:], func(n table.SourceColumn) bool { return n.Source == c.Source })
		if i < 0 {
			return false
		}
		n := now[at+i]
		if n.Comment = c.Comment; n != c {
			return false
		}
		at += i + 1
	}
	return true
}

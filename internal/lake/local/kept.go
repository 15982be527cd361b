package local

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"tributary/internal/lake"
	"tributary/internal/table"
)

// checkKept makes sure that the files of the rows that a reload keeps are there and whole: a row that is missing from
// them would be deleted.
func checkKept(ctx context.Context, s *session, dir string, batch table.Batch) error {
	if len(batch.Kept) == 0 || !batch.Reload {
		return nil
	}
	var want, rows int64
	for _, file := range batch.Kept {
		want += file.Rows
	}
	query := fmt.Sprintf("SELECT count(*), count(%s) FROM %s", strings.Join(quoted(lake.OwnIDs(batch)), "), count("), readFiles(dir, batch.Kept))
	err := s.each(ctx, query, func(v []any) error {
		rows = integer(v[0])
		return nil
	})
	if err != nil {
		return lake.Incomplete(batch, "its files of kept rows cannot be read, stage it again: %v", err)
	}
	if rows != want {
		return lake.Incomplete(batch, "it should keep %d rows and its files have %d, stage it again", want, rows)
	}
	return nil
}

// selectKept selects the ids of the rows that a reload keeps, as the central table has them. One that its column
// cannot hold is not in the table.
func selectKept(dir string, batch table.Batch, schema table.Schema) string {
	columns := slices.Clone(lake.OwnIDs(batch))
	for i, key := range columns {
		columns[i] = fmt.Sprintf("TRY_CAST(%s AS %s) AS %[1]s", quote(key), duckType(schema[schema.Find(key)].Type))
	}
	return fmt.Sprintf("SELECT %s FROM %s", strings.Join(columns, ", "), readFiles(dir, batch.Kept))
}

func quoted(names []string) []string {
	all := make([]string, len(names))
	for i, name := range names {
		all[i] = quote(name)
	}
	return all
}

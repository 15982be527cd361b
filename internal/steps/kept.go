package steps

import (
	"context"
	"path/filepath"
	"strings"

	"tributary/internal/table"
)

// keptFile has the ids of quarantined rows, by their central names and values.
const keptFile = "kept.parquet"

// writeKept writes the ids of the rows that a full reload quarantined: they are still at the source, so what the
// central table has of them must stay. Rows whose id is NULL have no place there.
func (t *transformation) writeKept(ctx context.Context, out *Transformed) error {
	var notNull []string
	for _, id := range t.program.ids {
		notNull = append(notNull, table.Quote(id, table.DoubleQuote)+" IS NOT NULL")
	}
	rows := "read_parquet(" + table.Literal(filepath.Join(t.job.Dir, "quarantine", quarantineFile)) + ")"
	query := "SELECT DISTINCT " + table.QuoteAll(t.program.ids, table.DoubleQuote) + " FROM " + t.idsOver(rows) +
		" WHERE " + strings.Join(notNull, " AND ")
	file, err := t.copyTo(ctx, parquet(query, filepath.Join(t.clean, keptFile), t.rowGroup()))
	if err != nil {
		return err
	}
	out.Kept = []table.File{file}
	return nil
}

// idsOver makes the central ids of raw rows. It runs no step of other columns, which such rows may well
// break, unless SQL makes an id of them.
func (t *transformation) idsOver(rows string) string {
	if t.program.idSQL {
		return t.program.over(rows, len(t.program.levels))
	}
	var base []string
	var ids table.Schema
	for _, column := range t.central {
		if column.id {
			base = append(base, column.sql+" AS "+table.Quote(column.Name, table.DoubleQuote))
			ids = append(ids, column.Column)
		}
	}
	relation := "(SELECT " + strings.Join(base, ", ") + " FROM " + rows + " AS t)"
	for _, l := range t.program.levels {
		if i := ids.Find(l.column); i >= 0 {
			relation = "(SELECT " + replace(ids, i, l.expression) + " FROM " + relation + " AS t)"
		}
	}
	return relation
}

package steps

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"

	"tributary/internal/table"
)

// keptFile has ids of rows that a reload must not delete, by their central names and values.
const keptFile = "kept.parquet"

const keyRowGroup = 122880

// keep writes what a reload needs to know of rows that are at the source and not in the batch: all that were found
// there, where those were read, and otherwise those that a full reload quarantined.
func (t *transformation) keep(ctx context.Context, valid Validated, out *Transformed) error {
	switch {
	case len(t.program.ids) == 0:
		return nil
	case len(t.job.Raw.Keys) > 0:
		return t.writeKeys(ctx, out)
	case valid.Quarantine != nil && t.job.Raw.Window.Full():
		return t.writeKept(ctx, out)
	}
	return nil
}

// writeKeys writes the ids of all rows that the source has, one after the other: they may be many.
func (t *transformation) writeKeys(ctx context.Context, out *Transformed) error {
	s, err := t.openKeys(ctx)
	if err != nil {
		return err
	}
	defer s.close()
	own := "(SELECT * FROM " + rawView + " WHERE NOT (" + t.foreignRow() + "))"
	var file table.File
	err = t.read(s, func() (err error) {
		file, err = t.copyTo(ctx, parquet(t.keptIDs("SELECT", own), filepath.Join(t.clean, keptFile), keyRowGroup))
		return err
	})
	if isRowError(err) {
		return rowError("making the ids of all rows, for deletes.reconcile")
	}
	if err == nil && s.files.rows != t.job.Raw.KeyRows {
		err = fmt.Errorf("%w: the engine stopped after %d of %d keys", ErrRaw, s.files.rows, t.job.Raw.KeyRows)
	}
	if err != nil {
		return err
	}
	out.Kept = []table.File{file}
	return nil
}

func (t *transformation) openKeys(ctx context.Context) (*scan, error) {
	schema := t.job.Plan.KeyPlan(t.job.Spec).Schema()
	files, err := newRawFiles(ctx, table.Raw{Files: t.job.Raw.Keys, Rows: t.job.Raw.KeyRows}, schema, t.pool)
	if err != nil {
		return nil, err
	}
	s := &scan{files: files, progress: func(rows int64) {
		t.progress += rows
		if t.job.Progress != nil {
			t.job.Progress(t.progress)
		}
	}}
	for i := range schema {
		s.columns = append(s.columns, i)
	}
	s.describe(t.names)
	return s, nil
}

// writeKept writes the ids of the rows that a full reload quarantined: they are still at the source, so what the
// central table has of them must stay.
func (t *transformation) writeKept(ctx context.Context, out *Transformed) error {
	rows := "read_parquet(" + table.Literal(filepath.Join(t.job.Dir, "quarantine", quarantineFile)) + ")"
	file, err := t.copyTo(ctx, parquet(t.keptIDs("SELECT DISTINCT", rows), filepath.Join(t.clean, keptFile), t.rowGroup()))
	if err != nil {
		return err
	}
	out.Kept = []table.File{file}
	return nil
}

// keptIDs selects the central ids of raw rows. Rows whose id is NULL are in no central table.
func (t *transformation) keptIDs(selects, rows string) string {
	var notNull []string
	for _, id := range t.program.ids {
		notNull = append(notNull, table.Quote(id, table.DoubleQuote)+" IS NOT NULL")
	}
	return selects + " " + table.QuoteAll(t.program.ids, table.DoubleQuote) + " FROM " + t.idsOver(rows) + " WHERE " + strings.Join(notNull, " AND ")
}

// foreignRow is SQL that is true for raw rows that name another client or region.
func (l *layout) foreignRow() string {
	others := []string{"false"}
	for _, t := range l.tenants {
		others = append(others, fmt.Sprintf("coalesce(CAST(%s AS VARCHAR) <> %s, false)", table.Quote(t.column, table.DoubleQuote), table.Literal(t.value)))
	}
	return strings.Join(others, " OR ")
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

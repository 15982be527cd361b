package sparksql

import (
	"context"
	"fmt"
	"strings"

	"tributary/internal/lake"
	"tributary/internal/table"
)

// facts is what the rows of one batch are.
type facts struct {
	rows, distinct, deletes int64
	low, high               string // of the first id; "" where not known
}

// checkStaged counts what is staged before anything is changed: missing rows, rows without an id and rows of another
// tenant are lake.ErrBatch.
func (m *merge) checkStaged(ctx context.Context) error {
	m.facts = make([]facts, len(m.batches))
	for _, batch := range m.batches {
		if err := lake.CheckReload(batch); err != nil {
			return err
		}
	}
	if err := m.checkKept(ctx); err != nil {
		return err
	}
	query := m.checkQuery()
	if query == "" {
		return m.checkCounts()
	}
	err := m.lake.each(ctx, statement{text: query}, func(values []any) error {
		b := m.batchOf(values)
		if b < 0 {
			return lake.Incomplete(m.batches[0], "%d rows carry another client or region: %q of %q", integer(values[2]), text(values[1]), text(values[0]))
		}
		if n := integer(values[3]); n > 0 {
			return lake.Incomplete(m.batches[b], "%d rows have an id that is NULL", n)
		}
		m.facts[b].rows += integer(values[2])
		m.facts[b].distinct += integer(values[4])
		m.facts[b].low, m.facts[b].high = text(values[5]), text(values[6])
		m.facts[b].deletes += integer(values[7])
		return nil
	})
	if is(err, missingFiles) || is(err, badColumns) || is(err, badValues) {
		return lake.Incomplete(m.batches[0], "its files cannot be read as it says, stage it again: %v", err)
	}
	if err != nil {
		return err
	}
	return m.checkCounts()
}

func (m *merge) checkCounts() error {
	for b, batch := range m.batches {
		if m.facts[b].rows != batch.Rows {
			return lake.Incomplete(batch, "it should have %d rows and its files have %d, stage it again", batch.Rows, m.facts[b].rows)
		}
	}
	return nil
}

// checkKept makes sure that the files of the rows that a reload keeps are whole: a row that is missing from them would
// be deleted.
func (m *merge) checkKept(ctx context.Context) error {
	query := m.keptQuery()
	if query == "" {
		return nil
	}
	rows := make([]int64, len(m.batches))
	err := m.lake.each(ctx, statement{text: query}, func(values []any) error {
		rows[integer(values[0])] = integer(values[1])
		return nil
	})
	if is(err, missingFiles) || is(err, badColumns) {
		return lake.Incomplete(m.batches[0], "its files of kept rows cannot be read, stage it again: %v", err)
	}
	for b, batch := range m.batches {
		var want int64
		for _, file := range batch.Kept {
			want += file.Rows
		}
		if err == nil && batch.Reload && rows[b] != want {
			err = lake.Incomplete(batch, "it should keep %d rows and its files have %d, stage it again", want, rows[b])
		}
	}
	return err
}

// checkQuery counts the staged rows by tenant: region, client, rows, rows without an id, different ids, the
// smallest and largest first id, and soft-deleted rows. It names every column, so that a file without one fails; "" when nothing is staged.
func (m *merge) checkQuery() string {
	var columns table.Schema
	for _, batch := range m.batches {
		for _, column := range batch.Schema {
			if i := columns.Find(column.Name); i < 0 {
				columns = append(columns, column)
			} else if columns[i].Type.Fits(column.Type) {
				columns[i].Type = column.Type
			}
		}
	}
	parts := m.stagedParts(columns)
	if len(parts) == 0 {
		return ""
	}
	nulls := make([]string, len(m.keys))
	for i, key := range m.keys {
		nulls[i] = quote(key) + " IS NULL"
	}
	first := quote(m.keys[0])
	return fmt.Sprintf("SELECT %[1]s, %[2]s, count(*), count_if(%[3]s), count(DISTINCT %[4]s), CAST(min(%[5]s) AS STRING), CAST(max(%[5]s) AS STRING), "+
		"count_if(%[7]s) FROM (%[6]s) GROUP BY %[1]s, %[2]s",
		quote(table.RegionColumn), quote(table.ClientColumn), strings.Join(nulls, " OR "), quoteAll(m.keys), first, strings.Join(parts, "\n  UNION ALL "), quote(deletedColumn))
}

// keptQuery counts the rows that reloads kept apart, by the number of their batch; "" when there are none. It names the ids, so that
// a file without them fails.
func (m *merge) keptQuery() string {
	var parts []string
	for b, batch := range m.batches {
		if !batch.Reload {
			continue
		}
		for _, file := range batch.Kept {
			parts = append(parts, fmt.Sprintf("SELECT %d AS b, count(*) AS n, %s FROM %s", b, countEach(lake.OwnIDs(batch)), parquet(file.Path)))
		}
	}
	if len(parts) == 0 {
		return ""
	}
	return "SELECT b, sum(n) FROM (" + strings.Join(parts, " UNION ALL ") + ") GROUP BY b"
}

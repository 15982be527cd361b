package local

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"tributary/internal/delta"
	"tributary/internal/lake"
	"tributary/internal/table"
)

// logTable is a table of the sync log. A row of it that is written replaces the one with the same keys, or, when
// nothing is replaced, is left out when there is one.
type logTable struct {
	lake.Table
	keys    []string
	replace bool
}

// manyLogFiles is how many small files of appended rows are put together with the next rows.
const manyLogFiles = 16

// writeLog writes rows, in the order of the table's columns, in one statement: a merge's many would take longer than
// most client tables do. rows is called anew for each attempt, with what the attempt is based on; the snapshot is
// nil when the table is still to be made.
// committed, if not nil, is told the version that has them.
func (l *Lake) writeLog(ctx context.Context, def logTable, rows func(*delta.Table, *delta.Snapshot) ([][]any, error),
	committed func(*delta.Table, *delta.Snapshot, int64)) error {
	t, err := l.table(def.Schema, def.Name)
	if err != nil {
		return err
	}
	return retry(ctx, func() error {
		snapshot, err := t.Snapshot(ctx)
		if errors.Is(err, delta.ErrNotFound) {
			snapshot, err = nil, nil
		}
		if err != nil {
			return err
		}
		all, err := rows(t, snapshot)
		if err != nil || len(all) == 0 {
			return err
		}
		version, err := l.putLog(ctx, t, snapshot, def, all)
		if err == nil && committed != nil {
			committed(t, snapshot, version)
		}
		return err
	})
}

// putLog is one attempt of writeLog. It returns the version that it committed, or -1 when there was nothing to commit.
func (l *Lake) putLog(ctx context.Context, t *delta.Table, snapshot *delta.Snapshot, def logTable, rows [][]any) (int64, error) {
	tx := delta.Tx{Read: snapshot, Operation: "WRITE", DataChange: true, ReadPartitions: func(map[string]*string) bool { return true }}
	f := files{dir: t.Dir(), partitionBy: def.PartitionBy, empty: l.emptyFile()}
	var err error
	if f.schema, err = def.evolved(snapshot); err != nil {
		return -1, err
	}
	if tx.Metadata, err = changedMetadata(snapshot, lake.Table{Name: def.Name, Comment: def.Comment, Columns: f.schema, PartitionBy: def.PartitionBy}); err != nil {
		return -1, err
	}
	s, err := l.session(ctx)
	if err != nil {
		return -1, err
	}
	defer s.close()
	if snapshot != nil {
		f.adds = snapshot.Files()
		if err := loadVectors(ctx, s.conn, &f); err != nil {
			return -1, err
		}
	}
	query := def.plan(&tx, f, rows)
	output, err := s.copyTo(ctx, f.schema, query, "log", splitting(0))
	if err != nil {
		return -1, err
	}
	var made []string
	defer func() { removeAll(made) }()
	values := map[string]*string{"schema": &def.Schema}
	tx.Adds, err = moveAll(f, output, func(written) map[string]*string { return values }, def.keys)
	for _, add := range tx.Adds {
		made = append(made, add.LocalPath(t.Dir()))
	}
	if err != nil || tx.Metadata == nil && !def.replace && rowsOf(output) == recordsOf(tx.Removes) { // all rows are there
		return -1, err
	}
	return commit(ctx, t, tx, &made)
}

// evolved is the table's schema with the columns that it lacks.
func (def logTable) evolved(snapshot *delta.Snapshot) (table.Schema, error) {
	if snapshot == nil {
		return def.Columns, nil
	}
	if by := snapshot.Metadata.PartitionColumns; !slices.Equal(by, def.PartitionBy) {
		return nil, fmt.Errorf("%w: it is partitioned by %q and not by %q: move it away, and it is made anew", lake.ErrSchema, by, def.PartitionBy)
	}
	current, err := snapshot.Schema()
	if err != nil {
		return nil, err
	}
	return evolve(current, []table.Batch{{Ref: table.Ref{Schema: def.Schema, Table: def.Name}, Schema: def.Columns}})
}

func rowsOf(output []written) (rows int64) {
	for _, w := range output {
		rows += w.rows
	}
	return rows
}

// plan decides which files are rewritten, and returns the query of the rows to write.
func (def logTable) plan(tx *delta.Tx, f files, rows [][]any) string {
	var candidates, small []*delta.Add
	if tx.Read != nil {
		for _, add := range tx.Read.Files() {
			if def.mayHold(add, rows) {
				candidates = append(candidates, add)
			}
			if add.Size <= tailUntouched {
				small = append(small, add)
			}
		}
	}
	columns, keys := prefixed("t", f.schema.Names()), prefixed("t", def.keys)
	fresh := "WITH fresh AS MATERIALIZED (" + def.selectRows(f.schema, rows) + ") "
	same := make([]string, len(def.keys))
	for i, key := range def.keys {
		same[i] = fmt.Sprintf("s.%s IS NOT DISTINCT FROM t.%[1]s", quote(key))
	}
	on := strings.Join(same, " AND ")
	if def.replace {
		for _, add := range small {
			if !slices.Contains(candidates, add) {
				candidates = append(candidates, add)
			}
		}
		tx.Removes, f.adds = candidates, candidates
		return fmt.Sprintf("%sSELECT %s FROM (%s) t ANTI JOIN fresh s ON %s UNION ALL FROM fresh", fresh, columns, f.scan(f.schema.Names(), nil), on)
	}
	f.adds = candidates
	query := fmt.Sprintf("%sSELECT s.* FROM fresh s ANTI JOIN (SELECT %s FROM (%s) t SEMI JOIN fresh s ON %s) t ON %[4]s", fresh, keys, f.scan(def.keys, nil), on)
	if len(small) >= manyLogFiles {
		tx.Removes, f.adds = small, small
		query += fmt.Sprintf(" UNION ALL SELECT %s FROM (%s) t", columns, f.scan(f.schema.Names(), nil))
	}
	return query
}

// mayHold says whether a file may have a row with the keys of one of the rows.
func (def logTable) mayHold(add *delta.Add, rows [][]any) bool {
	stats, err := add.Statistics()
	if err != nil || stats == nil {
		return true
	}
	for _, key := range def.keys {
		i := def.Columns.Find(key)
		low, high := rows[0][i], rows[0][i]
		for _, row := range rows {
			low, high = lesser(low, row[i], 1), lesser(high, row[i], -1)
		}
		if !hasFold(def.PartitionBy, key) && low != nil && high != nil && !stats.MayContain(key, def.Columns[i].Type, low, high) {
			return false
		}
	}
	return true
}

// lesser is the smaller one of two values, for sign 1, or the larger one, for -1; nil when one is NULL.
func lesser(a, b any, sign int) any {
	var order int
	switch x := a.(type) {
	case string:
		y, ok := b.(string)
		if !ok {
			return nil
		}
		order = strings.Compare(x, y)
	case time.Time:
		y, ok := b.(time.Time)
		if !ok {
			return nil
		}
		order = x.Compare(y)
	default:
		return nil
	}
	if order*sign <= 0 {
		return a
	}
	return b
}

// selectRows selects rows that are in the order of def's columns, with the columns of the table.
func (def logTable) selectRows(schema table.Schema, rows [][]any) string {
	lines := make([]string, len(rows))
	for i, row := range rows {
		texts := make([]string, len(row))
		for j, v := range row {
			texts[j] = sqlValue(v)
		}
		lines[i] = "(" + strings.Join(texts, ", ") + ")"
	}
	columns := make([]string, len(schema))
	for i, c := range schema {
		from := "NULL"
		if def.Columns.Find(c.Name) >= 0 {
			from = quote(c.Name)
		}
		columns[i] = fmt.Sprintf("CAST(%s AS %s) AS %s", from, duckType(c.Type), quote(c.Name))
	}
	return fmt.Sprintf("SELECT %s FROM (VALUES %s) v(%s)", strings.Join(columns, ", "), strings.Join(lines, ", "),
		table.QuoteAll(def.Columns.Names(), table.DoubleQuote))
}

// sqlValue writes a value of a log row.
func sqlValue(v any) string {
	switch x := v.(type) {
	case nil:
		return "NULL"
	case string:
		return table.Literal(x)
	case time.Time:
		return table.Literal(x.Format("2006-01-02 15:04:05.000000+00"))
	}
	return fmt.Sprint(v)
}

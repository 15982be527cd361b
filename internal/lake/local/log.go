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

// Log implements lake.Lake. sync_runs comes first: a call that is repeated after sync_log was not written
// finds its runs there and goes on.
func (l *Lake) Log(ctx context.Context, runs []table.Run) error {
	bySchema := map[string][]table.Run{}
	for _, run := range runs {
		bySchema[run.Schema] = append(bySchema[run.Schema], run)
	}
	for schema, group := range bySchema {
		if err := l.appendRuns(ctx, schema, group); err != nil {
			return fmt.Errorf("log %d runs in %s.%s: %w", len(group), schema, lake.SyncRuns, l.explain(err))
		}
		if err := l.advance(ctx, schema, group); err != nil {
			return fmt.Errorf("log %d runs in %s.%s: %w", len(group), schema, lake.SyncLog, l.explain(err))
		}
	}
	return nil
}

func (l *Lake) appendRuns(ctx context.Context, schema string, runs []table.Run) error {
	rows := make([]logRow, len(runs))
	for i, run := range runs {
		rows[i] = logRow{run.Ref, lake.RunValues(run)}
	}
	return l.writeLog(ctx, lake.SyncRunsTable(schema), lake.SyncRunsKeys, true,
		func(*delta.Table, *delta.Snapshot) ([]logRow, error) { return rows, nil })
}

// advance brings sync_log up to date with the runs, in the order in which they started.
func (l *Lake) advance(ctx context.Context, schema string, runs []table.Run) error {
	runs = slices.DeleteFunc(slices.Clone(runs), func(r table.Run) bool { return r.Backfill })
	if len(runs) == 0 {
		return nil
	}
	slices.SortStableFunc(runs, func(a, b table.Run) int { return a.Started.Compare(b.Started) })
	return l.writeLog(ctx, lake.SyncLogTable(schema), lake.SyncLogKeys, false, func(t *delta.Table, snapshot *delta.Snapshot) ([]logRow, error) {
		var clients []string
		for _, run := range runs {
			clients = append(clients, run.Client)
		}
		last, err := l.readLog(ctx, t, snapshot, clients)
		if err != nil {
			return nil, err
		}
		byKey := map[string]lake.LastRun{}
		key := func(ref table.Ref) string { return ref.Client + "\x00" + ref.Table }
		for _, row := range last {
			byKey[key(row.Ref)] = row
		}
		var order []string
		for _, run := range runs {
			k := key(run.Ref)
			if !slices.Contains(order, k) {
				order = append(order, k)
			}
			byKey[k] = lake.Advance(byKey[k], run)
		}
		rows := make([]logRow, len(order))
		for i, k := range order {
			rows[i] = logRow{byKey[k].Ref, byKey[k].Values()}
		}
		return rows, nil
	})
}

// logRow is a row to write to a log table.
type logRow struct {
	ref    table.Ref
	values []any
}

// writeLog merges rows into a log table. rows is called anew for each attempt, with what the attempt is based on;
// the snapshot is nil when the table is still to be made.
func (l *Lake) writeLog(ctx context.Context, def lake.Table, keys []string, insertOnly bool,
	rows func(*delta.Table, *delta.Snapshot) ([]logRow, error)) error {
	t, err := l.table(def.Schema, def.Name)
	if err != nil {
		return err
	}
	return retry(ctx, func() error {
		snapshot, err := t.Snapshot(ctx)
		if err != nil && !errors.Is(err, delta.ErrNotFound) {
			return err
		}
		all, err := rows(t, snapshot)
		if err != nil {
			return err
		}
		src := &source{keys: keys, insertOnly: insertOnly, snapshot: snapshot}
		src.setRows(def, all)
		_, err = l.attempt(ctx, t, src)
		return err
	})
}

// setRows makes the rows the source: a batch for each client.
func (src *source) setRows(def lake.Table, rows []logRow) {
	index := map[string]int{}
	values := make([]string, len(rows))
	for i, row := range rows {
		b, ok := index[row.ref.Client]
		if !ok {
			b = len(src.batches)
			index[row.ref.Client] = b
			ref := table.Ref{Client: row.ref.Client, Region: row.ref.Region, Schema: def.Schema, Table: def.Name}
			src.batches = append(src.batches, table.Batch{Ref: ref, Schema: def.Columns, PartitionBy: def.PartitionBy})
		}
		src.batches[b].Rows++
		texts := []string{fmt.Sprint(b), fmt.Sprint(i)}
		for _, v := range row.values {
			texts = append(texts, sqlValue(v))
		}
		values[i] = "(" + strings.Join(texts, ", ") + ")"
	}
	columns := []string{"__b::INTEGER AS __b", "__r::BIGINT AS __r", "false AS __d", "false AS __x"}
	for _, c := range def.Columns {
		columns = append(columns, fmt.Sprintf("CAST(%s AS %s) AS %[1]s", quote(c.Name), duckType(c.Type)))
	}
	src.inline = fmt.Sprintf("SELECT %s FROM (VALUES %s) v(__b, __r, %s)", strings.Join(columns, ", "),
		strings.Join(values, ", "), table.QuoteAll(def.Columns.Names(), table.DoubleQuote))
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

// LastRuns implements lake.Lake. A schema without a sync log has no rows.
func (l *Lake) LastRuns(ctx context.Context, schema string, filter lake.Filter) ([]lake.LastRun, error) {
	t, err := l.table(schema, lake.SyncLog)
	if err != nil {
		return nil, err
	}
	snapshot, err := t.Snapshot(ctx)
	if errors.Is(err, delta.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read %s.%s: %w", schema, lake.SyncLog, translate(err))
	}
	var clients []string
	if filter.Client != "" {
		clients = []string{filter.Client}
	}
	all, err := l.readLog(ctx, t, snapshot, clients)
	if err != nil {
		return nil, fmt.Errorf("read %s.%s: %w", schema, lake.SyncLog, err)
	}
	return slices.DeleteFunc(all, func(r lake.LastRun) bool {
		return filter.Sync != "" && r.Sync != filter.Sync || filter.Region != "" && r.Region != filter.Region ||
			len(filter.Tables) > 0 && !slices.Contains(filter.Tables, r.Table)
	}), nil
}

// readLog reads the rows of sync_log of those clients, or of all when none is named, in the order of client and table.
func (l *Lake) readLog(ctx context.Context, t *delta.Table, snapshot *delta.Snapshot, clients []string) ([]lake.LastRun, error) {
	if snapshot == nil {
		return nil, nil
	}
	schema, err := snapshot.Schema()
	if err != nil {
		return nil, err
	}
	f := files{dir: t.Dir(), schema: schema, partitionBy: snapshot.Metadata.PartitionColumns, empty: l.emptyFile()}
	for _, add := range snapshot.Files() {
		client := partitionValue(add, table.ClientColumn)
		if len(clients) == 0 || client == nil || slices.Contains(clients, *client) {
			f.adds = append(f.adds, add)
		}
	}
	s, err := l.session(ctx)
	if err != nil {
		return nil, err
	}
	defer s.close()
	columns := lake.SyncLogTable("").Columns.Names()
	query := fmt.Sprintf("SELECT %s FROM (%s)", table.QuoteAll(columns, table.DoubleQuote), f.scan(columns, nil))
	if len(clients) > 0 {
		query += fmt.Sprintf(" WHERE list_contains(%s, %s)", literals(clients), quote(table.ClientColumn))
	}
	var all []lake.LastRun
	err = s.each(ctx, query+" ORDER BY client_id, table_name", func(v []any) error {
		all = append(all, lastRun(v))
		return nil
	})
	return all, err
}

// lastRun reads the columns of lake.SyncLogTable.
func lastRun(v []any) lake.LastRun {
	text := func(v any) string { s, _ := v.(string); return s }
	at := func(v any) time.Time {
		if t, ok := v.(time.Time); ok {
			return t.UTC()
		}
		return time.Time{}
	}
	return lake.LastRun{
		Ref:      table.Ref{Schema: text(v[0]), Client: text(v[1]), Table: text(v[2]), Region: text(v[3]), Sync: text(v[4])},
		LastSync: at(v[5]), Watermark: text(v[6]), Kind: text(v[7]), Rows: integer(v[8]), Status: text(v[9]), Error: text(v[10]),
		RunID: text(v[11]), Started: at(v[12]), Finished: at(v[13]),
	}
}

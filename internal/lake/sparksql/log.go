package sparksql

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"tributary/internal/lake"
	"tributary/internal/table"
)

// Log implements lake.Lake: one MERGE that adds to sync_runs, and one that advances sync_log. Repeating it changes
// nothing, so that it does not matter after which of the two it was broken off.
func (l *Lake) Log(ctx context.Context, runs []table.Run) error {
	bySchema := map[string][]table.Run{}
	for _, run := range runs {
		bySchema[run.Schema] = append(bySchema[run.Schema], run)
	}
	for schema, runs := range bySchema {
		if err := l.logSchema(ctx, schema, runs); err != nil {
			return fmt.Errorf("sync log of %s: %w", schema, l.translate(ctx, err))
		}
	}
	return nil
}

func (l *Lake) logSchema(ctx context.Context, schema string, runs []table.Run) error {
	if err := l.change(ctx, lake.SyncRunsTable(schema), func() (statement, error) { return l.dialect.addRuns(schema, runs) }); err != nil {
		return err
	}
	for _, round := range rounds(runs) {
		if err := l.change(ctx, lake.SyncLogTable(schema), func() (statement, error) { return l.dialect.advance(schema, round) }); err != nil {
			return err
		}
	}
	return nil
}

// change runs a statement on a log table, and makes the table first when it is missing, or adds the columns that it lacks.
func (l *Lake) change(ctx context.Context, def lake.Table, write func() (statement, error)) error {
	s, err := write()
	if err != nil {
		return err
	}
	return retry(ctx, func() error {
		err := l.exec(ctx, s)
		switch {
		case is(err, missingTables), is(err, missingSchemas):
			err = l.createTable(ctx, def)
		case is(err, badColumns): // an earlier version made it
			_, err = l.Create(ctx, def)
		default:
			return err
		}
		if err != nil {
			return err
		}
		return l.exec(ctx, s)
	})
}

// rounds splits runs so that a client table is in each part once, in the order in which they were given; backfills are
// in none. Equal runs count once.
func rounds(runs []table.Run) [][]table.Run {
	var all [][]table.Run
	next := map[table.Ref]int{}
	seen := map[string]bool{}
	for _, run := range runs {
		ref := table.Ref{Client: run.Client, Schema: run.Schema, Table: run.Table}
		id := fmt.Sprint(ref, run.RunID, run.Started)
		if run.Backfill || seen[id] {
			continue
		}
		seen[id] = true
		round := next[ref]
		if round == len(all) {
			all = append(all, nil)
		}
		all[round] = append(all[round], run)
		next[ref] = round + 1
	}
	return all
}

// addRuns is the statement that adds runs to sync_runs, once each.
func (d dialect) addRuns(schema string, runs []table.Run) (statement, error) {
	def := lake.SyncRunsTable(schema)
	var lines [][]any
	seen := map[string]bool{}
	low, high := runs[0].Started, runs[0].Started
	for _, run := range runs {
		if id := fmt.Sprint(run.RunID, run.Schema, run.Client, run.Table, run.Started); !seen[id] {
			seen[id] = true
			lines = append(lines, lake.RunValues(run))
		}
		if run.Started.Before(low) {
			low = run.Started
		}
		if run.Started.After(high) {
			high = run.Started
		}
	}
	var s statement
	source, err := d.rowsOf(&s.values, def.Columns, lines)
	if err != nil {
		return s, err
	}
	s.text = fmt.Sprintf("MERGE INTO %s AS t\nUSING (%s) AS s\nON t.`schema` = %s AND t.`started_at` BETWEEN %s AND %s AND %s\n"+
		"WHEN NOT MATCHED THEN INSERT (%s) VALUES (s.%s)",
		tableName(schema, def.Name), source, literal(schema), timestamp(low), timestamp(high), equal(lake.SyncRunsKeys),
		quoteAll(def.Columns.Names()), strings.Join(quoted(def.Columns.Names()), ", s."))
	return s, nil
}

// Columns of advance's source beside those of sync_log: what the run brings if it was ok, else NULL.
const (
	bringsSync      = "brings_sync"
	bringsWatermark = "brings_watermark"
	bringsKind      = "brings_kind"
)

// advance is the statement that does to sync_log what lake.Advance says, for runs of different client tables.
func (d dialect) advance(schema string, runs []table.Run) (statement, error) {
	def := lake.SyncLogTable(schema)
	columns := append(slices.Clone(def.Columns),
		table.Column{Name: bringsSync, Type: table.Timestamp}, table.Column{Name: bringsWatermark, Type: table.String}, table.Column{Name: bringsKind, Type: table.String})
	lines := make([][]any, len(runs))
	for i, run := range runs {
		first := lake.Advance(lake.LastRun{}, run)
		lines[i] = append(first.Values(), nil, nil, nil)
		if run.Status == table.StatusOK {
			lines[i][len(lines[i])-3] = run.Finished.UTC().Truncate(time.Microsecond)
			if run.Watermark != "" {
				lines[i][len(lines[i])-2], lines[i][len(lines[i])-1] = run.Watermark, run.Window.Kind
			}
		}
	}
	var s statement
	source, err := d.rowsOf(&s.values, columns, lines)
	if err != nil {
		return s, err
	}
	s.text = fmt.Sprintf("MERGE INTO %s AS t\nUSING (%s) AS s\nON t.`schema` = %s AND %s\nWHEN MATCHED AND (%s) THEN UPDATE SET %s\nWHEN NOT MATCHED THEN INSERT (%s) VALUES (s.%s)",
		tableName(schema, def.Name), source, literal(schema), equal(lake.SyncLogKeys), advances, advancing(),
		quoteAll(def.Columns.Names()), strings.Join(quoted(def.Columns.Names()), ", s."))
	return s, nil
}

// Conditions of lake.Advance, s being the run and t the row of sync_log.
const (
	newest   = "(t.`started_at` IS NULL OR s.`started_at` >= t.`started_at`)"
	otherRun = "NOT (s.`run_id` <=> t.`run_id` AND s.`started_at` <=> t.`started_at` AND s.`status` <=> t.`status`)"
	later    = "(s.`brings_sync` IS NOT NULL AND (t.`last_sync_timestamp` IS NULL OR s.`brings_sync` > t.`last_sync_timestamp`))"
	last     = "(s.`brings_sync` IS NOT NULL AND (" + newest + " OR t.`last_sync_timestamp` IS NULL OR s.`brings_sync` >= t.`last_sync_timestamp`))"
	brings   = last + " AND s.`brings_watermark` IS NOT NULL"
	moves    = "(" + brings + " AND NOT (s.`brings_watermark` <=> t.`watermark` AND s.`brings_kind` <=> t.`cursor_kind`))"
	resettle = "(" + last + " AND NOT (s.`region` <=> t.`region`))"
	advances = newest + " AND " + otherRun + " OR " + later + " OR " + moves + " OR " + resettle
)

func advancing() string {
	var all []string
	for _, column := range []string{"sync", "rows", "status", "error", "run_id", "started_at", "finished_at"} {
		all = append(all, fmt.Sprintf("t.%s = IF(%s, s.%[1]s, t.%[1]s)", quote(column), newest))
	}
	return strings.Join(append(all,
		"t.`last_sync_timestamp` = IF("+later+", s.`brings_sync`, t.`last_sync_timestamp`)",
		"t.`region` = IF("+last+", s.`region`, t.`region`)",
		"t.`watermark` = CASE WHEN "+brings+" THEN s.`brings_watermark` WHEN "+resettle+" THEN NULL ELSE t.`watermark` END",
		"t.`cursor_kind` = CASE WHEN "+brings+" THEN s.`brings_kind` WHEN "+resettle+" THEN NULL ELSE t.`cursor_kind` END"), ", ")
}

func equal(keys []string) string {
	all := make([]string, len(keys))
	for i, key := range keys {
		all[i] = fmt.Sprintf("t.%s <=> s.%[1]s", quote(key))
	}
	return strings.Join(all, " AND ")
}

// rowsOf is a relation of the given lines, however many, in one value: a JSON array. Times go as microseconds.
func (d dialect) rowsOf(values *[]any, columns table.Schema, lines [][]any) (string, error) {
	fields, selected := make([]string, len(columns)), make([]string, len(columns))
	for i, column := range columns {
		kind, expr := sqlType(column.Type), "r."+quote(column.Name)
		if column.Type == table.Timestamp {
			kind, expr = "BIGINT", "timestamp_micros("+expr+")"
		}
		fields[i], selected[i] = quote(column.Name)+": "+kind, expr+" AS "+quote(column.Name)
	}
	objects := make([]map[string]any, len(lines))
	for i, line := range lines {
		objects[i] = make(map[string]any, len(columns))
		for j, value := range line {
			if t, ok := value.(time.Time); ok {
				value = t.UnixMicro()
			}
			objects[i][columns[j].Name] = value
		}
	}
	written, err := json.Marshal(objects)
	if err != nil {
		return "", err
	}
	schema := "ARRAY<STRUCT<" + strings.Join(fields, ", ") + ">>"
	return fmt.Sprintf("SELECT %s FROM (SELECT explode(from_json(%s, %s, map('mode', 'FAILFAST'))) AS r)",
		strings.Join(selected, ", "), d.value(values, string(written)), literal(schema)), nil
}

func timestamp(t time.Time) string {
	return "TIMESTAMP '" + t.UTC().Truncate(time.Microsecond).Format("2006-01-02 15:04:05.000000") + "'"
}

// LastRuns implements lake.Lake.
func (l *Lake) LastRuns(ctx context.Context, schema string, filter lake.Filter) ([]lake.LastRun, error) {
	var runs []lake.LastRun
	err := l.each(ctx, l.dialect.lastRuns(schema, filter), func(v []any) error {
		runs = append(runs, lake.LastRun{
			Ref:      table.Ref{Schema: text(v[0]), Client: text(v[1]), Table: text(v[2]), Region: text(v[3]), Sync: text(v[4])},
			LastSync: instant(v[5]), Watermark: text(v[6]), Kind: text(v[7]), Rows: integer(v[8]), Status: text(v[9]), Error: text(v[10]),
			RunID: text(v[11]), Started: instant(v[12]), Finished: instant(v[13]),
		})
		return nil
	})
	if is(err, missingTables) || is(err, missingSchemas) {
		return nil, nil // before the first run
	}
	if err != nil {
		return nil, fmt.Errorf("sync log of %s: %w", schema, l.translate(ctx, err))
	}
	return runs, nil
}

func (d dialect) lastRuns(schema string, filter lake.Filter) statement {
	var s statement
	conditions := []string{"`schema` = " + literal(schema)}
	for _, f := range []struct{ column, value string }{
		{"sync", filter.Sync}, {table.RegionColumn, filter.Region}, {table.ClientColumn, filter.Client},
	} {
		if f.value != "" {
			conditions = append(conditions, quote(f.column)+" = "+d.value(&s.values, f.value))
		}
	}
	for _, f := range []struct {
		column string
		values []string
	}{{table.ClientColumn, filter.Clients}, {"table_name", filter.Tables}} {
		markers := make([]string, len(f.values))
		for i, value := range f.values {
			markers[i] = d.value(&s.values, value)
		}
		if len(markers) > 0 {
			conditions = append(conditions, quote(f.column)+" IN ("+strings.Join(markers, ", ")+")")
		}
	}
	s.text = fmt.Sprintf("SELECT %s FROM %s WHERE %s", quoteAll(lake.SyncLogTable(schema).Columns.Names()),
		tableName(schema, lake.SyncLog), strings.Join(conditions, " AND "))
	return s
}

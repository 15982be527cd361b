package local

import (
	"context"
	"errors"
	"fmt"
	"slices"
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
	seen := map[string]bool{}
	var rows [][]any
	for _, run := range runs {
		if key := fmt.Sprintf("%q", []string{run.RunID, run.Client, run.Table}); !seen[key] {
			seen[key] = true
			rows = append(rows, lake.RunValues(run))
		}
	}
	return l.writeLog(ctx, logTable{lake.SyncRunsTable(schema), lake.SyncRunsKeys, false},
		func(*delta.Table, *delta.Snapshot) ([][]any, error) { return rows, nil }, nil)
}

// advance brings sync_log up to date with the runs, in the order in which they started.
func (l *Lake) advance(ctx context.Context, schema string, runs []table.Run) error {
	runs = slices.DeleteFunc(slices.Clone(runs), func(r table.Run) bool { return r.Backfill })
	if len(runs) == 0 {
		return nil
	}
	slices.SortStableFunc(runs, func(a, b table.Run) int { return a.Started.Compare(b.Started) })
	clients := make([]string, len(runs))
	for i, run := range runs {
		clients[i] = run.Client
	}
	var changed map[logKey]lake.LastRun
	return l.writeLog(ctx, logTable{lake.SyncLogTable(schema), lake.SyncLogKeys, true}, func(t *delta.Table, snapshot *delta.Snapshot) ([][]any, error) {
		last, err := l.readLog(ctx, t, snapshot, clients)
		if err != nil {
			return nil, err
		}
		changed = advanced(last, runs)
		rows := make([][]any, 0, len(changed))
		for _, row := range changed {
			rows = append(rows, row.Values())
		}
		return rows, nil
	}, func(t *delta.Table, snapshot *delta.Snapshot, version int64) {
		l.logCache(t).advance(snapshot, version, changed)
	})
}

// advanced returns the rows of sync_log that the runs change.
func advanced(last []lake.LastRun, runs []table.Run) map[logKey]lake.LastRun {
	before, changed := map[logKey]lake.LastRun{}, map[logKey]lake.LastRun{}
	for _, row := range last {
		before[logKey{row.Client, row.Table}] = row
	}
	for _, run := range runs {
		k := logKey{run.Client, run.Table}
		row, ok := changed[k]
		if !ok {
			row = before[k]
		}
		changed[k] = stored(lake.Advance(row, run))
	}
	for k, row := range changed {
		if fmt.Sprint(row.Values()) == fmt.Sprint(before[k].Values()) {
			delete(changed, k)
		}
	}
	return changed
}

// stored is a row as sync_log keeps it.
func stored(row lake.LastRun) lake.LastRun {
	for _, at := range []*time.Time{&row.LastSync, &row.Started, &row.Finished} {
		*at = at.UTC().Truncate(time.Microsecond)
	}
	return row
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
	clients := filter.Clients
	if filter.Client != "" {
		clients = []string{filter.Client}
	}
	all, err := l.readLog(ctx, t, snapshot, clients)
	if err != nil {
		return nil, fmt.Errorf("read %s.%s: %w", schema, lake.SyncLog, err)
	}
	return slices.DeleteFunc(all, func(r lake.LastRun) bool {
		return filter.Sync != "" && r.Sync != filter.Sync || filter.Region != "" && r.Region != filter.Region ||
			len(filter.Clients) > 0 && !slices.Contains(filter.Clients, r.Client) || len(filter.Tables) > 0 && !slices.Contains(filter.Tables, r.Table)
	}), nil
}

// readLog reads the rows of sync_log of those clients, or of all when none is named, in the order of client and table.
func (l *Lake) readLog(ctx context.Context, t *delta.Table, snapshot *delta.Snapshot, clients []string) ([]lake.LastRun, error) {
	if snapshot == nil {
		return nil, nil
	}
	cache := l.logCache(t)
	if rows, ok := cache.get(snapshot, clients); ok {
		return rows, nil
	}
	if recordsOf(snapshot.Files()) > cachedLogRows {
		return l.selectLog(ctx, t, snapshot, clients)
	}
	all, err := l.selectLog(ctx, t, snapshot, nil)
	if err != nil {
		return nil, err
	}
	cache.set(snapshot, all)
	if len(clients) > 0 {
		all = slices.DeleteFunc(all, func(r lake.LastRun) bool { return !slices.Contains(clients, r.Client) })
	}
	return all, nil
}

func (l *Lake) selectLog(ctx context.Context, t *delta.Table, snapshot *delta.Snapshot, clients []string) ([]lake.LastRun, error) {
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
	if err := loadVectors(ctx, s.conn, &f); err != nil {
		return nil, translate(err)
	}
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

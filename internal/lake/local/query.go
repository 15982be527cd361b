package local

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"tributary/internal/delta"
	"tributary/internal/lake"
	"tributary/internal/table"
)

// Query implements lake.Lake in a DuckDB of its own, which takes one SELECT, sees the central tables as views, and
// can reach no file or network outside the lake. A table of another schema is written schema.table.
func (l *Lake) Query(ctx context.Context, schema, query string, at lake.At) (lake.Rows, error) {
	db, err := openDuckDB(ctx, l.options)
	if err != nil {
		return nil, err
	}
	conn, err := db.Conn(ctx)
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	rows, err := l.query(ctx, conn, schema, query, at)
	if err != nil {
		return nil, errors.Join(err, conn.Close(), db.Close())
	}
	result, err := newRows(rows, func() error { return errors.Join(rows.Close(), conn.Close(), db.Close()) })
	if err != nil {
		return nil, errors.Join(err, rows.Close(), conn.Close(), db.Close())
	}
	return result, nil
}

func (l *Lake) query(ctx context.Context, conn *sql.Conn, schema, query string, at lake.At) (*sql.Rows, error) {
	query = strings.TrimRight(strings.TrimSpace(query), "; \n\t")
	names, err := tablesOf(ctx, conn, query)
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		if err := l.createView(ctx, conn, schema, name, at); err != nil {
			return nil, err
		}
	}
	for _, setting := range []string{
		"SET allowed_directories = " + literals([]string{l.dir}), "SET enable_external_access = false", "SET lock_configuration = true",
	} {
		if _, err := conn.ExecContext(ctx, setting); err != nil {
			return nil, err
		}
	}
	rows, err := conn.QueryContext(ctx, query)
	if err != nil {
		return nil, fmt.Errorf("query: %w", l.explain(classify(err)))
	}
	return rows, nil
}

// tableName is a table as a query names it; schema is "" when the query does not say.
type tableName struct{ schema, name string }

// tablesOf returns the tables that a query names. It lets one SELECT through: DuckDB's parser serialises nothing else.
func tablesOf(ctx context.Context, conn *sql.Conn, query string) ([]tableName, error) {
	var text string
	if err := conn.QueryRowContext(ctx, "SELECT json_serialize_sql(?::VARCHAR)::VARCHAR", query).Scan(&text); err != nil {
		return nil, fmt.Errorf("query: %w", err)
	}
	var parsed struct {
		Error      bool   `json:"error"`
		Type       string `json:"error_type"`
		Message    string `json:"error_message"`
		Statements []any  `json:"statements"`
	}
	if err := json.Unmarshal([]byte(text), &parsed); err != nil {
		return nil, fmt.Errorf("query: %w", err)
	}
	switch {
	case parsed.Error && parsed.Type == "parser":
		return nil, fmt.Errorf("query: %s", parsed.Message)
	case parsed.Error:
		return nil, fmt.Errorf("query: only one SELECT can run here: nothing but syncs and maintenance changes a local lake")
	}
	if len(parsed.Statements) != 1 {
		return nil, fmt.Errorf("query: it has %d statements, give one", len(parsed.Statements))
	}
	found, ctes := map[tableName]bool{}, map[string]bool{}
	walk(parsed.Statements, found, ctes)
	maps.DeleteFunc(found, func(t tableName, _ bool) bool { return t.schema == "" && ctes[strings.ToLower(t.name)] })
	return slices.Collect(maps.Keys(found)), nil
}

// walk collects the tables and the names of WITH from a parsed query.
func walk(node any, found map[tableName]bool, ctes map[string]bool) {
	switch n := node.(type) {
	case []any:
		for _, item := range n {
			walk(item, found, ctes)
		}
	case map[string]any:
		if n["type"] == "BASE_TABLE" {
			schema, _ := n["schema_name"].(string)
			name, _ := n["table_name"].(string)
			found[tableName{schema, name}] = true
		}
		for key, value := range n {
			walk(value, found, ctes)
			if key == "cte_map" {
				collectCTEs(value, ctes)
			}
		}
	}
}

func collectCTEs(cteMap any, ctes map[string]bool) {
	outer, _ := cteMap.(map[string]any)
	entries, _ := outer["map"].([]any)
	for _, entry := range entries {
		if e, ok := entry.(map[string]any); ok {
			name, _ := e["key"].(string)
			ctes[strings.ToLower(name)] = true
		}
	}
}

// createView makes the view of a central table that a query names, as it was at the given point.
func (l *Lake) createView(ctx context.Context, conn *sql.Conn, schema string, name tableName, at lake.At) error {
	in, short := schema, name.name
	if name.schema != "" {
		in = name.schema
	}
	if in == "information_schema" || strings.HasPrefix(short, "duckdb_") {
		return nil
	}
	f, err := l.filesAt(ctx, in, short, at)
	if err != nil {
		return err
	}
	view := quote(short)
	if name.schema != "" {
		if _, err := conn.ExecContext(ctx, "CREATE SCHEMA IF NOT EXISTS "+quote(in)); err != nil {
			return err
		}
		view = quote(in) + "." + view
	}
	if err := loadVectors(ctx, conn, &f); err != nil {
		return fmt.Errorf("query: table %s.%s: %w", in, short, translate(err))
	}
	columns := table.QuoteAll(f.schema.Names(), table.DoubleQuote)
	statement := fmt.Sprintf("CREATE OR REPLACE VIEW %s AS SELECT %s FROM (%s)", view, columns, f.scan(f.schema.Names(), nil))
	if _, err := conn.ExecContext(ctx, statement); err != nil {
		return fmt.Errorf("query: table %s.%s: %w", in, short, classify(err))
	}
	return nil
}

// filesAt returns a table's files and schema at a point of its history.
func (l *Lake) filesAt(ctx context.Context, schema, name string, at lake.At) (files, error) {
	known := l.tableNames(schema)
	i := slices.IndexFunc(known, func(k string) bool { return strings.EqualFold(k, name) })
	if i < 0 {
		return files{}, fmt.Errorf("query: %w: %s.%s; schema %s has %s", lake.ErrNotFound, schema, name, schema, orNone(known))
	}
	t, err := l.table(schema, known[i])
	if err != nil {
		return files{}, err
	}
	snapshot, err := snapshotAt(ctx, t, at)
	if errors.Is(err, delta.ErrNotFound) {
		return files{}, noSuchVersion(fmt.Sprintf("query: table %s.%s: %s; see tributary history %[2]s", schema, name, plain(err)))
	}
	if err != nil {
		return files{}, fmt.Errorf("query: table %s.%s: %w", schema, name, translate(err))
	}
	columns, err := snapshot.Schema()
	return files{dir: t.Dir(), schema: columns, partitionBy: snapshot.Metadata.PartitionColumns, adds: snapshot.Files(), empty: l.emptyFile()}, translate(err)
}

// noSuchVersion is ErrNotFound of a table that is there, but was not then.
type noSuchVersion string

func (e noSuchVersion) Error() string { return string(e) }

func (noSuchVersion) Is(target error) bool { return target == lake.ErrNotFound }

func snapshotAt(ctx context.Context, t *delta.Table, at lake.At) (*delta.Snapshot, error) {
	switch {
	case at.Version != nil:
		return t.SnapshotAt(ctx, *at.Version)
	case !at.Time.IsZero():
		version, err := t.VersionAsOf(ctx, at.Time)
		if err != nil {
			return nil, err
		}
		return t.SnapshotAt(ctx, version)
	}
	return t.Snapshot(ctx)
}

// Tables implements lake.Lake.
func (l *Lake) Tables(_ context.Context, schema string) ([]string, error) {
	return l.tableNames(schema), nil
}

// tableNames lists the central tables of a schema.
func (l *Lake) tableNames(schema string) []string {
	logs, _ := filepath.Glob(filepath.Join(l.dir, folderName(schema), "*", "_delta_log"))
	names := make([]string, 0, len(logs))
	for _, log := range logs {
		if info, err := os.Stat(log); err == nil && info.IsDir() {
			names = append(names, nameOf(filepath.Base(filepath.Dir(log))))
		}
	}
	slices.Sort(names)
	return names
}

func orNone(names []string) string {
	if len(names) == 0 {
		return "no tables"
	}
	return strings.Join(names, ", ")
}

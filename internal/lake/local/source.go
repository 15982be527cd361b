package local

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"

	"tributary/internal/lake"
	"tributary/internal/table"
)

// source is what a merge brings in, as the temporary relation src: __b (the batch's index), __r (the row's
// number, unique), __d (whether the row is a delete), __x (whether it names another tenant), and the columns of the
// central table.
type source struct {
	batches []table.Batch
	types   []map[string]string // per batch: DuckDB's type by lower-case column name, as its files have it
	keys    []string            // client_id and region included
	cursor  string
	view    bool     // src is a view over the staged files
	notes   []string // per batch: what it changed in the table's columns
}

// Up to materialise rows, in files of up to materialiseBytes, src is a table; larger ones are read from their files each time.
const (
	materialise      = 50_000
	materialiseBytes = 32 << 20
)

// noteDrift keeps what the batches change in a table's columns. What an earlier attempt changed stays noted.
func (src *source) noteDrift(current table.Schema) {
	if src.notes == nil {
		src.notes = make([]string, len(src.batches))
	}
	for b, batch := range src.batches {
		if src.notes[b] == "" {
			src.notes[b] = lake.DriftNote(current, batch)
		}
	}
}

// describe reads the columns of the batches' files.
func (src *source) describe(ctx context.Context, s *session, dir string) error {
	src.types = make([]map[string]string, len(src.batches))
	for b, batch := range src.batches {
		src.types[b] = map[string]string{}
		if err := checkKept(ctx, s, dir, batch); err != nil {
			return err
		}
		if err := lake.CheckReload(batch); err != nil {
			return err
		}
		if len(batch.Files) == 0 {
			continue
		}
		err := s.each(ctx, "DESCRIBE SELECT * FROM "+readFiles(dir, batch.Files), func(v []any) error {
			src.types[b][strings.ToLower(v[0].(string))] = v[1].(string)
			return nil
		})
		if err != nil {
			return lake.Incomplete(batch, "its files cannot be read, stage it again: %v", err)
		}
		if err := checkTypes(batch, src.types[b]); err != nil {
			return err
		}
	}
	return nil
}

// checkTypes compares what a batch says of its files with what they are.
func checkTypes(batch table.Batch, types map[string]string) error {
	for _, column := range batch.Schema {
		duck, ok := types[strings.ToLower(column.Name)]
		if !ok {
			return lake.Incomplete(batch, "its files have no column %q", column.Name)
		}
		actual, known := centralType(duck)
		if !known || !actual.Fits(column.Type) {
			return lake.Misfit(batch, "column %q is staged as %s, which is not exact in %s", column.Name, duck, column.Type)
		}
	}
	names := append([]string{table.ClientColumn, table.RegionColumn}, batch.Keys...)
	for _, name := range names {
		if batch.Schema.Find(name) < 0 {
			return lake.Incomplete(batch, "its schema has no column %q, which is a key", name)
		}
	}
	return nil
}

func readFiles(dir string, staged []table.File) string {
	paths := make([]string, len(staged))
	for i, file := range staged {
		paths[i] = stagedPath(dir, file.Path)
	}
	return fmt.Sprintf("read_parquet(%s, hive_partitioning = false)", literals(paths))
}

func stagedPath(dir, path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(dir, stagingDir, path)
}

// load makes src with the columns of the central schema.
func (src *source) load(ctx context.Context, s *session, dir string, schema table.Schema) error {
	var rows int64
	var parts []string
	first := 0
	for b, batch := range src.batches {
		rows += batch.Rows
		if len(batch.Files) > 0 {
			parts = append(parts, src.selectFiles(dir, b, first, batch.Files, schema))
		}
		first += len(batch.Files)
	}
	if len(parts) == 0 {
		parts = []string{src.selectNothing(schema)}
	}
	kind := "TABLE"
	if src.view = rows > materialise || src.width()*float64(rows) > materialiseBytes; src.view {
		kind = "VIEW"
	}
	return s.exec(ctx, "CREATE TEMP "+kind+" src AS "+strings.Join(parts, " UNION ALL "))
}

// selectFiles selects the rows of some files of a batch, the first of which is of that number among all.
func (src *source) selectFiles(dir string, b, firstFile int, files []table.File, schema table.Schema) string {
	batch := src.batches[b]
	columns := []string{
		fmt.Sprintf("%d::INTEGER AS __b", b),
		fmt.Sprintf("((%d + %s::BIGINT) << 40) | %s::BIGINT AS __r", firstFile, fileIndex, fileRow),
		fmt.Sprintf("%s AS __d", lake.DeletedExpr(batch, table.DoubleQuote)),
		fmt.Sprintf("(%s IS DISTINCT FROM %s OR %s IS DISTINCT FROM %s) AS __x", quote(table.ClientColumn),
			table.Literal(batch.Ref.Client), quote(table.RegionColumn), table.Literal(batch.Ref.Region)),
	}
	for _, column := range schema {
		expr := "NULL"
		if batch.Schema.Find(column.Name) >= 0 {
			expr = quote(column.Name)
		}
		if src.types[b][strings.ToLower(column.Name)] != duckType(column.Type) || expr == "NULL" {
			expr = fmt.Sprintf("CAST(%s AS %s)", expr, duckType(column.Type))
		}
		columns = append(columns, expr+" AS "+quote(column.Name))
	}
	return fmt.Sprintf("SELECT %s FROM %s", strings.Join(columns, ", "), readFiles(dir, files))
}

func (src *source) selectNothing(schema table.Schema) string {
	columns := []string{"0::INTEGER AS __b", "0::BIGINT AS __r", "false AS __d", "false AS __x"}
	for _, column := range schema {
		columns = append(columns, fmt.Sprintf("NULL::%s AS %s", duckType(column.Type), quote(column.Name)))
	}
	return "SELECT " + strings.Join(columns, ", ") + " WHERE false"
}

// deduplicate keeps the newest row of each key: the largest cursor, then the last in the files.
func (src *source) deduplicate(ctx context.Context, s *session) error {
	order := "__r DESC"
	if src.cursor != "" {
		order = quote(src.cursor) + " DESC NULLS LAST, " + order
	}
	query := fmt.Sprintf("CREATE TEMP TABLE deduplicated AS SELECT * FROM src QUALIFY row_number() OVER (PARTITION BY %s ORDER BY %s) = 1",
		table.QuoteAll(src.keys, table.DoubleQuote), order)
	err := s.execAll(ctx, query, src.drop(), "ALTER TABLE deduplicated RENAME TO src")
	src.view = false
	return err
}

func (src *source) drop() string {
	if src.view {
		return "DROP VIEW src"
	}
	return "DROP TABLE src"
}

// width is how many bytes a row takes in the staged files.
func (src *source) width() float64 {
	var rows, bytes int64
	for _, batch := range src.batches {
		rows += batch.Rows
		for _, file := range batch.Files {
			bytes += file.Bytes
		}
	}
	return float64(bytes) / float64(max(rows, 1))
}

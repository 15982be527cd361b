package local

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/big"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/duckdb/duckdb-go/v2"
	"github.com/google/uuid"

	"tributary/internal/delta"
	"tributary/internal/table"
)

// written is a Parquet file that COPY made.
type written struct {
	path   string
	rows   int64
	bytes  int64
	output int                       // of the statement's PARTITION_BY (__o)
	stats  map[string]map[string]any // by column: min, max, null_count, has_nan, as text
}

// copyTo runs COPY of a query with the columns of schema into a folder of the session's own and returns the files that have rows.
func (s *session) copyTo(ctx context.Context, schema table.Schema, query, folder, options string) ([]written, error) {
	statement := fmt.Sprintf("COPY (%s) TO %s (FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1, ROW_GROUP_SIZE_BYTES '%s', RETURN_STATS, FILENAME_PATTERN '{uuid}', %s, %s)",
		query, table.Literal(filepath.Join(s.work, folder)), rowGroupBytes, table.SparkCalendar, options)
	var all []written
	err := s.each(ctx, statement, func(v []any) error {
		w := written{path: v[0].(string), rows: integer(v[1]), bytes: integer(v[2]), stats: map[string]map[string]any{}}
		for name, values := range entries(v[4]) {
			w.stats[unquoted(name)] = maps.Collect(entries(values))
		}
		for _, value := range entries(v[5]) {
			w.output, _ = strconv.Atoi(fmt.Sprint(value))
		}
		if w.rows > 0 {
			all = append(all, w)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return all, s.exactBounds(ctx, schema, all)
}

// entries ranges over a DuckDB map with text keys.
func entries(v any) func(yield func(string, any) bool) {
	return func(yield func(string, any) bool) {
		ordered, _ := v.(duckdb.OrderedMap)
		keys, values := ordered.Keys(), ordered.Values()
		for i, key := range keys {
			if !yield(fmt.Sprint(key), values[i]) {
				return
			}
		}
	}
}

func unquoted(name string) string {
	if len(name) >= 2 && name[0] == '"' && name[len(name)-1] == '"' {
		return strings.ReplaceAll(name[1:len(name)-1], `""`, `"`)
	}
	return name
}

// keep moves files into the table's folder and adds them to the transaction.
func (m *merge) keep(all []written, valuesOf func(written) map[string]*string) error {
	adds, err := moveAll(m.files, all, valuesOf, m.src.keys)
	for _, add := range adds {
		m.made = append(m.made, add.LocalPath(m.table.Dir()))
	}
	m.tx.Adds = append(m.tx.Adds, adds...)
	return err
}

// moveAll moves files into the table's folder. On an error it returns those that it has moved.
func moveAll(f files, all []written, valuesOf func(written) map[string]*string, keys []string) ([]delta.Add, error) {
	var adds []delta.Add
	for _, w := range all {
		add, err := moveIn(f, w, valuesOf(w), keys, os.Rename)
		if err != nil {
			return adds, err
		}
		adds = append(adds, add)
	}
	return adds, nil
}

// commit commits a transaction whose data files are made, and takes them off that list when they must stay: they
// are in the table, or may be, and then Vacuum decides.
func commit(ctx context.Context, t *delta.Table, tx delta.Tx, made *[]string) (int64, error) {
	version, err := t.Commit(ctx, tx)
	if err == nil || errors.Is(err, delta.ErrUncertain) {
		*made = nil
	}
	return version, err
}

// moveIn brings a finished file under a new name into its partition's folder.
func moveIn(f files, w written, values map[string]*string, keys []string, move func(from, to string) error) (delta.Add, error) {
	stats, err := statistics(w, f.schema, keys)
	if err != nil {
		return delta.Add{}, err
	}
	path := filepath.ToSlash(filepath.Join(delta.PartitionPath(f.partitionBy, values), "part-"+uuid.NewString()+".zstd.parquet"))
	to := filepath.Join(f.dir, filepath.FromSlash(path))
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return delta.Add{}, err
	}
	if err := move(w.path, to); err != nil {
		return delta.Add{}, err
	}
	return delta.Add{
		Path: delta.EncodePath(path), PartitionValues: values, Size: w.bytes, ModificationTime: time.Now().UnixMilli(),
		Stats: stats, Tags: map[string]string{inFileTag: inFile},
	}, nil
}

func removeAll(paths []string) {
	for _, path := range paths {
		os.Remove(path)
	}
}

// indexed is how many columns have statistics, as in other writers; the keys have them wherever they stand.
const indexed = 32

// statistics writes COPY's statistics of a file as Delta has them.
func statistics(w written, schema table.Schema, keys []string) (string, error) {
	stats := delta.NewStats(w.rows)
	for i, column := range schema {
		values, ok := w.stats[column.Name]
		if !ok || i >= indexed && !hasFold(keys, column.Name) {
			continue
		}
		nulls, err := strconv.ParseInt(fmt.Sprint(values["null_count"]), 10, 64)
		if err != nil {
			continue
		}
		low, high := statistic(column.Type, values["min"]), statistic(column.Type, values["max"])
		if fmt.Sprint(values["has_nan"]) == "true" || low == nil || high == nil {
			low, high = nil, nil // a NaN is larger than every number, and not in DuckDB's bounds
		}
		if err := stats.Set(column.Name, column.Type, low, high, nulls); err != nil {
			return "", fmt.Errorf("statistics of column %s: %w", column.Name, err)
		}
	}
	return stats.JSON()
}

// statistic reads DuckDB's text of a value; nil when it has none, or Go cannot hold it.
func statistic(t table.Type, v any) any {
	text, ok := v.(string)
	if !ok {
		return nil
	}
	var value any
	var err error
	switch {
	case t == table.String:
		return text
	case t == table.Binary:
		return nil
	case t == table.Boolean:
		value, err = strconv.ParseBool(text)
	case t == table.Date:
		value, err = time.Parse(time.DateOnly, text)
	case t == table.Timestamp:
		value, err = time.Parse("2006-01-02 15:04:05.999999-07", text)
	case t == table.Float, t == table.Double:
		value, err = strconv.ParseFloat(text, 64)
	case slices.Contains([]table.Type{table.Byte, table.Short, table.Integer, table.Long}, t):
		value, err = strconv.ParseInt(text, 10, 64)
	default:
		return text // decimals are exact text
	}
	if err != nil {
		return nil
	}
	return value
}

// natural makes a DuckDB value one of those of lake.Rows.
func natural(v any) any {
	switch x := v.(type) {
	case int8:
		return int64(x)
	case int16:
		return int64(x)
	case int32:
		return int64(x)
	case uint8:
		return int64(x)
	case uint16:
		return int64(x)
	case uint32:
		return int64(x)
	case float32:
		return float64(x)
	case duckdb.Decimal:
		return decimalText(x)
	case *big.Int:
		return x.String()
	case time.Time:
		return x.UTC()
	}
	return v
}

// decimalText writes every digit of a decimal, with trailing zeros.
func decimalText(d duckdb.Decimal) string {
	digits := new(big.Int).Abs(d.Value).String()
	scale := int(d.Scale)
	if missing := scale + 1 - len(digits); missing > 0 {
		digits = strings.Repeat("0", missing) + digits
	}
	if scale > 0 {
		digits = digits[:len(digits)-scale] + "." + digits[len(digits)-scale:]
	}
	if d.Value.Sign() < 0 {
		digits = "-" + digits
	}
	return digits
}

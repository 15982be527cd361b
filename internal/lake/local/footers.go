package local

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"tributary/internal/table"
)

// exactBounds takes the bounds of decimals of more than 18 digits from the files' footers: DuckDB 1.5 returns wrong ones of COPY for a
// file of several row groups, which it puts together as text. By wrong bounds a merge would not find the rows that it replaces.
func (s *session) exactBounds(ctx context.Context, schema table.Schema, all []written) error {
	wide := slices.DeleteFunc(slices.Clone(schema), func(c table.Column) bool {
		precision, _, decimal := c.Type.DecimalOf()
		return !decimal || precision <= 18
	})
	if len(wide) == 0 {
		return nil
	}
	byPath := make(map[string]*written, len(all))
	for i := range all {
		for _, column := range wide {
			delete(all[i].stats, column.Name)
		}
		byPath[all[i].path] = &all[i]
	}
	return s.footerBounds(ctx, byPath, wide)
}

// footerBounds sets the statistics of those columns in the files, which are given by path, to what their footers say.
func (s *session) footerBounds(ctx context.Context, byPath map[string]*written, columns table.Schema) error {
	if len(byPath) == 0 || len(columns) == 0 {
		return nil
	}
	queries := make([]string, len(columns))
	for i, column := range columns {
		queries[i] = footerQuery(column)
	}
	query := fmt.Sprintf("WITH footers AS MATERIALIZED (SELECT * FROM parquet_metadata(%s)) %s",
		literals(slices.Sorted(maps.Keys(byPath))), strings.Join(queries, " UNION ALL "))
	return s.each(ctx, query, func(v []any) error {
		byPath[v[0].(string)].stats[v[1].(string)] = map[string]any{"min": v[2], "max": v[3], "null_count": v[4]}
		return nil
	})
}

// footerQuery sums up a column over a file's row groups. A row group that has values but no bounds, or bounds
// that are not exact, leaves the file without; so does a float, whose NaN the footer may hide.
func footerQuery(column table.Column) string {
	duck, known := duckType(column.Type), "bool_and(stats_min_value IS NOT NULL OR stats_null_count = num_values)"
	if column.Type == table.Float || column.Type == table.Double || column.Type == table.Binary {
		known = "false"
	}
	bound := func(f, value string) string {
		return fmt.Sprintf("CASE WHEN %s THEN %s(TRY_CAST(%s AS %s))::VARCHAR END", known, f, value, duck)
	}
	return fmt.Sprintf("SELECT file_name, %s, %s, %s, sum(stats_null_count)::BIGINT FROM footers WHERE path_in_schema IN (%[1]s, %[4]s) GROUP BY file_name",
		table.Literal(column.Name), bound("min", "stats_min_value"), bound("max", "stats_max_value"), table.Literal(quote(column.Name)))
}

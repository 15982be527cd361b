package local

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"tributary/internal/delta"
	"tributary/internal/lake"
	"tributary/internal/table"
)

// Sizes of data files. Row groups have 122,880 rows, or fewer where rows are wide: each thread has one in memory.
const (
	rowGroupBytes = "32MB"    // in memory
	fileRowGroups = 8         // a file ends after about a million rows, fewer where they are wide …
	fileBytes     = "128MB"   // … or this many bytes
	wholeRows     = 1_500_000 // outputs up to this size are one file
	smallRows     = 120_000   // outputs up to this size …
	smallBytes    = 4 << 20   // … and this one are written together,
	smallTogether = 16 << 20  // in statements of up to so many bytes: DuckDB holds them in memory, where they take several times as much
	tailTouched   = 4 << 20   // new rows join a rewritten file up to this size,
	tailUntouched = 1 << 20   // or one that is left alone up to this size, so that small merges do not pile up small files
	tailNewRows   = 4 * 16384 // unless there are more of them than this
)

// output is a data file to be written.
type output struct {
	values map[string]*string // of the partition columns
	from   int                // the file that it replaces, or -1
	rows   int64              // about
}

// partition is one of the partitions that rows are written to; number p of table put's rows.
type partition struct {
	values map[string]*string
}

// write makes the data files of the merge: one for each file that loses a row, with what stays of it and what
// replaces it, and new ones for the rows that are new.
func (m *merge) write(ctx context.Context) error {
	partitions, err := m.partitions(ctx)
	if err != nil {
		return err
	}
	outputs, routes, err := m.plan(ctx, partitions)
	if err != nil {
		return err
	}
	if err := m.mask(ctx); err != nil || len(outputs) == 0 {
		return err
	}
	if err := m.route(ctx, outputs, routes); err != nil {
		return err
	}
	for _, out := range outputs {
		if out.from >= 0 {
			m.tx.Removes = append(m.tx.Removes, m.files.adds[out.from])
		}
	}
	return m.writeAll(ctx, outputs)
}

// writeAll writes the outputs: small ones together, others by themselves.
func (m *merge) writeAll(ctx context.Context, outputs []output) error {
	var small []int
	var together int64
	width := m.src.width()
	for o, out := range outputs {
		bytes := int64(float64(out.rows) * width)
		if out.from >= 0 {
			bytes = max(bytes, m.files.adds[out.from].Size)
		}
		if out.rows == 0 {
			continue
		}
		if out.rows > smallRows || bytes > smallBytes {
			if err := m.writeLarge(ctx, outputs, o); err != nil {
				return err
			}
			continue
		}
		if together+bytes > smallTogether {
			if err := m.writeSmall(ctx, outputs, small); err != nil {
				return err
			}
			small, together = nil, 0
		}
		small, together = append(small, o), together+bytes
	}
	if len(small) == 0 {
		return nil
	}
	return m.writeSmall(ctx, outputs, small)
}

// partitions numbers the partitions that rows of put go to, in column put.p.
func (m *merge) partitions(ctx context.Context) ([]partition, error) {
	if tenantOnly(m.partitionBy) {
		partitions := make([]partition, len(m.src.batches))
		for b, batch := range m.src.batches {
			partitions[b] = partition{tenantValues(m.partitionBy, batch.Ref)}
		}
		return partitions, m.exec(ctx, "CREATE TEMP VIEW located AS SELECT r, f, b AS p FROM put")
	}
	columns := table.QuoteAll(m.partitionBy, table.DoubleQuote)
	query := fmt.Sprintf("CREATE TEMP TABLE parts AS SELECT *, row_number() OVER () - 1 AS __p FROM (SELECT DISTINCT %s FROM src SEMI JOIN put ON r = __r)", columns)
	if err := m.exec(ctx, query); err != nil {
		return nil, err
	}
	same := make([]string, len(m.partitionBy))
	for i, column := range m.partitionBy {
		same[i] = fmt.Sprintf("s.%s IS NOT DISTINCT FROM q.%[1]s", quote(column))
	}
	query = "CREATE TEMP TABLE located AS SELECT put.r, put.f, q.__p AS p FROM src s JOIN put ON s.__r = put.r JOIN parts q ON " + strings.Join(same, " AND ")
	if err := m.exec(ctx, query); err != nil {
		return nil, err
	}
	return m.readPartitions(ctx, columns)
}

func (m *merge) readPartitions(ctx context.Context, columns string) ([]partition, error) {
	var partitions []partition
	err := m.each(ctx, "SELECT "+columns+" FROM parts ORDER BY __p", func(v []any) error {
		values := map[string]*string{}
		for i, name := range m.partitionBy {
			column := m.schema[m.schema.Find(name)]
			value, err := delta.PartitionValue(column.Type, natural(v[i]))
			if err != nil {
				return lake.Misfit(m.src.batches[0], "partition column %q: %v", name, err)
			}
			values[name] = value
		}
		partitions = append(partitions, partition{values})
		return nil
	})
	return partitions, err
}

// tenantOnly says whether a batch is all in one partition.
func tenantOnly(partitionBy []string) bool {
	return !slices.ContainsFunc(partitionBy, func(c string) bool {
		return !strings.EqualFold(c, table.ClientColumn) && !strings.EqualFold(c, table.RegionColumn)
	})
}

func tenantValues(partitionBy []string, ref table.Ref) map[string]*string {
	values := map[string]*string{}
	for _, column := range partitionBy {
		value := ref.Client
		if strings.EqualFold(column, table.RegionColumn) {
			value = ref.Region
		}
		values[column] = &value
	}
	return values
}

// route makes the temporary relations writes(r, o) and rewritten(f, o).
func (m *merge) route(ctx context.Context, outputs []output, routes map[routeKey]int) error {
	rows := []string{"(-2, -2, -2)"} // VALUES needs one
	for key, o := range routes {
		rows = append(rows, fmt.Sprintf("(%d, %d, %d)", key.file, key.partition, o))
	}
	query := "CREATE TEMP TABLE writes AS SELECT l.r, v.o::INTEGER AS o FROM located l JOIN (VALUES " + strings.Join(rows, ", ") +
		") v(f, p, o) ON v.f = coalesce(l.f, -1) AND v.p = l.p"
	if err := m.exec(ctx, query); err != nil {
		return err
	}
	rows = []string{"(-2, -2)"}
	for o, out := range outputs {
		rows = append(rows, fmt.Sprintf("(%d, %d)", out.from, o))
	}
	return m.exec(ctx, "CREATE TEMP TABLE rewritten AS SELECT f::BIGINT AS f, o::INTEGER AS o FROM (VALUES "+strings.Join(rows, ", ")+") v(f, o)")
}

// writeSmall writes many outputs in one statement: DuckDB sorts the rows into one folder per output.
func (m *merge) writeSmall(ctx context.Context, outputs []output, small []int) error {
	var indexes []int
	for _, o := range small {
		if outputs[o].from >= 0 {
			indexes = append(indexes, outputs[o].from)
		}
	}
	numbers := strings.Trim(strings.Join(strings.Fields(fmt.Sprint(small)), ", "), "[]")
	columns := m.schema.Names()
	query := fmt.Sprintf("SELECT %s, w.o AS __o FROM src s JOIN writes w ON w.r = s.__r WHERE w.o IN (%s)", prefixed("s", columns), numbers)
	if len(indexes) > 0 {
		query += fmt.Sprintf(" UNION ALL SELECT %s, w.o FROM (%s) t JOIN rewritten w ON w.f = t.__f "+
			"ANTI JOIN changed c ON c.f = t.__f AND c.n = t.__n",
			prefixed("t", columns), m.files.pick(indexes).scan(columns, indexes))
	}
	all, err := m.copyTo(ctx, m.schema, query, "small", "PARTITION_BY (__o), OVERWRITE_OR_IGNORE")
	if err != nil {
		return err
	}
	return m.keep(all, func(w written) map[string]*string { return outputs[w.output].values })
}

// writeLarge writes one output, in several files when it is long.
func (m *merge) writeLarge(ctx context.Context, outputs []output, o int) error {
	out, columns := outputs[o], m.schema.Names()
	query := fmt.Sprintf("SELECT %s FROM src s SEMI JOIN (SELECT r FROM writes WHERE o = %d) w ON w.r = s.__r", prefixed("s", columns), o)
	if out.from >= 0 {
		one := []int{out.from}
		query = fmt.Sprintf("SELECT %s FROM (%s) t ANTI JOIN (SELECT n FROM changed WHERE f = %d) c ON c.n = t.__n UNION ALL ",
			prefixed("t", columns), m.files.pick(one).scan(columns, one), out.from) + query
	}
	all, err := m.copyTo(ctx, m.schema, query, fmt.Sprintf("large-%d", o), splitting(out.rows))
	if err != nil {
		return err
	}
	return m.keep(all, func(written) map[string]*string { return out.values })
}

// splitting is how COPY splits a long output. One that is not much longer than a file stays whole: otherwise each
// merge would leave a small file beside it.
func splitting(rows int64) string {
	if rows <= wholeRows {
		return "FILE_SIZE_BYTES '1TB'"
	}
	return fmt.Sprintf("ROW_GROUPS_PER_FILE %d, FILE_SIZE_BYTES '%s'", fileRowGroups, fileBytes)
}

func prefixed(alias string, columns []string) string {
	names := make([]string, len(columns))
	for i, column := range columns {
		names[i] = alias + "." + quote(column)
	}
	return strings.Join(names, ", ")
}

package local

import (
	"context"
	"fmt"
	"strings"

	"tributary/internal/lake"
	"tributary/internal/table"
)

// A statement that compares rows has those of the table in memory: about as many as take compareBytes, and no more than compareRows.
const (
	compareRows  = 1_000_000
	compareBytes = 64 << 20
)

// Up to fewCompared rows, of files that have up to fewBytes together, are compared without a look at how wide they are.
const (
	fewCompared = 2_000
	fewBytes    = 4 << 20
)

// compare adds to changed the matched rows that differ from their source row in any column. It reads only
// the files with rows that the cursors do not decide, a bounded number of rows at a time.
func (m *merge) compare(ctx context.Context) error {
	var undecided []int
	var counts []int64
	var total, bytes int64
	err := m.each(ctx, "SELECT f, count(*) FROM hits WHERE s = 'same?' AND NOT d GROUP BY f ORDER BY f", func(v []any) error {
		f, rows := int(integer(v[0])), integer(v[1])
		undecided, counts, total, bytes = append(undecided, f), append(counts, rows), total+rows, bytes+m.files.adds[f].Size
		return nil
	})
	if err != nil || total == 0 {
		return err
	}
	most := int64(fewCompared)
	if total > most || bytes > fewBytes {
		if most, err = m.comparable(ctx, undecided); err != nil {
			return err
		}
	}
	for len(undecided) > 0 {
		n, rows := 1, counts[0]
		for n < len(undecided) && rows+counts[n] <= most {
			n, rows = n+1, rows+counts[n]
		}
		if err := m.compareFiles(ctx, undecided[:n], rows, most); err != nil {
			return err
		}
		undecided, counts = undecided[n:], counts[n:]
	}
	return nil
}

// comparable is how many rows of those files one statement may compare. How wide rows are is seen in some of them, for texts that a
// file has once for many rows, and in the footers.
func (m *merge) comparable(ctx context.Context, indexes []int) (int64, error) {
	f := m.files.pick(indexes)
	width, columns, lengths := int64(0), []string{m.schema[0].Name}, []string{"0"}
	for _, column := range m.schema {
		width += 16
		if length := map[table.Type]string{table.String: "strlen", table.Binary: "octet_length"}[column.Type]; length != "" {
			columns, lengths = append(columns, column.Name), append(lengths, fmt.Sprintf("coalesce(%s(%s), 0)", length, quote(column.Name)))
		}
	}
	texts, err := m.countOne(ctx, fmt.Sprintf("SELECT avg(%s)::BIGINT FROM (%s LIMIT 10000)", strings.Join(lengths, " + "), f.scan(unique(columns), indexes)))
	if err != nil {
		return 0, err
	}
	paths := make([]string, len(f.adds))
	for i, add := range f.adds {
		paths[i] = add.LocalPath(f.dir)
	}
	stored, err := m.countOne(ctx, fmt.Sprintf("SELECT coalesce(sum(total_uncompressed_size) // nullif(sum(num_values) FILTER (column_id = 0), 0), 0)::BIGINT FROM parquet_metadata(%s)",
		literals(paths)))
	return min(compareRows, max(compareBytes/(width+max(texts, stored)), 1)), err
}

// compareFiles compares the undecided rows of some files, or those of one file that has more of them than one statement may compare: in slices
// of the source's order. The ids of a slice let DuckDB skip what is far away on both sides.
func (m *merge) compareFiles(ctx context.Context, indexes []int, rows, most int64) error {
	ids := m.src.ids()
	if rows <= most || len(ids) == 0 {
		return m.exec(ctx, m.compareQuery(indexes, "", ""))
	}
	id := quote(ids[0])
	err := m.exec(ctx, fmt.Sprintf("CREATE OR REPLACE TEMP TABLE slices AS SELECT i, min(r) AS first, max(r) AS last, min(id) AS low, max(id) AS high FROM ("+
		"SELECT h.r, s.%s AS id, (row_number() OVER (ORDER BY h.r) - 1) // %d AS i FROM src s JOIN (SELECT DISTINCT r FROM hits WHERE s = 'same?' AND NOT d AND f = %d) h ON s.__r = h.r) GROUP BY i",
		id, most, indexes[0]))
	if err != nil {
		return err
	}
	for i := range (rows + most - 1) / most {
		for _, name := range []string{"first", "last", "low", "high"} {
			if err := m.exec(ctx, fmt.Sprintf("SET VARIABLE __%s = (SELECT %[1]s FROM slices WHERE i = %d)", name, i)); err != nil {
				return err
			}
		}
		near := func(a string) string { return a + "." + id + " BETWEEN getvariable('__low') AND getvariable('__high')" }
		query := m.compareQuery(indexes, " AND r BETWEEN getvariable('__first') AND getvariable('__last')", " WHERE "+near("x"))
		if err := m.exec(ctx, query+" AND "+near("s")); err != nil {
			return err
		}
	}
	return nil
}

// compareQuery takes conditions for the rows of hits, and for those of the table.
func (m *merge) compareQuery(indexes []int, hits, rows string) string {
	different := []string{"false"}
	for _, column := range lake.ComparedColumns(m.schema, m.src.keys, lake.KeepsVersions(m.src.batches)) {
		different = append(different, fmt.Sprintf("s.%s IS DISTINCT FROM t.%[1]s", quote(column)))
	}
	// The keys are in the condition although __r decides: they let DuckDB skip row groups of the source.
	return fmt.Sprintf("INSERT INTO changed SELECT t.__b, t.__r, t.__d, t.__f, t.__n FROM src s JOIN (SELECT x.*, h.b AS __b, h.r AS __r, h.d AS __d FROM (%s) x "+
		"JOIN (SELECT * FROM hits WHERE s = 'same?' AND NOT d%s) h ON h.f = x.__f AND h.n = x.__n%s) t ON s.__r = t.__r AND %s WHERE (%s)",
		m.files.pick(indexes).scan(m.schema.Names(), indexes), hits, rows, equal(m.src.keys), strings.Join(different, " OR "))
}

package sparksql

import (
	"fmt"
	"slices"
	"strings"

	"tributary/internal/lake"
	"tributary/internal/table"
)

// source selects the rows to merge, and of every client that is reloaded a delete for each row of the table that they do
// not have. WHEN NOT MATCHED BY SOURCE would say the same, but Delta then reads and rewrites the files of
// all clients (measured with Delta 4.0.0: 5,000,000 rows copied to delete 10), and conflicts with their merges.
func (m *merge) source() string {
	all := fmt.Sprintf("%s\n  SELECT * FROM %s", m.with(), quote(sourceRows))
	if m.reloads() != "" {
		all += fmt.Sprintf("\n  UNION ALL SELECT DISTINCT %s FROM %s", m.missingColumns(), m.missing(m.name))
	}
	return all
}

// missing is the rows t of the table, or of an earlier version of it, that reloads delete: as FROM wants it, with a WHERE.
func (m *merge) missing(from string) string {
	text := fmt.Sprintf("%s AS t LEFT ANTI JOIN %s AS s ON %s", from, quote(sourceRows), strings.Join(m.sameKey(), " AND "))
	if len(m.keptFiles()) > 0 {
		text += fmt.Sprintf(" LEFT ANTI JOIN %s AS s ON %s", quote(keptRows), strings.Join(m.sameKey(), " AND "))
	}
	return text + fmt.Sprintf(" WHERE (%s) AND %s", m.reloads(), m.complete())
}

// missingColumns are the columns of a delete: the keys of a row t of the table, and NULL.
func (m *merge) missingColumns() string {
	all := make([]string, 0, len(m.columns)+2)
	for _, c := range m.columns {
		expr := "NULL"
		if slices.ContainsFunc(m.keys, func(key string) bool { return strings.EqualFold(key, c.Name) }) {
			expr = column("t", c.Name)
		}
		all = append(all, fmt.Sprintf("CAST(%s AS %s) AS %s", expr, sqlType(c.Type), quote(c.Name)))
	}
	return strings.Join(append(all, "true AS "+quote(deletedColumn)), ", ")
}

// complete says that what is staged is still what was counted: rows that are gone since then must not be taken for rows that
// the client has deleted. Rows without an id, which only others can have put into the table, are left.
func (m *merge) complete() string {
	var rows int64
	for _, f := range m.facts {
		rows += f.rows
	}
	conditions := []string{fmt.Sprintf("(SELECT count(*) FROM %s) = %d", quote(stagedRows), rows)}
	if kept := m.keptFiles(); len(kept) > 0 {
		var rows int64
		for _, file := range kept {
			rows += file.Rows
		}
		conditions = append(conditions, fmt.Sprintf("(SELECT count(*) FROM %s) = %d", quote(keptRows), rows))
	}
	for _, key := range m.keys {
		conditions = append(conditions, column("t", key)+" IS NOT NULL")
	}
	return strings.Join(conditions, " AND ")
}

// keptFiles are the files of what the reloads keep that may delete something.
func (m *merge) keptFiles() (files []table.File) {
	for b, batch := range m.batches {
		if m.keeping(b) {
			files = append(files, batch.Kept...)
		}
	}
	return files
}

// with names what is staged, and of it the rows to merge: with the table's columns, and one row per key. What reloads keep is
// no part of these rows: Delta rewrites every file with a row that the source matches, whatever becomes of it.
func (m *merge) with() string {
	parts := m.stagedParts(m.columns)
	if len(parts) == 0 {
		parts = []string{m.nothing()}
	}
	rows := "SELECT * FROM " + quote(stagedRows)
	if slices.ContainsFunc(m.facts, func(f facts) bool { return f.distinct < f.rows }) {
		rows = m.newestRows()
	}
	if m.history() {
		rows = fmt.Sprintf("SELECT *, %s AS %s FROM (%s) AS t", m.readAt(), quote(readColumn), rows)
	}
	text := fmt.Sprintf("WITH %s AS (%s),\n  %s AS (%s)", quote(stagedRows), strings.Join(parts, "\n    UNION ALL "), quote(sourceRows), rows)
	if kept := m.keptParts(); len(kept) > 0 {
		text += fmt.Sprintf(",\n  %s AS (%s)", quote(keptRows), strings.Join(kept, "\n    UNION ALL "))
	}
	return text
}

// newestRows selects one row per key. The newest row wins: the largest cursor, then whichever hashes highest, so that a repeat picks the same.
func (m *merge) newestRows() string {
	order := ""
	if m.cursor != "" {
		order = quote(m.cursor) + " DESC NULLS LAST, "
	}
	columns := append(quoted(m.columns.Names()), quote(deletedColumn))
	return fmt.Sprintf("SELECT %s FROM (SELECT *, row_number() OVER (PARTITION BY %s ORDER BY %sxxhash64(%s) DESC) AS %s FROM %s) WHERE %s = 1",
		strings.Join(columns, ", "), quoteAll(m.keys), order, quoteAll(m.columns.Names()), quote(rankColumn), quote(stagedRows), quote(rankColumn))
}

// stagedParts selects the staged rows with the columns of a schema, one SELECT for all batches whose files are alike:
// each relation that a statement reads costs the server a look at its files.
func (m *merge) stagedParts(columns table.Schema) []string {
	var parts []string
	done := make([]bool, len(m.batches))
	for b, batch := range m.batches {
		if done[b] || len(batch.Files) == 0 {
			continue
		}
		var paths []string
		for other := b; other < len(m.batches); other++ {
			o := m.batches[other]
			if !done[other] && o.Deleted == batch.Deleted && slices.EqualFunc(o.Schema, batch.Schema, sameColumn) {
				done[other] = true
				for _, file := range o.Files {
					paths = append(paths, file.Path)
				}
			}
		}
		parts = append(parts, selectStaged(batch, columns, parquet(paths...)))
	}
	return parts
}

func sameColumn(a, b table.Column) bool { return a.Name == b.Name && a.Type == b.Type }

func selectStaged(batch table.Batch, columns table.Schema, from string) string {
	all := make([]string, 0, len(columns)+2)
	for _, column := range columns {
		i, expr := batch.Schema.Find(column.Name), "NULL"
		if i >= 0 {
			expr = quote(batch.Schema[i].Name)
		}
		if i < 0 || batch.Schema[i].Type != column.Type {
			expr = fmt.Sprintf("CAST(%s AS %s)", expr, sqlType(column.Type))
		}
		all = append(all, expr+" AS "+quote(column.Name))
	}
	all = append(all, lake.DeletedExpr(batch, table.Backtick)+" AS "+quote(deletedColumn))
	return "SELECT " + strings.Join(all, ", ") + " FROM " + from
}

// keptParts selects the keys of the rows that reloads keep, every file by its own name: one that is gone is then an error.
func (m *merge) keptParts() []string {
	var parts []string
	for b, batch := range m.batches {
		if !m.keeping(b) {
			continue
		}
		for _, file := range batch.Kept {
			parts = append(parts, m.selectKept(batch, file))
		}
	}
	return parts
}

// selectKept selects keys with the table's types. One that its column cannot hold is not in the table, and matches nothing.
func (m *merge) selectKept(batch table.Batch, file table.File) string {
	all := make([]string, len(m.keys))
	for i, key := range m.keys {
		expr := quote(key)
		switch {
		case strings.EqualFold(key, table.ClientColumn):
			expr = literal(batch.Ref.Client)
		case strings.EqualFold(key, table.RegionColumn):
			expr = literal(batch.Ref.Region)
		}
		all[i] = fmt.Sprintf("TRY_CAST(%s AS %s) AS %s", expr, sqlType(m.columns[m.columns.Find(key)].Type), quote(key))
	}
	return "SELECT " + strings.Join(all, ", ") + " FROM " + parquet(file.Path)
}

// nothing is a source without rows.
func (m *merge) nothing() string {
	all := make([]string, 0, len(m.columns)+2)
	for _, column := range m.columns {
		all = append(all, fmt.Sprintf("CAST(NULL AS %s) AS %s", sqlType(column.Type), quote(column.Name)))
	}
	all = append(all, "false AS "+quote(deletedColumn))
	return "SELECT " + strings.Join(all, ", ") + " WHERE false"
}

// parquet is the relation of staged files, which have the same columns.
func parquet(paths ...string) string {
	if len(paths) == 1 {
		return "parquet." + quote(paths[0])
	}
	prefix := commonFolder(paths)
	names := make([]string, len(paths))
	for i, path := range paths {
		names[i] = strings.TrimPrefix(path, prefix)
	}
	return "parquet." + quote(prefix+"{"+strings.Join(names, ",")+"}")
}

// commonFolder is the longest folder that all paths are in, with a slash at its end.
func commonFolder(paths []string) string {
	prefix := paths[0]
	for _, path := range paths {
		for !strings.HasPrefix(path, prefix) || !strings.HasSuffix(prefix, "/") {
			prefix = prefix[:strings.LastIndexByte(strings.TrimSuffix(prefix, "/"), '/')+1]
		}
	}
	return prefix
}

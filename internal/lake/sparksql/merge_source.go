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
	if reloads := m.reloads("t"); reloads != "" {
		all += fmt.Sprintf("\n  UNION ALL SELECT DISTINCT %s FROM %s AS t LEFT ANTI JOIN %s AS s ON %s WHERE (%s) AND %s",
			m.missingColumns(), m.name, quote(sourceRows), strings.Join(m.sameKey(), " AND "), reloads, m.complete())
	}
	return all
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
	return strings.Join(append(all, "true AS "+quote(deletedColumn), "false AS "+quote(keptColumn)), ", ")
}

// complete says that what is staged is still what was counted: rows that are gone since then must not be taken for rows that
// the client has deleted. Rows without an id, which only others can have put into the table, are left.
func (m *merge) complete() string {
	var rows int64
	for _, f := range m.facts {
		rows += f.rows
	}
	conditions := []string{fmt.Sprintf("(SELECT count(*) FROM %s WHERE NOT %s) = %d", quote(stagedRows), quote(keptColumn), rows)}
	for _, key := range m.keys {
		conditions = append(conditions, column("t", key)+" IS NOT NULL")
	}
	return strings.Join(conditions, " AND ")
}

func (m *merge) keptFiles() (files []table.File) {
	for _, b := range m.batches {
		if b.Reload {
			files = append(files, b.Kept...)
		}
	}
	return files
}

// with names what is staged, and of it the rows to merge: with the table's columns, and one row per key.
func (m *merge) with() string {
	parts := m.stagedParts(m.columns)
	parts = append(parts, m.keptParts()...)
	if len(parts) == 0 {
		parts = []string{m.nothing()}
	}
	rows := "SELECT * FROM " + quote(stagedRows)
	if len(m.keptFiles()) > 0 || slices.ContainsFunc(m.facts, func(f facts) bool { return f.distinct < f.rows }) {
		rows = m.newestRows()
	}
	return fmt.Sprintf("WITH %s AS (%s),\n  %s AS (%s)", quote(stagedRows), strings.Join(parts, "\n    UNION ALL "), quote(sourceRows), rows)
}

// newestRows selects one row per key. The newest row wins: the largest cursor, then whichever hashes highest, so that a repeat picks the same.
func (m *merge) newestRows() string {
	order := quote(keptColumn)
	if m.cursor != "" {
		order += ", " + quote(m.cursor) + " DESC NULLS LAST"
	}
	columns := append(quoted(m.columns.Names()), quote(deletedColumn), quote(keptColumn))
	return fmt.Sprintf("SELECT %s FROM (SELECT *, row_number() OVER (PARTITION BY %s ORDER BY %s, xxhash64(%s) DESC) AS %s FROM %s) WHERE %s = 1",
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
	all = append(all, lake.DeletedExpr(batch, table.Backtick)+" AS "+quote(deletedColumn), "false AS "+quote(keptColumn))
	return "SELECT " + strings.Join(all, ", ") + " FROM " + from
}

// keptParts selects the keys of the rows that reloads kept apart, once each: they keep their rows of the table.
func (m *merge) keptParts() []string {
	var parts []string
	for _, batch := range m.batches {
		if !batch.Reload {
			continue
		}
		for _, file := range batch.Kept {
			parts = append(parts, m.selectKept(batch, file))
		}
	}
	return parts
}

func (m *merge) selectKept(batch table.Batch, file table.File) string {
	all, present := make([]string, 0, len(m.columns)+2), make([]string, len(batch.Keys))
	for _, column := range m.columns {
		expr := "NULL"
		switch {
		case strings.EqualFold(column.Name, table.ClientColumn):
			expr = literal(batch.Ref.Client)
		case strings.EqualFold(column.Name, table.RegionColumn):
			expr = literal(batch.Ref.Region)
		case slices.ContainsFunc(batch.Keys, func(key string) bool { return strings.EqualFold(key, column.Name) }):
			expr = quote(column.Name)
		}
		all = append(all, fmt.Sprintf("TRY_CAST(%s AS %s) AS %s", expr, sqlType(column.Type), quote(column.Name)))
	}
	for i, key := range batch.Keys { // one that its column cannot hold is not in the table
		present[i] = fmt.Sprintf("TRY_CAST(%s AS %s) IS NOT NULL", quote(key), sqlType(m.columns[m.columns.Find(key)].Type))
	}
	all = append(all, "false AS "+quote(deletedColumn), "true AS "+quote(keptColumn))
	return "SELECT " + strings.Join(all, ", ") + " FROM " + parquet(file.Path) + " WHERE " + strings.Join(present, " AND ")
}

// nothing is a source without rows.
func (m *merge) nothing() string {
	all := make([]string, 0, len(m.columns)+2)
	for _, column := range m.columns {
		all = append(all, fmt.Sprintf("CAST(NULL AS %s) AS %s", sqlType(column.Type), quote(column.Name)))
	}
	all = append(all, "false AS "+quote(deletedColumn), "false AS "+quote(keptColumn))
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

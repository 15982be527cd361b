package sparksql

import (
	"fmt"
	"slices"
	"strings"

	"tributary/internal/table"
)

// Columns of a merge's source beside those of the table.
const (
	deletedColumn = "__tributary_deleted" // the row is a soft delete
	keptColumn    = "__tributary_kept"    // the row only keeps its row of the table
	rankColumn    = "__tributary_rank"    // among the rows of one key
)

// statement is the MERGE.
func (m *merge) statement() string {
	var b strings.Builder
	fmt.Fprintf(&b, "MERGE INTO %s AS t\nUSING (%s) AS s\nON %s", m.name, m.sourceWithMissing(), strings.Join(m.on(), " AND "))
	act := "NOT s." + quote(keptColumn)
	if m.newer() != "" {
		act += " AND " + m.newer()
	}
	if m.deletes() {
		fmt.Fprintf(&b, "\nWHEN MATCHED AND %s AND s.%s THEN DELETE", act, quote(deletedColumn))
	}
	if changed := m.changed(); changed != "" {
		fmt.Fprintf(&b, "\nWHEN MATCHED AND %s AND NOT (%s) THEN UPDATE SET %s", act, changed, m.assignments())
	}
	fmt.Fprintf(&b, "\nWHEN NOT MATCHED AND NOT s.%s AND NOT s.%s THEN INSERT (%s) VALUES (%s)",
		quote(keptColumn), quote(deletedColumn), quoteAll(m.columns.Names()), "s."+strings.Join(quoted(m.columns.Names()), ", s."))
	return b.String()
}

// on is the condition of the merge: literal partition predicates first, so that clients do not conflict and only
// their files are read, then the range of the first id, then the keys.
func (m *merge) on() []string {
	conditions := []string{
		fmt.Sprintf("t.%s IN (%s)", quote(table.RegionColumn), literals(m.tenants(func(r table.Ref) string { return r.Region }))),
		fmt.Sprintf("t.%s IN (%s)", quote(table.ClientColumn), literals(m.tenants(func(r table.Ref) string { return r.Client }))),
	}
	if low, high, ok := m.bounds(); ok {
		conditions = append(conditions, fmt.Sprintf("t.%s BETWEEN %s AND %s", quote(m.keys[0]), low, high))
	}
	return append(conditions, m.sameKey()...)
}

// tenants are the regions or clients of the batches, each once.
func (m *merge) tenants(of func(table.Ref) string) []string {
	var all []string
	for _, b := range m.batches {
		if name := of(b.Ref); !slices.Contains(all, name) {
			all = append(all, name)
		}
	}
	slices.Sort(all)
	return all
}

// bounds is the range of a first id that is a whole number, over all batches: by the files' statistics, the table's
// other files are not read. Rows that a reload deletes or keeps may lie outside, so with one there are none.
func (m *merge) bounds() (low, high string, ok bool) {
	switch m.columns[m.columns.Find(m.keys[0])].Type {
	case table.Byte, table.Short, table.Integer, table.Long:
	default:
		return "", "", false
	}
	if m.reloads("t") != "" {
		return "", "", false
	}
	for _, f := range m.facts {
		if f.rows == 0 {
			continue
		}
		if f.low == "" || f.high == "" {
			return "", "", false
		}
		if !ok || lessInteger(f.low, low) {
			low = f.low
		}
		if !ok || lessInteger(high, f.high) {
			high = f.high
		}
		ok = true
	}
	return low, high, ok
}

// lessInteger compares two whole numbers of at most 64 bits, in canonical text.
func lessInteger(a, b string) bool {
	negative := strings.HasPrefix(a, "-")
	if negative != strings.HasPrefix(b, "-") {
		return negative
	}
	if len(a) != len(b) {
		return (len(a) < len(b)) != negative
	}
	return (a < b) != negative && a != b
}

// newer says that a source row is not older than the table's; "" without a cursor. A NULL is unknown, and updates.
func (m *merge) newer() string {
	if m.cursor == "" {
		return ""
	}
	return fmt.Sprintf("(s.%[1]s >= t.%[1]s OR s.%[1]s IS NULL OR t.%[1]s IS NULL)", quote(m.cursor))
}

// changed compares every column but the keys; "" when there is none.
func (m *merge) changed() string {
	var equal []string
	for _, column := range m.rest() {
		equal = append(equal, fmt.Sprintf("s.%s <=> t.%[1]s", quote(column)))
	}
	return strings.Join(equal, " AND ")
}

func (m *merge) assignments() string {
	var all []string
	for _, column := range m.rest() {
		all = append(all, fmt.Sprintf("t.%s = s.%[1]s", quote(column)))
	}
	return strings.Join(all, ", ")
}

// rest are the table's columns that are no keys.
func (m *merge) rest() []string {
	return slices.DeleteFunc(m.columns.Names(), func(name string) bool {
		return slices.ContainsFunc(m.keys, func(key string) bool { return strings.EqualFold(key, name) })
	})
}

func (m *merge) deletes() bool {
	return slices.ContainsFunc(m.batches, func(b table.Batch) bool { return b.Deleted != "" || b.Reload })
}

// reloads is the condition for the rows of the clients that are reloaded; "" without any.
func (m *merge) reloads(alias string) string {
	var all []string
	for _, b := range m.batches {
		if b.Reload {
			all = append(all, fmt.Sprintf("%s = %s AND %s = %s", column(alias, table.RegionColumn), literal(b.Ref.Region),
				column(alias, table.ClientColumn), literal(b.Ref.Client)))
		}
	}
	return strings.Join(all, " OR ")
}

// sourceWithMissing is the source, and of every client that is reloaded a delete for each row of the table that the source
// does not have. WHEN NOT MATCHED BY SOURCE would say the same, but Delta then reads and rewrites the files of
// all clients (measured with Delta 4.0.0: 5,000,000 rows copied to delete 10), and conflicts with their merges.
func (m *merge) sourceWithMissing() string {
	reloads := m.reloads("t")
	if reloads == "" {
		return m.source()
	}
	columns := make([]string, 0, len(m.columns)+2)
	for _, c := range m.columns {
		expr := "NULL"
		if slices.ContainsFunc(m.keys, func(key string) bool { return strings.EqualFold(key, c.Name) }) {
			expr = column("t", c.Name)
		}
		columns = append(columns, fmt.Sprintf("CAST(%s AS %s) AS %s", expr, sqlType(c.Type), quote(c.Name)))
	}
	columns = append(columns, "true AS "+quote(deletedColumn), "false AS "+quote(keptColumn))
	return fmt.Sprintf("%s\n  UNION ALL SELECT DISTINCT %s FROM %s AS t LEFT ANTI JOIN (%s) AS s ON %s WHERE %s",
		m.source(), strings.Join(columns, ", "), m.name, m.source(), strings.Join(m.sameKey(), " AND "), reloads)
}

// sameKey is the condition that two rows have the same key.
func (m *merge) sameKey() []string {
	all := make([]string, len(m.keys))
	for i, key := range m.keys {
		all[i] = fmt.Sprintf("t.%s = s.%[1]s", quote(key))
	}
	return all
}

// source selects the rows to merge, with the table's columns and one row per key.
func (m *merge) source() string {
	parts := m.stagedParts(m.columns)
	parts = append(parts, m.keptParts()...)
	if len(parts) == 0 {
		parts = []string{m.nothing()}
	}
	all := strings.Join(parts, "\n  UNION ALL ")
	if len(m.keptFiles()) == 0 && !slices.ContainsFunc(m.facts, func(f facts) bool { return f.distinct < f.rows }) {
		return all
	}
	// The newest row wins: the largest cursor, then whichever hashes highest, so that a repeat picks the same.
	order := quote(keptColumn)
	if m.cursor != "" {
		order += ", " + quote(m.cursor) + " DESC NULLS LAST"
	}
	columns := append(quoted(m.columns.Names()), quote(deletedColumn), quote(keptColumn))
	return fmt.Sprintf("SELECT %s FROM (SELECT *, row_number() OVER (PARTITION BY %s ORDER BY %s, xxhash64(%s) DESC) AS %s FROM (%s)) WHERE %s = 1",
		strings.Join(columns, ", "), quoteAll(m.keys), order, quoteAll(m.columns.Names()), quote(rankColumn), all, quote(rankColumn))
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
	all = append(all, deletedExpr(batch)+" AS "+quote(deletedColumn), "false AS "+quote(keptColumn))
	return "SELECT " + strings.Join(all, ", ") + " FROM " + from
}

// deletedExpr is whether a row's soft-delete column says deleted: neither NULL, false nor 0, for texts neither empty nor
// one of those words.
func deletedExpr(batch table.Batch) string {
	i := batch.Schema.Find(batch.Deleted)
	if batch.Deleted == "" || i < 0 {
		return "false"
	}
	column := quote(batch.Schema[i].Name)
	switch batch.Schema[i].Type {
	case table.Boolean:
		return "coalesce(" + column + ", false)"
	case table.Date, table.Timestamp, table.Binary:
		return "(" + column + " IS NOT NULL)"
	case table.String:
		return "coalesce(lower(" + column + ") NOT IN ('', '0', 'false'), false)"
	}
	return "coalesce(" + column + " <> 0, false)"
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

// checkQuery counts the staged rows by tenant: region, client, rows, rows without an id, different ids, and the
// smallest and largest first id. It names every column, so that a file without one fails; "" when nothing is staged.
func (m *merge) checkQuery() string {
	var columns table.Schema
	for _, batch := range m.batches {
		for _, column := range batch.Schema {
			if i := columns.Find(column.Name); i < 0 {
				columns = append(columns, column)
			} else if columns[i].Type.Fits(column.Type) {
				columns[i].Type = column.Type
			}
		}
	}
	parts := m.stagedParts(columns)
	if len(parts) == 0 {
		return ""
	}
	nulls := make([]string, len(m.keys))
	for i, key := range m.keys {
		nulls[i] = quote(key) + " IS NULL"
	}
	first := quote(m.keys[0])
	return fmt.Sprintf("SELECT %[1]s, %[2]s, count(*), count_if(%[3]s), count(DISTINCT %[4]s), CAST(min(%[5]s) AS STRING), CAST(max(%[5]s) AS STRING) "+
		"FROM (%[6]s) GROUP BY %[1]s, %[2]s",
		quote(table.RegionColumn), quote(table.ClientColumn), strings.Join(nulls, " OR "), quoteAll(m.keys), first, strings.Join(parts, "\n  UNION ALL "))
}

// changesQuery counts by tenant what the merge inserted, updated and deleted, given the table's version before it.
func (m *merge) changesQuery(before int64) string {
	tenant := func(alias string) string {
		return column(alias, table.RegionColumn) + ", " + column(alias, table.ClientColumn)
	}
	act := "true"
	if m.newer() != "" {
		act = m.newer()
	}
	matched, updates := column("t", table.ClientColumn)+" IS NOT NULL", "false"
	if changed := m.changed(); changed != "" {
		updates = "NOT (" + changed + ")"
	}
	deleted, kept := "s."+quote(deletedColumn), "s."+quote(keptColumn)
	target := fmt.Sprintf("(SELECT * FROM %s VERSION AS OF %d AS t WHERE %s)", m.name, before, strings.Join(m.on()[:2], " AND "))
	join := strings.Join(m.sameKey(), " AND ")
	query := fmt.Sprintf("SELECT %s, count_if(NOT %s AND NOT %s), count_if(%s AND NOT %s AND %s AND %s), count_if(%s AND %s AND %s) "+
		"FROM (%s) AS s LEFT JOIN %s AS t ON %s WHERE NOT %s GROUP BY %[1]s",
		tenant("s"), matched, deleted, matched, deleted, act, updates, matched, deleted, act, m.source(), target, join, kept)
	if reloads := m.reloads("t"); reloads != "" {
		query += fmt.Sprintf("\nUNION ALL SELECT %s, 0, 0, count(*) FROM %s AS t LEFT ANTI JOIN (%s) AS s ON %s WHERE %s GROUP BY %[1]s",
			tenant("t"), target, m.source(), join, reloads)
	}
	return query
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

// column is a column of a relation.
func column(alias, name string) string { return alias + "." + quote(name) }

func quoted(names []string) []string {
	all := make([]string, len(names))
	for i, name := range names {
		all[i] = quote(name)
	}
	return all
}

func countEach(names []string) string {
	return "count(" + strings.Join(quoted(names), "), count(") + ")"
}

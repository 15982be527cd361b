package sparksql

import (
	"fmt"
	"slices"
	"strings"

	"tributary/internal/lake"
	"tributary/internal/table"
)

// Columns of a merge's source beside those of the table.
const (
	ownColumns    = "__tributary_"
	deletedColumn = "__tributary_deleted" // the row is a soft delete
	rankColumn    = "__tributary_rank"    // among the rows of one key
)

// Relations of a statement. Spark lists the files of each relation when it reads the statement, and a pattern whose file is gone matches
// fewer of them without an error: what is staged is therefore named once, and a statement sees the same files throughout.
const (
	stagedRows = "__tributary_staged"
	sourceRows = "__tributary_source"
	keptRows   = "__tributary_kept" // keys of rows that reloads do not delete
)

// statement is the MERGE.
func (m *merge) statement() string {
	if m.history() {
		return m.historyStatement()
	}
	var b strings.Builder
	fmt.Fprintf(&b, "MERGE INTO %s AS t\nUSING (\n  %s\n) AS s\nON %s", m.name, m.source(), strings.Join(m.on(), " AND "))
	act := ""
	if m.newer() != "" {
		act = m.newer() + " AND "
	}
	if m.deletes() {
		fmt.Fprintf(&b, "\nWHEN MATCHED AND %ss.%s THEN DELETE", act, quote(deletedColumn))
	}
	if changed := m.changed(); changed != "" {
		fmt.Fprintf(&b, "\nWHEN MATCHED AND %sNOT (%s) THEN UPDATE SET %s", act, changed, m.assignments())
	}
	fmt.Fprintf(&b, "\nWHEN NOT MATCHED AND NOT s.%s THEN INSERT (%s) VALUES (%s)",
		quote(deletedColumn), quoteAll(m.columns.Names()), "s."+strings.Join(quoted(m.columns.Names()), ", s."))
	return b.String()
}

// on is the condition of the merge: literal partition predicates first, so that clients do not conflict and only
// their files are read, then the range of the first id, then the keys.
func (m *merge) on() []string {
	conditions := m.whose()
	if low, high, ok := m.bounds(); ok {
		conditions = append(conditions, fmt.Sprintf("t.%s BETWEEN %s AND %s", quote(m.keys[0]), low, high))
	}
	return append(conditions, m.sameKey()...)
}

// whose are the partition predicates: the batches' regions and clients. With a client that has moved, rows of any region are meant.
func (m *merge) whose() []string {
	clients := fmt.Sprintf("t.%s IN (%s)", quote(table.ClientColumn), literals(m.tenants(func(r table.Ref) string { return r.Client })))
	if slices.ContainsFunc(m.batches, func(b table.Batch) bool { return b.Moved }) {
		return []string{clients}
	}
	return []string{fmt.Sprintf("t.%s IN (%s)", quote(table.RegionColumn), literals(m.tenants(func(r table.Ref) string { return r.Region }))), clients}
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
	if m.reloads() != "" {
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

// newer says that a source row is not older than the table's, by its cursor or because it was read later; "" without a
// cursor. A NULL is unknown, and updates.
func (m *merge) newer() string {
	if m.cursor == "" {
		return ""
	}
	newer := fmt.Sprintf("s.%[1]s >= t.%[1]s OR s.%[1]s IS NULL OR t.%[1]s IS NULL", quote(m.cursor))
	for _, batch := range m.batches { // each with its own bound, or none
		if earlier := lake.NewerBelowExpr(batch, column("t", m.cursor), sqlType(table.Timestamp)); earlier != "false" {
			newer += fmt.Sprintf(" OR %s AND %s", isOf(batch.Ref), earlier)
		}
	}
	return "(" + newer + ")"
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

// rest are the table's columns in which rows of one key may differ.
func (m *merge) rest() []string { return lake.ComparedColumns(m.columns, m.keys, m.history()) }

func (m *merge) deletes() bool {
	return m.reloads() != "" || slices.ContainsFunc(m.batches, func(b table.Batch) bool { return b.Deleted != "" })
}

// deleting says whether a batch may delete what it does not have: it is a reload or of a client that has moved, and not known to miss nothing.
func (m *merge) deleting(b int) bool {
	return (m.batches[b].Reload || m.batches[b].Moved) && (len(m.gone) == 0 || m.gone[b] > 0)
}

// keeping says whether the rows that a batch keeps matter: those of other regions go whatever it keeps.
func (m *merge) keeping(b int) bool { return m.batches[b].Reload && m.deleting(b) }

// reloads is the condition for the rows t that reloads and clients who have moved may delete; "" without any.
func (m *merge) reloads() string {
	var all []string
	for b, batch := range m.batches {
		if !m.deleting(b) {
			continue
		}
		if batch.Moved {
			all = append(all, isElsewhere(batch.Ref))
		}
		if !batch.Reload {
			continue
		}
		condition := isOf(batch.Ref)
		if batch.ReloadBelow != "" {
			condition += " AND " + lake.ReloadBelowExpr(batch, column("t", batch.Cursor), sqlType(table.Timestamp))
		}
		all = append(all, condition)
	}
	return strings.Join(all, " OR ")
}

// isOf is the condition for the rows t of a client.
func isOf(ref table.Ref) string {
	return fmt.Sprintf("%s = %s AND %s = %s", column("t", table.RegionColumn), literal(ref.Region), column("t", table.ClientColumn), literal(ref.Client))
}

// isElsewhere is the condition for the rows t that a client has under other regions.
func isElsewhere(ref table.Ref) string {
	return fmt.Sprintf("%s <> %s AND %s = %s", column("t", table.RegionColumn), literal(ref.Region), column("t", table.ClientColumn), literal(ref.Client))
}

// sameKey is the condition that two rows have the same key.
func (m *merge) sameKey() []string {
	all := make([]string, len(m.keys))
	for i, key := range m.keys {
		all[i] = fmt.Sprintf("t.%s = s.%[1]s", quote(key))
	}
	return all
}

// changesQuery counts by tenant what the merge inserted, updated and deleted, given the table's version before it.
func (m *merge) changesQuery(before int64) string {
	if m.history() {
		return m.versionsQuery(before)
	}
	act := "true"
	if m.newer() != "" {
		act = m.newer()
	}
	matched, updates := column("t", table.ClientColumn)+" IS NOT NULL", "false"
	if changed := m.changed(); changed != "" {
		updates = "NOT (" + changed + ")"
	}
	deleted := "s." + quote(deletedColumn)
	target := fmt.Sprintf("(SELECT * FROM %s VERSION AS OF %d AS t WHERE %s)", m.name, before, strings.Join(m.whose(), " AND "))
	join := strings.Join(m.sameKey(), " AND ")
	query := fmt.Sprintf("%s\nSELECT %s, count_if(NOT %s AND NOT %s), count_if(%s AND NOT %s AND %s AND %s), count_if(%s AND %s AND %s) "+
		"FROM %s AS s LEFT JOIN %s AS t ON %s GROUP BY %[2]s",
		m.with(), tenant("s"), matched, deleted, matched, deleted, act, updates, matched, deleted, act, quote(sourceRows), target, join)
	if m.reloads() != "" {
		query += fmt.Sprintf("\nUNION ALL SELECT %s, 0, 0, count(*) FROM %s GROUP BY %[1]s", tenant("t"), m.missing(target))
	}
	return query
}

// tenant is the columns that say whose a row is.
func tenant(alias string) string {
	return column(alias, table.RegionColumn) + ", " + column(alias, table.ClientColumn)
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

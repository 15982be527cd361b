package sparksql

import (
	"fmt"
	"slices"
	"strings"

	"tributary/internal/lake"
	"tributary/internal/table"
)

// Relations and columns of a merge into a table of versions.
const (
	validRows   = "__tributary_valid" // the clients' versions that are valid now
	endedRows   = "__tributary_ended" // when the last version of a source row's key ended, of those that did
	readColumn  = "__tributary_read"  // when the client's rows were read
	untilColumn = "__tributary_until"
	sinceColumn = "__tributary_since"
)

func (m *merge) history() bool { return lake.KeepsVersions(m.batches) }

// current is the relation of the table's rows that a merge may change: of a table of versions, those that are valid.
func (m *merge) current(from string) string {
	if !m.history() {
		return from
	}
	return fmt.Sprintf("(SELECT * FROM %s AS t WHERE %s)", from, isValid())
}

// isValid is the condition for versions t that are valid. Both columns say so: Delta skips files by how many rows have no valid_to, where the column has
// statistics, and by is_current where tables are partitioned by it.
func isValid() string {
	return fmt.Sprintf("%s AND %s IS NULL", column("t", table.IsCurrent), column("t", table.ValidTo))
}

// historyStatement is the MERGE into a table of versions. Versions that end match themselves by key and begin; those that begin match nothing; source
// rows that change nothing are in the source without a begin, for the commit's history to tell how many were read.
func (m *merge) historyStatement() string {
	columns := m.columns.Names()
	from, to, current := quote(table.ValidFrom), quote(table.ValidTo), quote(table.IsCurrent)
	return fmt.Sprintf("MERGE INTO %s AS t\nUSING (\n  %s\n) AS s\nON %s AND %s AND t.%s = s.%[5]s"+
		"\nWHEN MATCHED AND NOT s.%[6]s THEN UPDATE SET t.%[9]s = s.%[9]s, t.%[6]s = false"+
		"\nWHEN NOT MATCHED AND s.%[6]s AND s.%[5]s IS NOT NULL THEN INSERT (%[7]s) VALUES (s.%[8]s)",
		m.name, m.versions(m.name), strings.Join(m.on(), " AND "), isValid(), from, current, quoteAll(columns), strings.Join(quoted(columns), ", s."), to)
}

// versions selects what a merge writes, given the table or an earlier version of it: versions that end, of which only the keys, begin and
// end count, and those that begin.
func (m *merge) versions(from string) string {
	text := m.with() + ",\n  " + m.withVersions(from) + "\n  " + m.beginning() + "\n  UNION ALL " + m.ending()
	if m.reloads() != "" {
		until := lake.VersionEnd("", column("t", readColumn), column("t", table.ValidFrom))
		text += fmt.Sprintf("\n  UNION ALL SELECT DISTINCT %s FROM %s", m.endingColumns(until), m.missing(quote(validRows)))
	}
	return text
}

// withVersions names the versions that matter to the clients' rows.
func (m *merge) withVersions(from string) string {
	conditions := m.on()
	where := strings.Join(conditions[:len(conditions)-len(m.keys)], " AND ")
	keys := prefixed("t", m.keys)
	return fmt.Sprintf("%s AS (SELECT *, %s AS %s FROM %s AS t WHERE %s AND %s),\n  "+
		"%s AS (SELECT %s, max(t.%[12]s) AS %[9]s FROM %[4]s AS t LEFT SEMI JOIN %[10]s AS s ON %[11]s WHERE %[5]s AND NOT t.%[13]s AND t.%[12]s IS NOT NULL GROUP BY %[8]s)",
		quote(validRows), m.readAt(), quote(readColumn), from, where, isValid(),
		quote(endedRows), keys, quote(untilColumn), quote(sourceRows), strings.Join(m.sameKey(), " AND "), quote(table.ValidTo), quote(table.IsCurrent))
}

// beginning selects the source rows; valid_from of those that become a version is when it begins.
func (m *merge) beginning() string {
	cursor, read := m.timeCursor(), column("s", readColumn)
	from := fmt.Sprintf("CASE WHEN s.%s THEN NULL WHEN t.%s IS NULL THEN %s WHEN %s THEN %s END", quote(deletedColumn), quote(table.ClientColumn),
		lake.VersionStart(m.sinceMoved(cursor), read, column("e", untilColumn)), m.differs(), lake.VersionEnd(cursor, read, column("t", table.ValidFrom)))
	ended := make([]string, len(m.keys))
	for i, key := range m.keys {
		ended[i] = column("e", key) + " = " + column("s", key)
	}
	inner := fmt.Sprintf("SELECT s.*, %s AS %s FROM %s AS s LEFT JOIN %s AS t ON %s LEFT JOIN %s AS e ON %s", from, quote(sinceColumn),
		quote(sourceRows), quote(validRows), strings.Join(m.sameKey(), " AND "), quote(endedRows), strings.Join(ended, " AND "))
	return fmt.Sprintf("SELECT %s FROM (%s)", m.versionColumns(quote, quote(sinceColumn), "NULL", "true"), inner)
}

// ending selects the versions that end because a source row differs or is a delete.
func (m *merge) ending() string {
	differs := m.differs()
	if m.deletes() {
		differs = fmt.Sprintf("(%s OR %s AND s.%s)", differs, m.notOlder(), quote(deletedColumn))
	}
	until := lake.VersionEnd(m.timeCursor(), column("s", readColumn), column("t", table.ValidFrom))
	return fmt.Sprintf("SELECT %s FROM %s AS t JOIN %s AS s ON %s WHERE %s", m.endingColumns(until), quote(validRows), quote(sourceRows),
		strings.Join(m.sameKey(), " AND "), differs)
}

// endingColumns are the columns of a version t that ends: its key and begin, and NULL.
func (m *merge) endingColumns(until string) string {
	return m.versionColumns(func(name string) string {
		if slices.ContainsFunc(m.keys, func(key string) bool { return strings.EqualFold(key, name) }) {
			return column("t", name)
		}
		return "NULL"
	}, column("t", table.ValidFrom), until, "false")
}

// versionColumns are the table's columns, with those of versions as given.
func (m *merge) versionColumns(of func(name string) string, from, to, current string) string {
	all := make([]string, len(m.columns))
	for i, c := range m.columns {
		expr := of(c.Name)
		switch strings.ToLower(c.Name) {
		case table.ValidFrom:
			expr = from
		case table.ValidTo:
			expr = to
		case table.IsCurrent:
			expr = current
		}
		all[i] = fmt.Sprintf("CAST(%s AS %s) AS %s", expr, sqlType(c.Type), quote(c.Name))
	}
	return strings.Join(all, ", ")
}

// differs says that a source row is not older than the valid version t, and differs from it.
func (m *merge) differs() string {
	changed := m.changed()
	if changed == "" {
		return "false"
	}
	return m.notOlder() + " AND NOT (" + changed + ")"
}

func (m *merge) notOlder() string {
	if newer := m.newer(); newer != "" {
		return newer
	}
	return "true"
}

func (m *merge) timeCursor() string {
	if cursor := lake.TimeCursor(m.columns, m.cursor, table.Backtick); cursor != "" {
		return "s." + cursor
	}
	return ""
}

// sinceMoved is the time cursor of a row s, NULL for clients whose rows of other regions go: their rows' versions begin when they were read, which
// is when those of the other region end.
func (m *merge) sinceMoved(cursor string) string {
	var moved []string
	for b, batch := range m.batches {
		if batch.Moved && (len(m.elsewhere) == 0 || m.elsewhere[b] > 0) {
			moved = append(moved, literal(batch.Ref.Client))
		}
	}
	if cursor == "" || moved == nil {
		return cursor
	}
	return fmt.Sprintf("CASE WHEN NOT s.%s IN (%s) THEN %s END", quote(table.ClientColumn), strings.Join(moved, ", "), cursor)
}

// readAt is when the client of a row t was read.
func (m *merge) readAt() string {
	first := lake.ReadAt(m.batches[0], "TIMESTAMP")
	if !slices.ContainsFunc(m.batches, func(b table.Batch) bool { return lake.ReadAt(b, "TIMESTAMP") != first }) {
		return first
	}
	var b strings.Builder
	b.WriteString("CASE")
	for _, batch := range m.batches {
		whose := isOf(batch.Ref)
		if batch.Moved { // versions of other regions end by it
			whose = column("t", table.ClientColumn) + " = " + literal(batch.Ref.Client)
		}
		fmt.Fprintf(&b, " WHEN %s THEN %s", whose, lake.ReadAt(batch, "TIMESTAMP"))
	}
	return b.String() + " END"
}

// versionsQuery counts by tenant the versions that a merge began and ended, given the table's version before it.
func (m *merge) versionsQuery(before int64) string {
	return fmt.Sprintf("SELECT %s, count_if(s.%s AND s.%s IS NOT NULL), count_if(NOT s.%[2]s), 0 FROM (\n  %[4]s\n) AS s GROUP BY %[1]s",
		tenant("s"), quote(table.IsCurrent), quote(table.ValidFrom), m.versions(fmt.Sprintf("%s VERSION AS OF %d", m.name, before)))
}

func prefixed(alias string, names []string) string {
	all := make([]string, len(names))
	for i, name := range names {
		all[i] = column(alias, name)
	}
	return strings.Join(all, ", ")
}

package local

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"tributary/internal/lake"
	"tributary/internal/table"
)

// runHistory is run for a table of versions. What changes is found as for latest rows, among the versions that are valid now. Then src becomes
// the rows to write: the versions that end, with when, and those that begin.
func (m *merge) runHistory(ctx context.Context) ([]lake.MergeResult, error) {
	defer func() { removeAll(m.made) }()
	m.findCandidates()
	if len(m.files.adds) == 0 {
		if err := m.beginAll(ctx); err != nil {
			return nil, err
		}
	} else if err := m.findVersions(ctx); err != nil {
		return nil, err
	}
	if err := m.write(ctx); err != nil {
		return nil, err
	}
	return m.results, m.commit(ctx)
}

// findVersions makes changed, put and src of what the batches change.
func (m *merge) findVersions(ctx context.Context) error {
	m.files.versions = validVersions
	if err := m.findChanges(ctx); err != nil {
		return err
	}
	m.files.versions = allVersions
	var changed []int // files with versions that end
	err := m.each(ctx, "SELECT DISTINCT f FROM changed ORDER BY f", func(v []any) error {
		changed = append(changed, int(integer(v[0])))
		return nil
	})
	if err != nil {
		return err
	}
	if err := m.execAll(ctx, m.endingQuery(changed), m.goneQuery(), m.beginningQuery()); err != nil {
		return err
	}
	if err := m.countVersions(ctx); err != nil {
		return err
	}
	if err := m.writeVersions(ctx, changed); err != nil {
		return err
	}
	return m.execAll(ctx, "CREATE OR REPLACE TEMP TABLE changed AS SELECT b, "+endingRow("ending")+" AS r, false AS d, f, n FROM ending",
		"CREATE OR REPLACE TEMP TABLE put AS SELECT r, b, f FROM changed UNION ALL SELECT r, b, NULL FROM beginning")
}

// endingRow is the number in src of a version that ends; those of staged rows are smaller.
func endingRow(alias string) string {
	return fmt.Sprintf("((1::BIGINT << 62) | (%s.f << 40) | %[1]s.n)", alias)
}

// endingQuery makes ending(b, r, f, n, until): the versions of changed, and when they end.
func (m *merge) endingQuery(files []int) string {
	columns := []string{table.ValidFrom}
	cursor, from := m.timeCursor(), "t."+quote(table.ValidFrom)
	with := ""
	if cursor != "" { // a version that ends because its row is gone has no source row
		with = fmt.Sprintf(" LEFT JOIN (SELECT __r, %s FROM src SEMI JOIN changed x ON x.r = __r) s ON s.__r = c.r", cursor)
		cursor = "s." + cursor
	}
	return fmt.Sprintf("CREATE TEMP TABLE ending AS SELECT c.b, c.r, c.f, c.n, %s AS until FROM (%s) t JOIN changed c ON c.f = t.__f AND c.n = t.__n",
		lake.VersionEnd(cursor, m.readAt("c.b"), from), m.files.pick(files).scan(columns, files)) + with
}

// goneQuery makes gone(keys, until): of rows that are put and have no valid version, when their last one ended.
func (m *merge) goneQuery() string {
	columns := append(slices.Clone(m.src.keys), table.ValidTo)
	ended := m.files
	ended.versions = endedVersions
	return fmt.Sprintf("CREATE TEMP TABLE gone AS SELECT %s, max(%s) AS until FROM (%s) t SEMI JOIN "+
		"(SELECT %[1]s FROM src SEMI JOIN (SELECT r FROM put WHERE f IS NULL) p ON p.r = __r) s ON %[4]s GROUP BY ALL",
		table.QuoteAll(m.src.keys, table.DoubleQuote), quote(table.ValidTo), ended.scan(columns, nil), equal(m.src.keys))
}

// beginningQuery makes beginning(r, b, since): the source rows that become versions, and when those begin. One that replaces another
// begins when that one ends.
func (m *merge) beginningQuery() string {
	columns, cursor := slices.Clone(m.src.keys), m.timeCursor()
	selected := append([]string{"s.__r AS r", "s.__b AS b"}, prefixed("s", columns))
	if cursor != "" {
		selected, cursor = append(selected, "s."+cursor+" AS __cursor"), "s.__cursor"
	}
	start := lake.VersionStart(m.sinceMoved(cursor), m.readAt("s.b"), "t.until")
	return fmt.Sprintf("CREATE TEMP TABLE beginning AS SELECT r, any_value(b) AS b, max(until) AS since FROM ending WHERE r IN (SELECT r FROM put) GROUP BY r "+
		"UNION ALL FROM (SELECT s.r, s.b, %s AS since FROM (SELECT %s FROM src s SEMI JOIN (SELECT r FROM put WHERE f IS NULL) p ON p.r = s.__r) s "+
		"LEFT JOIN gone t ON %s) WHERE since IS NOT NULL", start, strings.Join(selected, ", "), equal(m.src.keys))
}

// countVersions fills in the results: versions that begin and end.
func (m *merge) countVersions(ctx context.Context) error {
	clear(m.results)
	const query = "SELECT b, count(*), 0 FROM beginning GROUP BY b UNION ALL SELECT b, 0, count(*) FROM ending GROUP BY b"
	return m.each(ctx, query, func(v []any) error {
		r := &m.results[integer(v[0])]
		r.Inserted, r.Updated = r.Inserted+integer(v[1]), r.Updated+integer(v[2])
		return nil
	})
}

// writeVersions makes src of the versions that begin and end: a table when they are few, else a view of a file.
func (m *merge) writeVersions(ctx context.Context, files []int) error {
	var rows int64
	for _, r := range m.results {
		rows += r.Inserted + r.Updated
	}
	if rows <= materialise {
		return m.execAll(ctx, "CREATE TEMP TABLE versions AS "+m.versionsQuery(files), m.src.drop(), "ALTER TABLE versions RENAME TO src")
	}
	file := table.Literal(filepath.Join(m.work, "versions.parquet"))
	drop := m.src.drop() // of what src is until now
	m.src.view = true
	return m.execAll(ctx, fmt.Sprintf("COPY (%s) TO %s (FORMAT parquet)", m.versionsQuery(files), file), drop,
		fmt.Sprintf("CREATE TEMP VIEW src AS SELECT * FROM read_parquet(%s, hive_partitioning = false)", file))
}

func (m *merge) versionsQuery(files []int) string {
	columns := m.schema.Names()
	begins := m.versionColumns("s", "o.since", "NULL", "true")
	ends := m.versionColumns("t", "t."+quote(table.ValidFrom), "e.until", "false")
	return fmt.Sprintf("SELECT s.__b, s.__r, false AS __d, false AS __x, %s FROM src s JOIN beginning o ON o.r = s.__r "+
		"UNION ALL SELECT e.b, %s, false, false, %s FROM (%s) t JOIN ending e ON e.f = t.__f AND e.n = t.__n",
		begins, endingRow("e"), ends, m.files.pick(files).scan(columns, files))
}

// beginAll makes src, changed and put of batches that meet no row of the table, without a copy of their rows.
func (m *merge) beginAll(ctx context.Context) error {
	cursor := m.timeCursor()
	if cursor != "" {
		cursor = "s." + cursor
	}
	kind := "TABLE"
	if m.src.view {
		kind = "VIEW"
	}
	start := lake.VersionStart(cursor, m.readAt("s.__b"), "NULL")
	err := m.execAll(ctx, "ALTER "+kind+" src RENAME TO staged",
		fmt.Sprintf("CREATE TEMP VIEW src AS SELECT s.__b, s.__r, s.__d, s.__x, %s FROM staged s", m.versionColumns("s", start, "NULL", "true")),
		"CREATE TEMP TABLE changed(b INTEGER, r BIGINT, d BOOLEAN, f BIGINT, n BIGINT)",
		"CREATE TEMP TABLE put AS SELECT __r AS r, __b AS b, NULL::BIGINT AS f FROM staged WHERE NOT __d")
	if err != nil {
		return err
	}
	return m.each(ctx, "SELECT b, count(*) FROM put GROUP BY b", func(v []any) error {
		m.results[integer(v[0])].Inserted = integer(v[1])
		return nil
	})
}

// versionColumns are the table's columns of a relation, with those of versions as given.
func (m *merge) versionColumns(alias, from, to, current string) string {
	columns := make([]string, len(m.schema))
	for i, c := range m.schema {
		expr := alias + "." + quote(c.Name)
		switch strings.ToLower(c.Name) {
		case table.ValidFrom:
			expr = from
		case table.ValidTo:
			expr = to
		case table.IsCurrent:
			expr = current
		}
		columns[i] = fmt.Sprintf("%s AS %s", expr, quote(c.Name))
		if expr == "NULL" {
			columns[i] = fmt.Sprintf("NULL::%s AS %s", duckType(c.Type), quote(c.Name))
		}
	}
	return strings.Join(columns, ", ")
}

func (m *merge) timeCursor() string {
	return lake.TimeCursor(m.schema, m.src.cursor, table.DoubleQuote)
}

// readAt is when the rows of a batch were read, given the SQL of its number.
func (m *merge) readAt(number string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "(CASE %s", number)
	for i, batch := range m.src.batches {
		fmt.Fprintf(&b, " WHEN %d THEN %s", i, lake.ReadAt(batch, "TIMESTAMPTZ"))
	}
	return b.String() + " END)"
}

func (s *session) execAll(ctx context.Context, statements ...string) error {
	for _, statement := range statements {
		if err := s.exec(ctx, statement); err != nil {
			return err
		}
	}
	return nil
}

package local

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"tributary/internal/delta"
	"tributary/internal/table"
)

// findCandidates collects the files of the batches' clients that may hold a row with one of their ids, by the
// files' statistics; of a reload, all files of the client.
func (m *merge) findCandidates() error {
	m.files = files{dir: m.table.Dir(), schema: m.schema, partitionBy: m.partitionBy}
	if m.snapshot == nil {
		return nil
	}
	for _, add := range m.snapshot.Files() {
		stats, err := add.Statistics()
		if err != nil {
			stats = nil // unreadable statistics say nothing
		}
		for b := range m.src.batches {
			if m.mayMeet(add, stats, b) {
				m.files.adds = append(m.files.adds, add)
				break
			}
		}
	}
	return nil
}

// mayMeet says whether batch b may change a row of the file.
func (m *merge) mayMeet(add *delta.Add, stats *delta.Stats, b int) bool {
	batch, facts := m.src.batches[b], m.facts[b]
	if !m.mayHoldTenant(add, batch.Ref) || facts.rows == 0 && !batch.Reload {
		return false
	}
	if batch.Reload || stats == nil {
		return true
	}
	for k, key := range m.src.keys {
		column := m.schema[m.schema.Find(key)]
		if hasFold(m.partitionBy, key) || column.Type == table.Binary || facts.low[k] == nil {
			continue
		}
		if !stats.MayContain(column.Name, column.Type, facts.low[k], facts.high[k]) {
			return false
		}
	}
	return true
}

// findChanges makes the temporary tables of what a merge does:
//
//	hits(b, r, d, f, n, s)   src row r of batch b has the key of row n of file f; s is 'new', 'same?' or 'old'
//	changed(b, r, d, f, n)   rows n of files f that go: replaced by src row r, or deleted (r is NULL or d)
//	put(r, b, f)             src rows to write: instead of a row of file f, or new (f is NULL)
func (m *merge) findChanges(ctx context.Context) error {
	if err := m.exec(ctx, m.hitsQuery()); err != nil {
		return err
	}
	changed, err := m.changedQuery(ctx)
	if err != nil {
		return err
	}
	if err := m.exec(ctx, changed); err != nil {
		return err
	}
	if err := m.exec(ctx, m.putQuery()); err != nil {
		return err
	}
	if err := m.addMissing(ctx); err != nil {
		return err
	}
	return m.count(ctx)
}

func (m *merge) hitsQuery() string {
	columns := slices.Clone(m.src.keys)
	state := "'same?'"
	switch {
	case m.src.insertOnly:
		state = "'old'"
	case m.src.cursor != "":
		columns = append(columns, m.src.cursor)
		c := quote(m.src.cursor)
		state = fmt.Sprintf("CASE WHEN s.%s > t.%[1]s THEN 'new' WHEN s.%[1]s < t.%[1]s THEN 'old' ELSE 'same?' END", c)
	}
	return fmt.Sprintf("CREATE TEMP TABLE hits AS SELECT s.__b AS b, s.__r AS r, s.__d AS d, t.__f AS f, t.__n AS n, %s AS s "+
		"FROM (%s) t JOIN (SELECT * FROM src%s) s ON %s", state, m.files.scan(unique(columns), nil), m.notAdopted(), equal(m.src.keys))
}

// notAdopted leaves out the rows of batches whose files were adopted.
func (m *merge) notAdopted() string {
	if len(m.adopted) == 0 {
		return ""
	}
	return " WHERE __b NOT IN (" + strings.Trim(strings.Join(strings.Fields(fmt.Sprint(m.adopted)), ", "), "[]") + ")"
}

// changedQuery reads in full only files with a row that the cursors do not decide.
func (m *merge) changedQuery(ctx context.Context) (string, error) {
	var indexes []int
	err := m.each(ctx, "SELECT DISTINCT f FROM hits WHERE s = 'same?' AND NOT d ORDER BY f", func(v []any) error {
		indexes = append(indexes, int(integer(v[0])))
		return nil
	})
	return m.changed(m.files.pick(indexes), indexes), err
}

// changed lists the rows that go. A matched row that equals its source row in every column stays.
func (m *merge) changed(compared files, numbers []int) string {
	const columns = "h.b, h.r, h.d, h.f, h.n"
	query := "CREATE TEMP TABLE changed AS SELECT " + columns + " FROM hits h WHERE h.s = 'new' OR h.s = 'same?' AND h.d"
	if m.src.insertOnly || len(compared.adds) == 0 {
		return query
	}
	var different []string
	for _, c := range m.schema {
		if !hasFold(m.src.keys, c.Name) {
			different = append(different, fmt.Sprintf("s.%s IS DISTINCT FROM t.%[1]s", quote(c.Name)))
		}
	}
	if len(different) == 0 {
		return query
	}
	return fmt.Sprintf("%s UNION ALL SELECT %s FROM (%s) t JOIN hits h ON h.f = t.__f AND h.n = t.__n JOIN src s ON s.__r = h.r "+
		"WHERE h.s = 'same?' AND NOT h.d AND (%s)", query, columns, compared.scan(m.schema.Names(), numbers), strings.Join(different, " OR "))
}

// putQuery lists the rows to write. A row that is in the table more than once, which another writer may have
// done, is written once.
func (m *merge) putQuery() string {
	where := " WHERE NOT __d"
	if adopted := m.notAdopted(); adopted != "" {
		where = adopted + " AND NOT __d"
	}
	return "CREATE TEMP TABLE put AS SELECT r, any_value(b) AS b, min(f) AS f FROM changed WHERE NOT d GROUP BY r " +
		"UNION ALL SELECT __r, __b, NULL FROM src" + where + " AND NOT EXISTS (SELECT 1 FROM hits h WHERE h.r = __r)"
}

// addMissing adds the rows that reloads no longer have. They are looked for among the rows of the batch's own
// client and region only.
func (m *merge) addMissing(ctx context.Context) error {
	for b, batch := range m.src.batches {
		if !batch.Reload || slices.Contains(m.adopted, b) {
			continue
		}
		columns := unique(append(slices.Clone(m.src.keys), table.ClientColumn, table.RegionColumn))
		query := fmt.Sprintf("INSERT INTO changed SELECT %d, NULL, true, t.__f, t.__n FROM (%s) t "+
			"WHERE t.%s = %s AND t.%s = %s AND NOT EXISTS (SELECT 1 FROM hits h WHERE h.f = t.__f AND h.n = t.__n)",
			b, m.files.scan(columns, nil), quote(table.ClientColumn), table.Literal(batch.Ref.Client),
			quote(table.RegionColumn), table.Literal(batch.Ref.Region))
		if err := m.exec(ctx, query); err != nil {
			return err
		}
	}
	return nil
}

// count fills in the results.
func (m *merge) count(ctx context.Context) error {
	const query = "SELECT b, count(DISTINCT r) FILTER (f IS NOT NULL), count(*) FILTER (f IS NULL), 0 FROM put GROUP BY b " +
		"UNION ALL SELECT b, 0, 0, count(*) FROM changed WHERE d GROUP BY b"
	return m.each(ctx, query, func(v []any) error {
		r := &m.results[integer(v[0])]
		r.Updated, r.Inserted, r.Deleted = r.Updated+integer(v[1]), r.Inserted+integer(v[2]), r.Deleted+integer(v[3])
		return nil
	})
}

func equal(keys []string) string {
	conditions := make([]string, len(keys))
	for i, key := range keys {
		conditions[i] = fmt.Sprintf("s.%s = t.%[1]s", quote(key))
	}
	return strings.Join(conditions, " AND ")
}

// unique drops repeated names, without regard to case.
func unique(names []string) []string {
	var kept []string
	for _, name := range names {
		if !hasFold(kept, name) {
			kept = append(kept, name)
		}
	}
	return kept
}

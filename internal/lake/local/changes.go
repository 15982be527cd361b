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

// findCandidates collects the files of the batches' clients that may hold a row with one of their ids, by the
// files' statistics; of a reload, all files of the client.
func (m *merge) findCandidates() {
	m.files = files{dir: m.table.Dir(), schema: m.schema, partitionBy: m.partitionBy, empty: m.empty}
	if m.snapshot == nil {
		return
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
}

// mayMeet says whether batch b may change a row of the file.
func (m *merge) mayMeet(add *delta.Add, stats *delta.Stats, b int) bool {
	batch, facts := m.src.batches[b], m.facts[b]
	if !m.mayHoldTenant(add, batch) || facts.rows == 0 && !batch.Reload && !batch.Moved {
		return false
	}
	if batch.Reload || batch.Moved || stats == nil {
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
	if err := loadVectors(ctx, m.conn, &m.files); err != nil {
		return err
	}
	if err := m.exec(ctx, m.hitsQuery()); err != nil {
		return err
	}
	if err := m.exec(ctx, "CREATE TEMP TABLE changed AS SELECT b, r, d, f, n FROM hits WHERE s = 'new' OR s = 'same?' AND d"); err != nil {
		return err
	}
	if err := m.compare(ctx); err != nil {
		return err
	}
	if err := m.exec(ctx, m.putQuery()); err != nil {
		return err
	}
	if err := m.addMissing(ctx); err != nil {
		return err
	}
	if err := m.addElsewhere(ctx); err != nil {
		return err
	}
	return m.count(ctx)
}

func (m *merge) hitsQuery() string {
	keys := m.joined()
	columns := slices.Clone(keys)
	state := "'same?'"
	if m.src.cursor != "" {
		columns = append(columns, m.src.cursor)
		c := quote(m.src.cursor)
		state = fmt.Sprintf("CASE WHEN s.%s > t.%[1]s OR s.%[1]s < t.%[1]s AND (%[2]s) THEN 'new' WHEN s.%[1]s < t.%[1]s THEN 'old' ELSE 'same?' END",
			c, m.readLater())
	}
	return fmt.Sprintf("CREATE TEMP TABLE hits AS SELECT s.__b AS b, s.__r AS r, s.__d AS d, t.__f AS f, t.__n AS n, %s AS s "+
		"FROM (%s) t JOIN (SELECT * FROM src WHERE true%s) s ON %s", state, m.files.scan(unique(columns), nil), m.notAdopted(), equal(keys))
}

// joined are the keys that hits are found by: the ids alone when the log says that all candidates are the one batch's client's, whose columns
// would be read of every row for nothing.
func (m *merge) joined() []string {
	ids := m.src.ids()
	if len(m.src.batches) > 1 || len(ids) == 0 {
		return m.src.keys
	}
	own := tenantValues([]string{table.ClientColumn, table.RegionColumn}, m.src.batches[0].Ref)
	for _, add := range m.files.adds {
		for column, value := range own {
			if in := partitionValue(add, column); in == nil || *in != *value {
				return m.src.keys
			}
		}
	}
	return ids
}

// readLater says that row t was read before its source row s was, whatever their cursors say.
func (m *merge) readLater() string {
	conditions := []string{"false"}
	for b, batch := range m.src.batches {
		if earlier := lake.NewerBelowExpr(batch, "t."+quote(m.src.cursor), duckType(table.Timestamp)); earlier != "false" {
			conditions = append(conditions, fmt.Sprintf("s.__b = %d AND %s", b, earlier))
		}
	}
	return strings.Join(conditions, " OR ")
}

// notAdopted leaves out the rows of batches whose files were adopted.
func (m *merge) notAdopted() string {
	if len(m.adopted) == 0 {
		return ""
	}
	return " AND __b NOT IN (" + strings.Trim(strings.Join(strings.Fields(fmt.Sprint(m.adopted)), ", "), "[]") + ")"
}

// putQuery lists the rows to write. A row that is in the table more than once, which another writer may have
// done, is written once.
func (m *merge) putQuery() string {
	return "CREATE TEMP TABLE put AS SELECT r, any_value(b) AS b, min(f) AS f FROM changed WHERE NOT d GROUP BY r " +
		"UNION ALL SELECT s.__r, s.__b, NULL FROM (SELECT __r, __b FROM src WHERE NOT __d" + m.notAdopted() + ") s ANTI JOIN hits h ON h.r = s.__r"
}

// addMissing adds the rows that reloads no longer have, but for those that the run kept apart. They are looked for among the rows of the batch's own
// client and region only.
func (m *merge) addMissing(ctx context.Context) error {
	for b, batch := range m.src.batches {
		if !batch.Reload || slices.Contains(m.adopted, b) {
			continue
		}
		columns, kept, below := unique(append(slices.Clone(m.src.keys), table.ClientColumn, table.RegionColumn)), "", "true"
		if batch.ReloadBelow != "" {
			columns = unique(append(columns, batch.Cursor))
			below = lake.ReloadBelowExpr(batch, "t."+quote(batch.Cursor), duckType(table.Timestamp))
		}
		if len(batch.Kept) > 0 {
			kept = fmt.Sprintf(" ANTI JOIN (%s) s ON %s", selectKept(m.dir, batch, m.schema), equal(lake.OwnIDs(batch)))
		}
		query := fmt.Sprintf("INSERT INTO changed SELECT %d, NULL, true, t.__f, t.__n FROM (%s) t "+
			"ANTI JOIN hits h ON h.f = t.__f AND h.n = t.__n%s WHERE t.%s = %s AND t.%s = %s AND %s",
			b, m.files.scan(columns, nil), kept, quote(table.ClientColumn), table.Literal(batch.Ref.Client),
			quote(table.RegionColumn), table.Literal(batch.Ref.Region), below)
		if err := m.exec(ctx, query); err != nil {
			return err
		}
		if err := m.guard(ctx, b); err != nil {
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

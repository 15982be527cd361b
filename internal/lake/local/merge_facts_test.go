package local

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"tributary/internal/lake"
	"tributary/internal/table"
)

// TestManyRowsAreMergedOnce has enough rows that their order is looked at before they are counted.
func TestManyRowsAreMergedOnce(t *testing.T) {
	l := open(t, t.TempDir())
	t.Cleanup(func() { require.NoError(t, l.Close()) })
	schema := table.Schema{{Name: "id", Type: table.Long}, {Name: "part", Type: table.String}, {Name: "v", Type: table.Integer},
		{Name: table.ClientColumn, Type: table.String}, {Name: table.RegionColumn, Type: table.String}}
	const rows, composite = "SELECT range AS id, 'p' || (range %% 10) AS part, 0::INTEGER AS v FROM range(%d)", "SELECT range // 10 AS id, 'p' || (range %% 10) AS part, 0::INTEGER AS v FROM range(%d)"
	for name, c := range map[string]struct {
		keys  []string
		query string
		want  int64
	}{
		"in order":                          {[]string{"id"}, rows, 3 * sortedRows},
		"in another order":                  {[]string{"id"}, rows + " ORDER BY hash(range)", 3 * sortedRows},
		"in order, a row twice at the end":  {[]string{"id"}, rows + " UNION ALL SELECT 29999, 'later', 1", 3 * sortedRows},
		"in order, a row twice far away":    {[]string{"id"}, rows + " UNION ALL SELECT 5, 'later', 1", 3 * sortedRows},
		"in another order, with some twice": {[]string{"id"}, "SELECT id // 2 AS id, part, v FROM (" + rows + ") ORDER BY hash(id)", 3 * sortedRows / 2},
		"two ids in order":                  {[]string{"id", "part"}, composite, 3 * sortedRows},
		"two ids, one row twice":            {[]string{"id", "part"}, composite + " UNION ALL SELECT 7, 'p3', 1", 3 * sortedRows},
	} {
		t.Run(name, func(t *testing.T) {
			b := stageQuery(t, l, schema, fmt.Sprintf(c.query, 3*sortedRows))
			b.Keys, b.Ref.Table = c.keys, folderName(name)
			results, err := l.Merge(t.Context(), []table.Batch{b})
			require.NoError(t, err)
			require.Equal(t, c.want, results[0].Inserted)
			found, err := l.Query(t.Context(), "central", fmt.Sprintf("SELECT count(*), count(DISTINCT (%s)) FROM %s",
				table.QuoteAll(c.keys, table.DoubleQuote), quote(b.Ref.Table)), lake.At{})
			require.NoError(t, err)
			values, ok := found.Next()
			require.True(t, ok)
			require.NoError(t, found.Close())
			require.Equal(t, []any{c.want, c.want}, values)
		})
	}
}

// TestOrderIsSeenAcrossFiles has batches of several files, as a load that is read in chunks stages them, of more files than parts too.
func TestOrderIsSeenAcrossFiles(t *testing.T) {
	l := open(t, t.TempDir())
	t.Cleanup(func() { require.NoError(t, l.Close()) })
	const each, rows = sortedRows, "SELECT range::%s AS id, 'p' || (range %% 10) AS part, 0::INTEGER AS v FROM range(%d, %d)"
	for name, c := range map[string]struct {
		keys    []string
		kind    table.Type
		from    []int64 // of the first rows of each file
		ordered bool
		rows    int64
	}{
		"one after the other":         {[]string{"id"}, table.Long, []int64{0, each, 2 * each}, true, 3 * each},
		"in another order":            {[]string{"id"}, table.Long, []int64{2 * each, 0, each}, true, 3 * each},
		"with gaps, as decimals":      {[]string{"id"}, table.Decimal(20, 0), []int64{7 * each, 0, 3 * each}, true, 3 * each},
		"two ids":                     {[]string{"id", "part"}, table.Long, []int64{2 * each, 0, each}, true, 3 * each},
		"the last is the next's head": {[]string{"id"}, table.Long, []int64{each - 1, 0, 2 * each}, false, 3*each - 1},
		"one within another":          {[]string{"id"}, table.Decimal(20, 0), []int64{0, 0, each}, false, 2 * each},
		"more files than parts":       {[]string{"id"}, table.Long, ascending(sortedParts+3, each), true, (sortedParts + 3) * each},
		"more files, the first twice": {[]string{"id"}, table.Long, append(ascending(sortedParts+3, each), 0), false, (sortedParts + 3) * each},
	} {
		t.Run(name, func(t *testing.T) {
			schema := table.Schema{{Name: "id", Type: c.kind}, {Name: "part", Type: table.String}, {Name: "v", Type: table.Integer},
				{Name: table.ClientColumn, Type: table.String}, {Name: table.RegionColumn, Type: table.String}}
			var all table.Batch
			for _, from := range c.from {
				b := stageQuery(t, l, schema, fmt.Sprintf(rows, duckType(c.kind), from, from+each))
				b.Files, b.Rows = append(all.Files, b.Files...), all.Rows+b.Rows
				all = b
			}
			all.Keys, all.Ref.Table = c.keys, folderName(name)

			s, err := l.session(t.Context())
			require.NoError(t, err)
			defer s.close()
			src := &source{batches: []table.Batch{all}, keys: lake.MergeKeys(all)}
			require.NoError(t, src.describe(t.Context(), s, l.dir))
			require.NoError(t, src.load(t.Context(), s, l.dir, schema))
			var ordered any
			require.NoError(t, s.each(t.Context(), src.checkOrderQuery(l.dir, schema), func(v []any) error {
				ordered = v[5]
				return nil
			}))
			require.Equal(t, c.ordered, ordered)

			results, err := l.Merge(t.Context(), []table.Batch{all})
			require.NoError(t, err)
			require.Equal(t, c.rows, results[0].Inserted)
			found, err := l.Query(t.Context(), "central", "SELECT count(*), count(DISTINCT id) FROM "+quote(all.Ref.Table), lake.At{})
			require.NoError(t, err)
			values, ok := found.Next()
			require.True(t, ok)
			require.NoError(t, found.Close())
			require.Equal(t, []any{c.rows, c.rows}, values)
		})
	}
}

func ascending(files int, each int64) (from []int64) {
	for i := range int64(files) {
		from = append(from, i*each)
	}
	return from
}

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

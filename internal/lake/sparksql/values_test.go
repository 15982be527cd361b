package sparksql_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"tributary/internal/table"
	"tributary/internal/testserver"
)

// typed gives the batch's id and v other types.
func typed(name string, id, v table.Type) func(*table.Batch) {
	return func(b *table.Batch) {
		b.Ref.Table, b.ID = name, b.ID+"-"+name+string(id[:1])
		b.Schema = table.Schema{
			{Name: "id", Type: id, Nullable: true}, {Name: "v", Type: v, Nullable: true},
			{Name: table.ClientColumn, Type: table.String, Nullable: true}, {Name: table.RegionColumn, Type: table.String, Nullable: true},
		}
	}
}

// TestKeysAndValuesThatCompareOddly merges each set of rows twice: ids that are equal match, ids that differ in little do not, and equal values
// are no change.
func TestKeysAndValuesThatCompareOddly(t *testing.T) {
	t.Parallel()
	spark := testserver.Spark(t)
	l, schema := openSpark(t, spark), spark.Schema(t)
	for name, c := range map[string]struct {
		id, v         table.Type
		rows          string
		first, second string // counts
		query         string
		want          []string
	}{
		"texts": {
			table.String, table.Long, "SELECT unnest(['a', 'a ', 'A', 'ä', 'a' || chr(776), '', ' ', 'a' || chr(0)]) AS id, 1::BIGINT AS v", "8 0 0", "0 0 0",
			"SELECT count(DISTINCT id) FROM texts", []string{"8"},
		},
		"doubles": {
			table.Long, table.Double, "SELECT unnest([1, 2, 3, 4]) AS id, unnest(['nan'::DOUBLE, '-0.0'::DOUBLE, 'inf'::DOUBLE, NULL]) AS v", "4 0 0", "0 0 0",
			"SELECT id, CAST(v AS STRING) FROM doubles WHERE id <> 2 ORDER BY id", []string{"1 NaN", "3 Infinity", "4 <nil>"},
		},
		"longs": {
			table.Long, table.String, "SELECT unnest([-9223372036854775808, -10, -9, 0, 9, 10, 9223372036854775807]) AS id, 'v' AS v", "7 0 0", "0 0 0",
			"SELECT count(*), min(id), max(id) FROM longs", []string{"7 -9223372036854775808 9223372036854775807"},
		},
		"ancient": {
			table.Timestamp, table.Date, "SELECT TIMESTAMPTZ '0001-01-01 00:00:00.000001+00' AS id, DATE '0001-01-01' AS v UNION ALL " +
				"SELECT '1582-10-04 23:59:59.999999+00', '1582-10-04' UNION ALL SELECT '1582-10-10 12:00:00+00', '1582-10-10'", "3 0 0", "0 0 0",
			"SELECT CAST(id AS STRING), CAST(v AS STRING) FROM ancient ORDER BY 1",
			[]string{"0001-01-01 00:00:00.000001 0001-01-01", "1582-10-04 23:59:59.999999 1582-10-04", "1582-10-10 12:00:00 1582-10-10"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := batch(t, l, schema, "acme", c.rows, typed(name, c.id, c.v))
			require.Equal(t, c.first, merged(t, l, b))
			require.Equal(t, c.second, merged(t, l, b))
			require.Equal(t, c.want, found(t, l, schema, c.query))
		})
	}
	t.Run("IntegersMatchDecimals", func(t *testing.T) {
		decimals := typed("numbers", table.Decimal(20, 0), table.String)
		require.Equal(t, "3 0 0", merged(t, l, batch(t, l, schema, "acme", "SELECT unnest([5, -7, 18446744073709551615])::DECIMAL(20,0) AS id, 'v' AS v", decimals)))
		longs := batch(t, l, schema, "acme", "SELECT unnest([5, -7, 8])::BIGINT AS id, 'w' AS v", typed("numbers", table.Long, table.String))
		require.Equal(t, "1 2 0", merged(t, l, longs))
		require.Equal(t, "0 0 0", merged(t, l, longs))
		require.Equal(t, []string{"-7 w", "5 w", "8 w", "18446744073709551615 v"}, found(t, l, schema, "SELECT id, v FROM numbers ORDER BY id"))
	})
}

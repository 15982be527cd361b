package sparksql_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"tributary/internal/lake"
	"tributary/internal/lake/sparksql"
	"tributary/internal/table"
	"tributary/internal/testserver"
)

// others are someone else's statements, who has changed the tables since this process last looked.
func others(t *testing.T, l *sparksql.Lake, schema string, statements ...string) {
	t.Helper()
	for _, s := range statements {
		require.NoError(t, l.Exec(t.Context(), schema, s), s)
	}
}

func withExtra(kind table.Type, names ...string) func(*table.Batch) {
	return func(b *table.Batch) {
		b.Schema = slices.Clone(b.Schema)
		for _, name := range names {
			b.Schema = slices.Insert(b.Schema, 2, table.Column{Name: name, Type: kind, Nullable: true})
		}
	}
}

func TestTablesThatOthersHaveChanged(t *testing.T) {
	t.Parallel()
	spark := testserver.Spark(t)
	l, other := openSpark(t, spark), openSpark(t, spark)
	const mapped = "ALTER TABLE orders SET TBLPROPERTIES ('delta.columnMapping.mode' = 'name')"
	for name, c := range map[string]struct {
		change []string
		want   error
		rows   []string // afterwards, with all columns
	}{
		"OKColumnAdded":     {[]string{"ALTER TABLE orders ADD COLUMNS (more INT)"}, nil, []string{"1 w acme eu <nil>", "2 w acme eu <nil>"}},
		"OKColumnDropped":   {[]string{mapped, "ALTER TABLE orders DROP COLUMN v"}, nil, []string{"1 acme eu w", "2 acme eu w"}},
		"OKTableDropped":    {[]string{"DROP TABLE orders"}, nil, []string{"1 w acme eu", "2 w acme eu"}},
		"OKTableMadeAnew":   {[]string{"CREATE OR REPLACE TABLE orders (region STRING, client_id STRING, id BIGINT) USING delta"}, nil, []string{"eu acme 1 w", "eu acme 2 w"}},
		"OKWider":           {[]string{"ALTER TABLE orders SET TBLPROPERTIES ('delta.enableTypeWidening' = 'true')", "ALTER TABLE orders ALTER COLUMN id TYPE DECIMAL(20,0)"}, nil, []string{"1 w acme eu", "2 w acme eu"}},
		"ErrOtherType":      {[]string{"CREATE OR REPLACE TABLE orders (id BIGINT, v INT, client_id STRING, region STRING) USING delta"}, lake.ErrSchema, nil},
		"OKNarrowerButFits": {[]string{"CREATE OR REPLACE TABLE orders (id TINYINT, v STRING, client_id STRING, region STRING) USING delta"}, nil, []string{"1 w acme eu", "2 w acme eu"}},
		"ErrNotNull":        {[]string{"CREATE OR REPLACE TABLE orders (id BIGINT, v STRING, client_id STRING, region STRING, must INT NOT NULL) USING delta"}, lake.ErrSchema, nil},
		"ErrConstraint":     {[]string{"ALTER TABLE orders ADD CONSTRAINT low CHECK (id < 2)"}, lake.ErrSchema, nil},
		"ErrView":           {[]string{"DROP TABLE orders", "CREATE VIEW orders AS SELECT 1L AS id, 'v' AS v, 'acme' AS client_id, 'eu' AS region"}, lake.ErrSchema, nil},
		"ErrNoDelta":        {[]string{"DROP TABLE orders", "CREATE TABLE orders (id BIGINT, v STRING, client_id STRING, region STRING) USING parquet"}, lake.ErrSchema, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			schema := spark.Schema(t)
			require.Equal(t, "1 0 0", merged(t, l, batch(t, l, schema, "acme", oneRow)))
			others(t, other, schema, c.change...)
			b := batch(t, l, schema, "acme", "SELECT range AS id, 'w' AS v FROM range(1, 3)")
			_, err := l.Merge(t.Context(), []table.Batch{b})
			require.ErrorIs(t, err, c.want)
			if c.want == nil {
				require.Equal(t, c.rows, found(t, l, schema, "SELECT * FROM orders ORDER BY id"))
				require.Equal(t, "0 0 0", merged(t, l, b))
			} else {
				require.NotContains(t, err.Error(), "gave up", "it is not tried again and again")
			}
		})
	}
}

// TestOddNamesThatComeLater has a source get columns whose names Parquet cannot have, once and again.
func TestOddNamesThatComeLater(t *testing.T) {
	t.Parallel()
	spark := testserver.Spark(t)
	l := openSpark(t, spark)
	schema := spark.Schema(t)
	require.Equal(t, "1 0 0", merged(t, l, batch(t, l, schema, "acme", oneRow)))
	require.Equal(t, "1 1 0", merged(t, l, batch(t, l, schema, "acme", "SELECT range AS id, 'w' AS v, 7 AS \"two words\" FROM range(1, 3)", withExtra(table.Integer, "two words"))))
	require.Equal(t, "1 0 0", merged(t, l, batch(t, l, schema, "acme", "SELECT 3 AS id, 'w' AS v, 7 AS \"two words\", 8 AS \"a,b\"", withExtra(table.Integer, "a,b", "two words"))))
	require.Equal(t, []string{"1 w 7 <nil>", "2 w 7 <nil>", "3 w 7 8"}, found(t, l, schema, "SELECT id, v, `two words`, `a,b` FROM orders ORDER BY id"))
}

// TestTwoProcessesChangeOneSchema has two lakes with caches of their own add columns at once, the same ones and different ones.
func TestTwoProcessesChangeOneSchema(t *testing.T) {
	t.Parallel()
	spark := testserver.Spark(t)
	lakes := []*sparksql.Lake{openSpark(t, spark), openSpark(t, spark)}
	for name, extra := range map[string][]string{"Same": {"more", "more"}, "Different": {"one", "two"}, "None": {}} {
		t.Run(name, func(t *testing.T) {
			schema := spark.Schema(t)
			if name != "None" { // there the table itself is made twice
				require.Equal(t, "1 0 0", merged(t, lakes[0], batch(t, lakes[0], schema, "initech", oneRow)))
				require.Equal(t, "1 0 0", merged(t, lakes[1], batch(t, lakes[1], schema, "hooli", oneRow)))
			}
			var batches []table.Batch
			for i, client := range []string{"acme", "globex"} {
				rows, set := "SELECT range AS id, 'w' AS v FROM range(5)", func(*table.Batch) {}
				if len(extra) > 0 {
					rows, set = fmt.Sprintf("SELECT range AS id, %d::INTEGER AS %s, 'w' AS v FROM range(5)", i, extra[i]), withExtra(table.Integer, extra[i])
				}
				batches = append(batches, batch(t, lakes[i], schema, client, rows, set))
			}
			together(t, lakes, func(i int) error {
				results, err := lakes[i].Merge(t.Context(), batches[i:i+1])
				if err == nil && counts(results) != "5 0 0" {
					err = fmt.Errorf("counts %s", counts(results))
				}
				return err
			})
			require.Equal(t, []string{"acme 5", "globex 5"}, found(t, lakes[0], schema, "SELECT client_id, count(*) FROM orders WHERE v = 'w' GROUP BY 1 ORDER BY 1"))
			described, err := lakes[0].Describe(t.Context(), schema, "orders")
			require.NoError(t, err)
			for _, column := range extra {
				require.GreaterOrEqual(t, described.Columns.Find(column), 0)
			}
		})
	}
}

// together calls each lake at the same time.
func together(t *testing.T, lakes []*sparksql.Lake, call func(i int) error) {
	t.Helper()
	errs := make([]error, len(lakes))
	var wg sync.WaitGroup
	for i := range lakes {
		wg.Go(func() { errs[i] = call(i) })
	}
	wg.Wait()
	for _, err := range errs {
		require.NoError(t, err)
	}
}

// TestConflictingMergesAllArrive has four lakes merge into one table without partitions, so that each commit is in the others' way.
func TestConflictingMergesAllArrive(t *testing.T) {
	t.Parallel()
	spark := testserver.Spark(t)
	lakes := make([]*sparksql.Lake, 4)
	for i := range lakes {
		lakes[i] = openSpark(t, spark)
	}
	schema := spark.Schema(t)
	flat := func(b *table.Batch) { b.PartitionBy = []string{} }
	require.Equal(t, "1 0 0", merged(t, lakes[0], batch(t, lakes[0], schema, "initech", oneRow, flat)))
	const rounds = 3
	batches := make([][]table.Batch, len(lakes))
	for i, l := range lakes {
		for round := range rounds { // each changes the rows of the round before, and adds some
			b := batch(t, l, schema, fmt.Sprintf("client%d", i), fmt.Sprintf("SELECT range AS id, 'v%d' AS v FROM range(%d)", round, 10*(round+1)), flat, func(b *table.Batch) { b.ID = fmt.Sprintf("%s-%d-%d/1", schema, i, round) })
			batches[i] = append(batches[i], b)
		}
	}
	together(t, lakes, func(i int) error {
		for round, b := range batches[i] {
			results, err := lakes[i].Merge(t.Context(), []table.Batch{b})
			if err != nil {
				return err
			}
			if want := fmt.Sprint(10, 10*round, 0); counts(results) != want {
				return fmt.Errorf("client%d, round %d: %s, want %s", i, round, counts(results), want)
			}
		}
		return nil
	})
	want := []string{"client0 30 30 v2 v2", "client1 30 30 v2 v2", "client2 30 30 v2 v2", "client3 30 30 v2 v2", "initech 1 1 v v"}
	require.Equal(t, want, found(t, lakes[0], schema, "SELECT client_id, count(*), count(DISTINCT id), min(v), max(v) FROM orders GROUP BY 1 ORDER BY 1"))
}

func TestBatchesThatAreNotWhatTheySay(t *testing.T) {
	t.Parallel()
	spark := testserver.Spark(t)
	l := openSpark(t, spark)
	schema := spark.Schema(t)
	reload := func(b *table.Batch) { b.Reload = true }
	require.Equal(t, "9 0 0", merged(t, l, batch(t, l, schema, "acme", "SELECT range AS id, 'v' AS v FROM range(9)")))
	for name, spoil := range map[string]func(t *testing.T, b *table.Batch){
		"Removed":   func(t *testing.T, b *table.Batch) { remove(t, b.Files[0].Path) },
		"Truncated": func(t *testing.T, b *table.Batch) { truncate(t, b.Files[0].Path, b.Files[0].Bytes/2) },
		"NoFooter":  func(t *testing.T, b *table.Batch) { truncate(t, b.Files[0].Path, 10) },
		"Emptied":   func(t *testing.T, b *table.Batch) { truncate(t, b.Files[0].Path, 0) },
		"OneOfTwoRemoved": func(t *testing.T, b *table.Batch) {
			more := batch(t, l, schema, "acme", "SELECT range AS id, 'x' AS v FROM range(4, 9)", func(b *table.Batch) { b.ID = schema + "/2" })
			b.Files, b.Rows = append(b.Files, more.Files...), b.Rows+more.Rows
			remove(t, more.Files[0].Path)
		},
		"OwnColumn": nil,
	} {
		t.Run("Err"+name, func(t *testing.T) {
			want := lake.ErrBatch
			b := batch(t, l, schema, "acme", "SELECT range AS id, 'x' AS v FROM range(4)", reload)
			if spoil == nil {
				b = batch(t, l, schema, "acme", "SELECT range AS id, true AS __tributary_Kept, 'x' AS v FROM range(4)", withExtra(table.Boolean, "__tributary_Kept"))
				want = lake.ErrSchema
			} else {
				spoil(t, &b)
			}
			_, err := l.Merge(t.Context(), []table.Batch{b})
			require.ErrorIs(t, err, want)
			require.NotContains(t, err.Error(), "\tat ", "no stack of Java")
			require.Equal(t, []string{"9 v"}, found(t, l, schema, "SELECT count(*), max(v) FROM orders"), "nothing is changed")
		})
	}
	t.Run("UnlikePoliciesInOneGroup", func(t *testing.T) {
		acme := batch(t, l, schema, "acme", "SELECT 1::BIGINT AS id, 5::INTEGER AS more, 'x' AS v", withExtra(table.Integer, "more"), func(b *table.Batch) { b.Drift = table.DriftIgnore })
		globex := batch(t, l, schema, "globex", "SELECT 1::BIGINT AS id, 6::INTEGER AS more, 'x' AS v", withExtra(table.Integer, "more"))
		require.Equal(t, "0 1 0, 1 0 0", merged(t, l, acme, globex))
		got := found(t, l, schema, "SELECT client_id, more FROM orders WHERE id = 1 ORDER BY 1")
		require.Contains(t, [][]string{{"acme 5", "globex 6"}, {"acme <nil>", "globex 6"}}, got)
		t.Log(strings.Join(got, ", "))
	})
}

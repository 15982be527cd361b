package conformance

import (
	"strings"

	"github.com/stretchr/testify/require"

	"tributary/internal/lake"
	"tributary/internal/table"
)

func (s *suite) create(def lake.Table) (created bool) {
	s.Helper()
	created, err := s.lake.Create(s.Context(), def)
	require.NoError(s, err)
	return created
}

func testCreate(s *suite) {
	def := lake.Table{Schema: s.schema, Name: "orders", Columns: tenantColumns("id long")}
	require.True(s, s.create(def))
	before := s.describe("orders")
	require.Zero(s, before.Rows)
	require.False(s, s.create(def), "a second time")
	require.Equal(s, before.Version, s.describe("orders").Version, "a second time changes nothing")

	def.Columns = append(def.Columns, columnsOf("note string")...)
	require.False(s, s.create(def), "with another column")
	described := s.describe("orders")
	require.Equal(s, s.schema+" orders", described.Schema+" "+described.Name)
	require.Equal(s, def.Columns, described.Columns)
	require.Equal(s, []string{"region", "client_id"}, described.PartitionBy)

	s.run("FirstLoad", func(s *suite) {
		s.merge("2 0 0", s.batch(s.acme(), "id long; note string", "SELECT range AS id, 'n' AS note FROM range(2)"))
		s.rows("SELECT id, note FROM orders ORDER BY id", "0 n", "1 n")
	})
	s.run("ErrType", func(s *suite) {
		def.Columns = tenantColumns("id string")
		_, err := s.lake.Create(s.Context(), def)
		require.ErrorIs(s, err, lake.ErrSchema)
	})
	s.run("ErrNotFound", func(s *suite) {
		for _, schema := range []string{s.schema, newSchema(s.Catalog)} {
			_, err := s.lake.Describe(s.Context(), schema, "nothing")
			require.ErrorIs(s, err, lake.ErrNotFound)
			_, err = s.lake.History(s.Context(), schema, "nothing", 1)
			require.ErrorIs(s, err, lake.ErrNotFound)
			_, _, err = s.lake.Optimize(s.Context(), schema, "nothing", lake.Compaction{})
			require.ErrorIs(s, err, lake.ErrNotFound)
			_, err = s.lake.Vacuum(s.Context(), schema, "nothing", 1000*s.VacuumMin)
			require.ErrorIs(s, err, lake.ErrNotFound)
		}
	})
}

// oddText is hard to quote.
const oddText = "it's \"odd\" `text`; -- ü😀 \\ \\n /* ? */\nand :two ${lines}"

func testComments(s *suite) {
	columns := func(text string) table.Schema {
		schema := tenantColumns(text)
		for i := range schema {
			schema[i].Comment = schema[i].Name + ": " + oddText
		}
		return schema
	}
	s.run("Create", func(s *suite) {
		def := lake.Table{
			Schema: s.schema, Name: "made", Columns: columns("id long"), Comment: oddText,
			Properties: map[string]string{"tributary.owner": oddText, "tributary.sync": "daily"},
		}
		s.create(def)
		described := s.describe("made")
		require.Equal(s, oddText, described.Comment)
		require.Equal(s, def.Columns, described.Columns)
		for key, value := range def.Properties {
			require.Equal(s, value, described.Properties[key], key)
		}
		def.Columns = columns("id long; note string")
		s.create(def)
		require.ElementsMatch(s, def.Columns, s.describe("made").Columns, "of an added column")
	})
	s.run("Merge", func(s *suite) {
		commented := func(b *table.Batch) {
			b.Schema, b.Comment, b.Properties = columns("id long; v string"), oddText, map[string]string{"tributary.owner": oddText}
		}
		s.merge("1 0 0", s.batch(s.acme(), plain, "SELECT 1::BIGINT AS id, 'v' AS v", commented))
		described := s.describe("orders")
		require.Equal(s, oddText, described.Comment)
		require.Equal(s, oddText, described.Properties["tributary.owner"])
		require.Equal(s, columns("id long; v string"), described.Columns)

		wider := columns("id long; v string; extra integer")
		s.merge("0 1 0", s.batch(s.acme(), plain+"; extra integer", "SELECT 1::BIGINT AS id, 'v' AS v, 7::INTEGER AS extra", func(b *table.Batch) { b.Schema = wider }))
		require.ElementsMatch(s, wider, s.describe("orders").Columns, "of an added column")
	})
}

func testLayout(s *suite) {
	def := lake.Table{Schema: s.schema, Name: "clustered", Columns: tenantColumns("id long"), ClusterBy: []string{"client_id", "id"}}
	b := s.batch(s.named("merged"), "id long", "SELECT 1::BIGINT AS id", func(b *table.Batch) { b.ClusterBy = []string{"client_id"} })
	if s.ClusterBy {
		s.create(def)
		s.merge("1 0 0", b)
		require.Equal(s, def.ClusterBy, s.describe("clustered").ClusterBy)
		require.Empty(s, s.describe("clustered").PartitionBy)
		require.Equal(s, b.ClusterBy, s.describe("merged").ClusterBy)
		require.Empty(s, s.describe("merged").PartitionBy)
	} else {
		_, err := s.lake.Create(s.Context(), def)
		require.ErrorIs(s, err, lake.ErrSchema)
		require.ErrorContains(s, err, "partition_by", "says what to use instead")
		s.refuses(lake.ErrSchema, b, "partition_by")
		tables, err := s.lake.Tables(s.Context(), s.schema)
		require.NoError(s, err)
		require.Empty(s, tables)
	}
	s.run("ErrPartitionColumn", func(s *suite) {
		missing := lake.Table{Schema: s.schema, Name: "missing", Columns: tenantColumns("id long"), PartitionBy: []string{"regoin"}}
		_, err := s.lake.Create(s.Context(), missing)
		require.ErrorIs(s, err, lake.ErrSchema)
		require.ErrorContains(s, err, "regoin")
	})
}

func testTables(s *suite) {
	tables := func() []string {
		s.Helper()
		names, err := s.lake.Tables(s.Context(), s.schema)
		require.NoError(s, err)
		return names
	}
	require.Empty(s, tables(), "of a schema that does not exist")
	for _, name := range strings.Fields("zebra alpha t_1") {
		s.create(lake.Table{Schema: s.schema, Name: name, Columns: tenantColumns("id long")})
	}
	s.record(s.loggedRun("r1", table.StatusOK, "2024-01-01 10:00:00", ""))
	require.Equal(s, strings.Fields("alpha sync_log sync_runs t_1 zebra"), tables())
}

package conformance

import (
	"fmt"
	"strings"

	"github.com/stretchr/testify/require"

	"tributary/internal/lake"
	"tributary/internal/table"
)

const (
	plain = "id long; v string"
	timed = "id long; v string; updated timestamp"
)

const all = "SELECT id, v FROM orders ORDER BY id"

func testCreate(s *suite) {
	def := lake.Table{Schema: schema, Name: "orders", Columns: columnsOf("id long; client_id string; region string"), Comment: "what was ordered"}
	created, err := s.lake.Create(s.Context(), def)
	require.NoError(s, err)
	require.True(s, created)

	created, err = s.lake.Create(s.Context(), def)
	require.NoError(s, err)
	require.False(s, created, "a second time")
	require.EqualValues(s, 0, s.version("orders"), "a second time changes nothing")

	def.Columns = columnsOf("id long; client_id string; region string; note string")
	_, err = s.lake.Create(s.Context(), def)
	require.NoError(s, err)
	described, err := s.lake.Describe(s.Context(), schema, "orders")
	require.NoError(s, err)
	require.Equal(s, []string{"id", "client_id", "region", "note"}, described.Columns.Names())
	require.Equal(s, []string{"region", "client_id"}, described.PartitionBy)
	require.Equal(s, "what was ordered", described.Comment)

	s.run("ErrType", func(s *suite) {
		def.Columns = columnsOf("id string; client_id string; region string")
		_, err := s.lake.Create(s.Context(), def)
		require.ErrorIs(s, err, lake.ErrSchema)
	})
	s.run("ErrNotFound", func(s *suite) {
		_, err := s.lake.Describe(s.Context(), schema, "nothing")
		require.ErrorIs(s, err, lake.ErrNotFound)
	})
}

func testMerge(s *suite) {
	first := s.batch(acme, plain, "SELECT range AS id, 'v' || range AS v FROM range(1, 4)")
	s.merge("3 0 0", first)
	s.rows(all, "1 v1", "2 v2", "3 v3")

	s.run("DuplicateDelivery", func(s *suite) {
		before := s.version("orders")
		s.merge("0 0 0", first)
		require.Equal(s, before, s.version("orders"), "nothing changed, so nothing is committed")
	})
	s.run("Upsert", func(s *suite) {
		second := s.batch(acme, plain, "FROM (VALUES (2::BIGINT, 'v2'), (3, 'new'), (4, 'v4')) x(id, v)")
		s.merge("1 1 0", second)
		s.rows(all, "1 v1", "2 v2", "3 new", "4 v4")
		s.merge("0 0 0", second)
	})
	s.run("ToNull", func(s *suite) {
		s.merge("0 1 0", s.batch(acme, plain, "SELECT 4::BIGINT AS id, NULL::VARCHAR AS v"))
		s.rows(all, "1 v1", "2 v2", "3 new", "4 <nil>")
	})
	s.run("SoftDelete", func(s *suite) {
		b := s.batch(acme, plain+"; deleted integer", "FROM (VALUES (1::BIGINT, 'x', 1), (2, 'y', 0), (3, 'z', NULL), (9, 'w', 2)) x(id, v, deleted)", deleted)
		s.merge("0 2 1", b)
		s.rows(all, "2 y", "3 z", "4 <nil>")
		s.merge("0 0 0", b)
	})
	s.run("Empty", func(s *suite) {
		s.merge("0 0 0", s.batch(acme, plain, "SELECT 1::BIGINT AS id, 'x' AS v WHERE false"))
		s.rows("SELECT count(*) FROM orders", "3")
	})
	s.run("DuplicateIDs", func(s *suite) {
		rows := "FROM (VALUES (7::BIGINT, 'old', TIMESTAMPTZ '2024-01-01'), (7, 'new', '2024-01-03'), (7, 'mid', '2024-01-02')) x(id, v, updated)"
		s.merge("1 0 0", s.batch(acme, timed, rows, cursor))
		s.rows("SELECT v FROM orders WHERE id = 7", "new")
	})
}

func testCursors(s *suite) {
	rows := func(values string) string { return "FROM (VALUES " + values + ") x(id, v, updated)" }
	s.merge("3 0 0", s.batch(acme, timed, rows("(1::BIGINT, 'a', TIMESTAMPTZ '2024-02-01'), (2, 'b', '2024-02-01'), (3, 'c', NULL)"), cursor))

	s.run("OlderLeavesNewer", func(s *suite) {
		s.merge("0 0 0", s.batch(acme, timed, rows("(1::BIGINT, 'late', TIMESTAMPTZ '2024-01-01')"), cursor))
	})
	s.run("EqualUpdates", func(s *suite) {
		s.merge("0 1 0", s.batch(acme, timed, rows("(2::BIGINT, 'equal', TIMESTAMPTZ '2024-02-01')"), cursor))
	})
	s.run("NullUpdates", func(s *suite) {
		s.merge("0 2 0", s.batch(acme, timed, rows("(1::BIGINT, 'unknown', NULL::TIMESTAMPTZ), (3, 'known', '2020-01-01')"), cursor))
	})
	s.run("OlderDeleteLeavesNewer", func(s *suite) {
		b := s.batch(acme, timed+"; deleted boolean", "SELECT 2::BIGINT AS id, 'x' AS v, TIMESTAMPTZ '2023-01-01' AS updated, true AS deleted", cursor, deleted)
		s.merge("0 0 0", b)
	})
	s.rows(all, "1 unknown", "2 equal", "3 known")
}

func testReload(s *suite) {
	globex := acme
	globex.Client = "globex"
	s.merge("3 0 0, 3 0 0",
		s.batch(acme, plain, "SELECT range AS id, 'a' AS v FROM range(3)"), s.batch(globex, plain, "SELECT range AS id, 'g' AS v FROM range(3)"))
	again := s.batch(acme, plain, "FROM (VALUES (1::BIGINT, 'a'), (2, 'changed'), (5, 'new')) x(id, v)", reload)
	s.merge("1 1 1", again)
	s.rows("SELECT client_id, id, v FROM orders ORDER BY ALL", "acme 1 a", "acme 2 changed", "acme 5 new", "globex 0 g", "globex 1 g", "globex 2 g")
	s.merge("0 0 0", again)

	s.run("Empty", func(s *suite) {
		s.merge("0 0 3", s.batch(acme, plain, "SELECT 1::BIGINT AS id, 'x' AS v WHERE false", reload))
		s.rows("SELECT DISTINCT client_id FROM orders", "globex")
	})
}

func testKept(s *suite) {
	s.merge("6 0 0", s.batch(acme, plain, "SELECT range AS id, 'a' AS v FROM range(6)"))
	const rows = "FROM (VALUES (1::BIGINT, 'a'), (2, 'new')) x(id, v)"
	again := s.batch(acme, plain, rows, reload, s.kept("SELECT 3::BIGINT AS id"), s.kept("FROM (VALUES (4), (4), (NULL), (99)) x(id)"))
	s.merge("0 1 2", again)
	s.rows(all, "1 a", "2 new", "3 a", "4 a")
	s.merge("0 0 0", again)

	s.run("RowReadAndKept", func(s *suite) {
		s.merge("0 1 2", s.batch(acme, plain, "SELECT 1::BIGINT AS id, 'read' AS v", reload, s.kept("FROM (VALUES (1::BIGINT), (2)) x(id)")))
		s.rows(all, "1 read", "2 new")
	})
	s.run("NothingElseRead", func(s *suite) {
		s.merge("0 0 1", s.batch(acme, plain, "SELECT 1::BIGINT AS id, 'x' AS v WHERE false", reload, s.kept("SELECT 2::BIGINT AS id")))
		s.rows(all, "2 new")
	})
	s.run("EmptyFile", func(s *suite) {
		s.merge("1 0 1", s.batch(acme, plain, "SELECT 7::BIGINT AS id, 'x' AS v", reload, s.kept("SELECT 2::BIGINT AS id WHERE false")))
		s.rows(all, "7 x")
	})
	s.run("OnlyOwnRows", func(s *suite) {
		globex := acme
		globex.Client = "globex"
		s.merge("1 0 0", s.batch(globex, plain, "SELECT 7::BIGINT AS id, 'g' AS v"))
		s.merge("0 0 0, 0 0 1", s.batch(acme, plain, "SELECT 8::BIGINT AS id, 'x' AS v WHERE false", reload, s.kept("SELECT 7::BIGINT AS id")),
			s.batch(globex, plain, "SELECT 8::BIGINT AS id, 'x' AS v WHERE false", reload))
		s.rows(all, "7 x")
	})
	s.run("Composite", func(s *suite) {
		ref := acme
		ref.Table = "composite"
		keys := func(b *table.Batch) { b.Keys = []string{"id", "line"} }
		s.merge("4 0 0", s.batch(ref, "id long; line integer", "SELECT a.range AS id, b.range::INTEGER AS line FROM range(2) a, range(2) b", keys))
		s.merge("0 0 2", s.batch(ref, "id long; line integer", "SELECT 0::BIGINT AS id, 0::INTEGER AS line", keys, reload, s.kept("SELECT 1::BIGINT AS id, 1::TINYINT AS line")))
		s.rows("SELECT id, line FROM composite ORDER BY ALL", "0 0", "1 1")
	})
	for name, spoil := range map[string]func(*table.Batch){
		"ErrMissing": func(b *table.Batch) { b.Kept[0].Path += ".gone" },
		"ErrCount":   func(b *table.Batch) { b.Kept[0].Rows++ },
		"ErrColumn":  s.kept("SELECT 7::BIGINT AS other"),
	} {
		s.run(name, func(s *suite) {
			_, err := s.lake.Merge(s.Context(), []table.Batch{s.batch(acme, plain, rows, reload, s.kept("SELECT 7::BIGINT AS id"), spoil)})
			require.ErrorIs(s, err, lake.ErrBatch)
			s.rows(all, "7 x")
		})
	}
}

func testDrift(s *suite) {
	s.merge("2 0 0", s.batch(acme, plain, "SELECT range AS id, 'v' AS v FROM range(2)"))
	wide := func(set ...func(*table.Batch)) table.Batch {
		return s.batch(acme, plain+"; extra integer", "SELECT 1::BIGINT AS id, 'w' AS v, 7::INTEGER AS extra", set...)
	}
	s.run("Fail", func(s *suite) {
		_, err := s.lake.Merge(s.Context(), []table.Batch{wide(drift(table.DriftFail))})
		require.ErrorIs(s, err, lake.ErrSchema)
		require.ErrorContains(s, err, "extra")
	})
	s.run("Ignore", func(s *suite) {
		s.merge("0 1 0", wide(drift(table.DriftIgnore)))
		s.rows("SELECT * EXCLUDE (client_id, region) FROM orders ORDER BY id", "0 v", "1 w")
	})
	s.run("Evolve", func(s *suite) {
		s.merge("0 1 0", wide())
		s.rows("SELECT id, v, extra FROM orders ORDER BY id", "0 v <nil>", "1 w 7")
	})
	s.run("MissingColumnIsNull", func(s *suite) {
		s.merge("0 1 0", s.batch(acme, "id long; extra integer", "SELECT 1::BIGINT AS id, 7::INTEGER AS extra"))
		s.rows("SELECT id, v, extra FROM orders ORDER BY id", "0 v <nil>", "1 <nil> 7")
	})
	s.run("NarrowerFits", func(s *suite) {
		s.merge("1 0 0", s.batch(acme, "id short; extra byte", "SELECT 2::SMALLINT AS id, 8::TINYINT AS extra"))
		s.rows("SELECT extra FROM orders WHERE id = 2", "8")
	})
	s.run("ErrWider", func(s *suite) {
		_, err := s.lake.Merge(s.Context(), []table.Batch{s.batch(acme, "id long; extra long", "SELECT 1::BIGINT AS id, 1::BIGINT AS extra")})
		require.ErrorIs(s, err, lake.ErrSchema)
		require.ErrorContains(s, err, "extra")
		require.ErrorContains(s, err, "long")
		require.ErrorContains(s, err, "integer")
	})
	s.run("ManyColumns", func(s *suite) {
		var columns, values []string
		for i := range 300 {
			columns, values = append(columns, fmt.Sprintf("c%d integer", i)), append(values, fmt.Sprintf("%d::INTEGER AS c%d", i, i))
		}
		ref := acme
		ref.Table = "wide"
		b := s.batch(ref, "id long; "+strings.Join(columns, "; "), "SELECT range AS id, "+strings.Join(values, ", ")+" FROM range(10)")
		s.merge("10 0 0", b)
		s.merge("0 0 0", b)
		s.rows("SELECT count(*), sum(c299) FROM wide", "10 2990")
	})
}

func testBatches(s *suite) {
	good := func() table.Batch { return s.batch(acme, plain, "SELECT range AS id, 'v' AS v FROM range(3)") }
	for name, spoil := range map[string]func(*table.Batch){
		"ErrCount":   func(b *table.Batch) { b.Rows = 4 },
		"ErrMissing": func(b *table.Batch) { b.Files[0].Path += ".gone" },
		"ErrClient":  func(b *table.Batch) { b.Ref.Client = "globex" },
		"ErrRegion":  func(b *table.Batch) { b.Ref.Region = "us" },
		"ErrColumn":  func(b *table.Batch) { b.Schema[1].Name = "other" },
		"ErrKey":     func(b *table.Batch) { b.Keys = []string{"other"} },
	} {
		s.run(name, func(s *suite) {
			b := good()
			spoil(&b)
			_, err := s.lake.Merge(s.Context(), []table.Batch{b})
			require.ErrorIs(s, err, lake.ErrBatch)
		})
	}
	s.run("ErrNullKey", func(s *suite) {
		_, err := s.lake.Merge(s.Context(), []table.Batch{s.batch(acme, plain, "SELECT NULL::BIGINT AS id, 'v' AS v")})
		require.ErrorIs(s, err, lake.ErrBatch)
	})
	s.run("NothingWasWritten", func(s *suite) {
		_, err := s.lake.Describe(s.Context(), schema, "orders")
		require.ErrorIs(s, err, lake.ErrNotFound)
	})
	s.run("RestageReplaces", func(s *suite) {
		b := good()
		other := s.batch(acme, plain, "SELECT range AS id, 'w' AS v FROM range(2)")
		var err error
		b.Files, err = s.lake.Stage(s.Context(), b.ID, other.Files)
		require.NoError(s, err)
		b.Rows = 2
		s.merge("2 0 0", b)
		require.NoError(s, s.lake.Unstage(s.Context(), b.ID))
		require.NoError(s, s.lake.Unstage(s.Context(), b.ID), "nothing staged is no error")
		s.rows(all, "0 w", "1 w")
	})
}

func testTenants(s *suite) {
	clients := []string{"o'brien", "a/b", "two words", "ünï😀", "100%", "a=b", `back\slash`, "UPPER", "upper", "..", "*?["}
	var batches []table.Batch
	var counts, want []string
	for i, client := range clients {
		ref := acme
		ref.Client = client
		batches = append(batches, s.batch(ref, plain, fmt.Sprintf("SELECT range AS id, 'v%d' AS v FROM range(2)", i)))
		counts, want = append(counts, "2 0 0"), append(want, fmt.Sprintf("v%d %s 2", i, client))
	}
	s.merge(strings.Join(counts, ", "), batches...)
	s.merge(strings.ReplaceAll(strings.Join(counts, ", "), "2", "0"), batches...)
	s.rows("SELECT v, client_id, count(*) FROM orders GROUP BY ALL ORDER BY min(ltrim(v, 'v')::INTEGER)", want...)

	s.run("OnlyOwnRows", func(s *suite) {
		ref := acme
		ref.Client = "upper"
		s.merge("0 1 1", s.batch(ref, plain, "SELECT 0::BIGINT AS id, 'mine' AS v", reload))
		s.rows("SELECT client_id, v FROM orders WHERE lower(client_id) = 'upper' ORDER BY ALL", "UPPER v7", "UPPER v7", "upper mine")
	})
	s.run("SameClientTwice", func(s *suite) {
		s.merge("1 0 0, 0 1 0", s.batch(acme, plain, "SELECT 1::BIGINT AS id, 'first' AS v"), s.batch(acme, plain, "SELECT 1::BIGINT AS id, 'second' AS v"))
		s.rows("SELECT v FROM orders WHERE client_id = 'acme'", "second")
	})
}

func testPartitions(s *suite) {
	for name, by := range map[string][]string{"None": {}, "Region": {"region"}, "Column": {"kind"}, "ColumnAndClient": {"client_id", "day"}} {
		s.run(name, func(s *suite) {
			ref := acme
			ref.Table = "t_" + strings.ToLower(name)
			other := ref
			other.Client = "globex"
			partition := func(b *table.Batch) { b.PartitionBy = by }
			columns := "id long; kind string; day date"
			rows := "SELECT range AS id, 'k' || range % 2 AS kind, DATE '2024-01-01' + (range % 3)::INTEGER AS day FROM range(6)"
			s.merge("6 0 0, 6 0 0", s.batch(ref, columns, rows, partition), s.batch(other, columns, rows, partition))
			moved := s.batch(ref, columns, "SELECT 1::BIGINT AS id, NULL::VARCHAR AS kind, DATE '2025-01-01' AS day", partition)
			s.merge("0 1 0", moved)
			s.merge("0 0 0", moved)
			s.rows("SELECT client_id, id, kind FROM "+ref.Table+" WHERE id < 2 ORDER BY ALL", "acme 0 k0", "acme 1 <nil>", "globex 0 k0", "globex 1 k1")
			s.merge("0 0 5", s.batch(ref, columns, "SELECT 1::BIGINT AS id, NULL::VARCHAR AS kind, DATE '2025-01-01' AS day", partition, reload))
			s.rows("SELECT client_id, count(*) FROM "+ref.Table+" GROUP BY ALL ORDER BY ALL", "acme 1", "globex 6")
		})
	}
}

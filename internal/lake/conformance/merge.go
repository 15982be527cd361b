package conformance

import (
	"errors"

	"github.com/stretchr/testify/require"

	"tributary/internal/lake"
	"tributary/internal/table"
)

const (
	plain = "id long; v string"
	timed = "id long; v string; updated timestamp"
)

const all = "SELECT id, v FROM orders ORDER BY id"

func testMerge(s *suite) {
	first := s.batch(s.acme(), plain, "SELECT range AS id, 'v' || range AS v FROM range(1, 4)")
	results := s.merge("3 0 0", first)
	s.rows(all, "1 v1", "2 v2", "3 v3")
	require.Equal(s, s.describe("orders").Version, results[0].Version)
	require.Equal(s, 1, results[0].Group)

	s.run("DuplicateDelivery", func(s *suite) {
		s.unchanged(func() { s.merge("0 0 0", first) }, "orders")
		s.rows(all, "1 v1", "2 v2", "3 v3")
	})
	s.run("Upsert", func(s *suite) {
		s.merge("1 2 0", s.batch(s.acme(), plain, "FROM (VALUES (1::BIGINT, NULL), (2, 'v2'), (3, 'new'), (4, 'v4')) x(id, v)"))
		s.rows(all, "1 <nil>", "2 v2", "3 new", "4 v4")
	})
	s.run("SoftDelete", func(s *suite) {
		b := s.batch(s.acme(), plain+"; deleted integer", "FROM (VALUES (1::BIGINT, 'x', 1), (2, 'y', 0), (3, 'z', NULL), (9, 'w', 2)) x(id, v, deleted)", deleted)
		s.merge("0 2 1", b)
		s.rows(all, "2 y", "3 z", "4 v4")
		s.merge("0 0 0", b)
	})
	s.run("Empty", func(s *suite) {
		s.unchanged(func() { s.merge("0 0 0", s.batch(s.acme(), plain, "SELECT 1::BIGINT AS id, 'x' AS v WHERE false")) }, "orders")
		s.rows("SELECT count(*) FROM orders", "3")
	})
	s.run("EmptyFirst", func(s *suite) {
		none := s.named("nobody")
		s.merge("0 0 0", s.batch(none, plain, "SELECT 1::BIGINT AS id, 'x' AS v WHERE false"))
		s.rows("SELECT count(*) FROM nobody", "0")
		require.Equal(s, tenantColumns(plain).Names(), s.describe("nobody").Columns.Names())
	})
}

func testCursors(s *suite) {
	rows := func(values string) string { return "FROM (VALUES " + values + ") x(id, v, updated)" }
	s.run("NewestOfOneID", func(s *suite) {
		values := "(1::BIGINT, 'old', TIMESTAMPTZ '2024-01-15'), (1, 'a', '2024-02-01'), (1, 'mid', '2024-01-31'), (2, 'b', '2024-02-01'), (3, 'c', NULL)"
		s.merge("3 0 0", s.batch(s.acme(), timed, rows(values), cursor))
		s.rows(all, "1 a", "2 b", "3 c")
	})
	s.run("LateBackfill", func(s *suite) {
		s.merge("1 0 0", s.batch(s.acme(), timed, rows("(1::BIGINT, 'late', TIMESTAMPTZ '2024-01-01'), (8, 'missing', '2024-01-01')"), cursor))
		s.rows(all, "1 a", "2 b", "3 c", "8 missing")
	})
	s.run("EqualAndNullUpdateAndOlderDeleteDoesNot", func(s *suite) {
		b := s.batch(s.acme(), timed+"; deleted boolean", "FROM (VALUES (1::BIGINT, 'unknown', NULL::TIMESTAMPTZ, false), (2, 'equal', '2024-02-01', NULL), "+
			"(3, 'known', '2020-01-01', false), (8, 'x', '2023-12-31', true)) x(id, v, updated, deleted)", cursor, deleted)
		s.merge("0 3 0", b)
		s.rows(all, "1 unknown", "2 equal", "3 known", "8 missing")
	})
	s.run("ReadLaterThoughTheCursorWentBack", func(s *suite) {
		until := func(high string) func(*table.Batch) {
			return func(b *table.Batch) {
				cursor(b)
				b.Window.High, b.NewerBelow = high, high
			}
		}
		ref := s.ref("clocks")
		s.merge("2 0 0", s.batch(ref, timed, rows("(1::BIGINT, 'a', TIMESTAMPTZ '2024-02-01 12:00:00'), (2, 'b', '2024-02-01 12:00:10')"), until("2024-02-01 12:00:05.000000")))
		back := rows("(1::BIGINT, 'went back', TIMESTAMPTZ '2024-02-01 11:59:59'), (2, 'older', '2024-02-01 12:00:09')")
		s.merge("0 1 0", s.batch(ref, timed, back, until("2024-02-01 12:00:10.000000"))) // row 2 is from a later reading
		s.merge("0 0 0", s.batch(ref, timed, back, until("2024-02-01 12:00:10.000000")))
		s.rows("SELECT id, v FROM orders WHERE client_id = 'clocks' ORDER BY id", "1 went back", "2 b")
	})
	s.run("Integer", func(s *suite) {
		by := func(b *table.Batch) { b.Cursor, b.Window = "seq", table.Window{Kind: table.CursorInteger} }
		rows := func(values string) string { return "FROM (VALUES " + values + ") x(id, seq, v)" }
		s.merge("2 0 0", s.batch(s.named("numbered"), "id long; seq long; v string", rows("(1::BIGINT, 9::BIGINT, 'a'), (2, 10, 'b')"), by))
		s.merge("0 1 0", s.batch(s.named("numbered"), "id long; seq long; v string", rows("(1::BIGINT, 10::BIGINT, 'newer'), (2, 9, 'older')"), by))
		s.rows("SELECT id, seq, v FROM numbered ORDER BY id", "1 10 newer", "2 10 b")
	})
}

func testReload(s *suite) {
	globex := s.ref("globex")
	s.merge("3 0 0, 3 0 0",
		s.batch(s.acme(), plain, "SELECT range AS id, 'a' AS v FROM range(3)"), s.batch(globex, plain, "SELECT range AS id, 'g' AS v FROM range(3)"))
	s.merge("1 1 1", s.batch(s.acme(), plain, "FROM (VALUES (1::BIGINT, 'a'), (2, 'changed'), (5, 'new')) x(id, v)", reload))
	s.rows("SELECT client_id, id, v FROM orders ORDER BY client_id, id", "acme 1 a", "acme 2 changed", "acme 5 new", "globex 0 g", "globex 1 g", "globex 2 g")

	s.run("Empty", func(s *suite) {
		s.merge("0 0 3", s.batch(s.acme(), plain, "SELECT 1::BIGINT AS id, 'x' AS v WHERE false", reload))
		s.rows("SELECT DISTINCT client_id FROM orders", "globex")
	})
	s.run("BesideAnotherKindOfBatch", func(s *suite) {
		s.merge("2 0 0", s.batch(s.acme(), timed, "SELECT range AS id, 'a' AS v, TIMESTAMPTZ '2024-02-01' AS updated FROM range(2)", cursor))
		s.merge("0 1 0, 0 1 2",
			s.batch(s.acme(), timed, "FROM (VALUES (0::BIGINT, 'late', TIMESTAMPTZ '2024-01-01'), (1, 'new', '2024-03-01')) x(id, v, updated)", cursor),
			s.batch(globex, plain, "SELECT 1::BIGINT AS id, 'only' AS v", reload))
		s.rows("SELECT client_id, id, v FROM orders ORDER BY client_id, id", "acme 0 a", "acme 1 new", "globex 1 only")
	})
}

func testBatches(s *suite) {
	good := func() table.Batch {
		return s.batch(s.acme(), plain, "SELECT range AS id, 'v' AS v FROM range(3)")
	}
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
			s.refuses(lake.ErrBatch, b)
		})
	}
	s.run("ErrNullKey", func(s *suite) {
		s.refuses(lake.ErrBatch, s.batch(s.acme(), plain, "SELECT NULL::BIGINT AS id, 'v' AS v"))
	})
	s.run("NothingWasWritten", func(s *suite) {
		_, err := s.lake.Describe(s.Context(), s.schema, "orders")
		if s.ExtraVersions && !errors.Is(err, lake.ErrNotFound) {
			s.rows("SELECT count(*) FROM orders", "0")
		} else {
			require.ErrorIs(s, err, lake.ErrNotFound)
		}
	})
	s.run("RestageReplaces", func(s *suite) {
		b := good()
		b.Files, b.Rows = s.stage(b.ID, "SELECT range AS id, 'w' AS v, 'acme' AS client_id, 'eu' AS region FROM range(2)"), 2
		s.merge("2 0 0", b)
		require.NoError(s, s.lake.Unstage(s.Context(), b.ID))
		require.NoError(s, s.lake.Unstage(s.Context(), b.ID), "nothing staged is no error")
		s.rows(all, "0 w", "1 w")
	})
	s.run("UnstageTakesARun", func(s *suite) {
		b := good()
		run := b.ID + "/try"
		b.Files = s.stage(run, "SELECT range AS id, 'w' AS v, 'acme' AS client_id, 'eu' AS region FROM range(3)")
		require.NoError(s, s.lake.Unstage(s.Context(), b.ID))
		s.refuses(lake.ErrBatch, b)
	})
	s.run("SeveralFiles", func(s *suite) {
		b, more := s.batch(s.named("two"), plain, "SELECT range AS id, 'v' AS v FROM range(3)"), s.batch(s.named("two"), plain, "SELECT range AS id, 'w' AS v FROM range(2, 5)")
		b.Files, b.Rows = append(b.Files, more.Files...), 6
		s.merge("5 0 0", b)
		s.rows("SELECT id, v FROM two WHERE id <> 2 ORDER BY id", "0 v", "1 v", "3 w", "4 w")
	})
}

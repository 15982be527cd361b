package conformance

import (
	"tributary/internal/lake"
	"tributary/internal/table"
)

func testKept(s *suite) {
	globex := s.ref("globex")
	s.merge("6 0 0, 6 0 0", s.batch(s.acme(), plain, "SELECT range AS id, 'a' AS v FROM range(6)"), s.batch(globex, plain, "SELECT range AS id, 'g' AS v FROM range(6)"))
	const mine = "SELECT id, v FROM orders WHERE client_id = 'acme' ORDER BY id"
	const rows = "FROM (VALUES (1::BIGINT, 'a'), (2, 'new')) x(id, v)"
	again := s.batch(s.acme(), plain, rows, reload, s.kept("SELECT 3::BIGINT AS id"), s.kept("FROM (VALUES (4), (4), (NULL), (99)) x(id)"))
	s.merge("0 1 2", again)
	s.rows(mine, "1 a", "2 new", "3 a", "4 a")
	s.merge("0 0 0", again)

	s.run("RowReadAndKeptAndEmptyFile", func(s *suite) {
		s.merge("0 1 2", s.batch(s.acme(), plain, "SELECT 1::BIGINT AS id, 'read' AS v", reload,
			s.kept("FROM (VALUES (1::BIGINT), (2)) x(id)"), s.kept("SELECT 2::BIGINT AS id WHERE false")))
		s.rows(mine, "1 read", "2 new")
	})
	for name, spoil := range map[string]func(*table.Batch){
		"ErrMissing": func(b *table.Batch) { b.Kept[0].Path += ".gone" },
		"ErrCount":   func(b *table.Batch) { b.Kept[0].Rows++ },
		"ErrColumn":  s.kept("SELECT 7::BIGINT AS other"),
	} {
		s.run(name, func(s *suite) {
			s.refuses(lake.ErrBatch, s.batch(s.acme(), plain, rows, reload, s.kept("SELECT 7::BIGINT AS id"), spoil))
		})
	}
	s.run("OnlyOwnRowsAndNothingElseRead", func(s *suite) {
		s.rows("SELECT client_id, count(*) FROM orders GROUP BY client_id ORDER BY client_id", "acme 2", "globex 6")
		const none = "SELECT 8::BIGINT AS id, 'x' AS v WHERE false"
		s.merge("0 0 1, 0 0 5", s.batch(s.acme(), plain, none, reload, s.kept("SELECT 2::BIGINT AS id")), s.batch(globex, plain, none, reload, s.kept("SELECT 5::BIGINT AS id")))
		s.rows("SELECT client_id, id, v FROM orders ORDER BY client_id", "acme 2 new", "globex 5 g")
	})
	s.run("TenantAmongIDs", func(s *suite) { // and an id with a name that Spark takes for a secret's
		ref, columns := s.named("tenants"), "token long; v string"
		keys := func(b *table.Batch) { b.Keys = []string{"Client_ID", "token", "region"} }
		s.merge("4 0 0", s.batch(ref, columns, "SELECT range AS token, 'a' AS v FROM range(4)", keys))
		s.merge("0 1 2", s.batch(ref, columns, "SELECT 0::BIGINT AS token, 'b' AS v", keys, reload, s.kept("SELECT 1::BIGINT AS token")))
		s.merge("0 1 0", s.batch(ref, columns, "SELECT 1::BIGINT AS token, 'c' AS v", func(b *table.Batch) { b.Keys = []string{"token"} }))
		s.rows("SELECT token, v FROM tenants ORDER BY token", "0 b", "1 c")
	})
	s.run("Composite", func(s *suite) {
		ref := s.named("composite")
		keys := func(b *table.Batch) { b.Keys = []string{"id", "line"} }
		s.merge("4 0 0", s.batch(ref, "id long; line integer", "SELECT a.range AS id, b.range::INTEGER AS line FROM range(2) a, range(2) b", keys))
		s.merge("0 0 2", s.batch(ref, "id long; line integer", "SELECT 0::BIGINT AS id, 0::INTEGER AS line", keys, reload, s.kept("SELECT 1::BIGINT AS id, 1::TINYINT AS line")))
		s.rows("SELECT id, line FROM composite ORDER BY id, line", "0 0", "1 1")
	})
}

package conformance

import (
	"github.com/stretchr/testify/require"

	"tributary/internal/lake"
	"tributary/internal/table"
)

// reconciledTo is where the windows of reconciling batches end.
const reconciledTo = "2024-03-01 00:00:00.000000"

// reconciles makes a window of the batch that deletes the rows whose ids are neither in it nor among those given as SQL.
func (s *suite) reconciles(keys string) func(*table.Batch) {
	s.Helper()
	return func(b *table.Batch) {
		s.Helper()
		cursor(b)
		b.Reload, b.ReloadBelow, b.Window.High = true, reconciledTo, reconciledTo
		s.kept(keys)(b)
	}
}

const noneTimed = "SELECT 1::BIGINT AS id, 'x' AS v, TIMESTAMPTZ '2024-01-01' AS updated WHERE false"

func testReconcile(s *suite) {
	globex := s.ref("globex")
	old := "SELECT range AS id, 'a' AS v, TIMESTAMPTZ '2024-02-01 00:00:00+00' AS updated FROM range(6)"
	s.merge("6 0 0, 6 0 0", s.batch(s.acme(), timed, old, cursor), s.batch(globex, timed, old, cursor))

	s.run("WindowAndKeys", func(s *suite) { // 2 is in the window and went before the keys were read, 4 and 5 are gone
		again := s.batch(s.acme(), timed, "FROM (VALUES (1::BIGINT, 'new', TIMESTAMPTZ '2024-02-02'), (2, 'new', '2024-02-02'), (7, 'new', '2024-02-02')) x(id, v, updated)",
			s.reconciles("FROM (VALUES (0::BIGINT), (1), (3), (7), (9)) x(id)"))
		s.merge("1 2 2", again)
		s.rows("SELECT id, v FROM orders WHERE client_id = 'acme' ORDER BY id", "0 a", "1 new", "2 new", "3 a", "7 new")
		s.merge("0 0 0", again)
	})
	s.run("RowsReadLaterStay", func(s *suite) { // a backfill beside the run: 10 is above its window, 11 has no cursor, 12 is below
		s.merge("4 0 0", s.batch(s.acme(), timed, "FROM (VALUES (10::BIGINT, 'b', TIMESTAMPTZ '2024-03-01 00:00:00+00'), (11, 'b', NULL), "+
			"(12, 'b', '2024-02-29 23:59:59.999999+00'), (13, 'b', '2024-03-02')) x(id, v, updated)", cursor))
		s.merge("0 0 2", s.batch(s.acme(), timed, noneTimed, s.reconciles("FROM (VALUES (0::BIGINT), (1), (2), (3), (7)) x(id)")))
		s.rows("SELECT id FROM orders WHERE client_id = 'acme' ORDER BY id", "0", "1", "2", "3", "7", "10", "13")
	})
	s.run("NothingIsGoneAndNothingRead", func(s *suite) {
		s.unchanged(func() {
			s.merge("0 0 0", s.batch(s.acme(), timed, noneTimed, s.reconciles("SELECT range AS id FROM range(20)")))
		}, "orders")
	})
	s.run("NoFiles", func(s *suite) {
		none := s.batch(s.acme(), timed, noneTimed, s.reconciles("SELECT 7::BIGINT AS id"))
		none.Files = nil
		s.merge("0 0 4", none)
		s.rows("SELECT client_id, count(*) FROM orders GROUP BY client_id ORDER BY client_id", "acme 3", "globex 6")
	})
	s.run("ErrWithoutKeys", func(s *suite) {
		b := s.batch(s.acme(), timed, noneTimed, s.reconciles("SELECT 7::BIGINT AS id"))
		b.Kept = nil
		s.refuses(lake.ErrBatch, b, "without the ids")
		s.rows("SELECT client_id, count(*) FROM orders GROUP BY client_id ORDER BY client_id", "acme 3", "globex 6")
	})
	s.run("Integer", func(s *suite) {
		by := func(b *table.Batch) { b.Cursor, b.Window = "id", table.Window{Kind: table.CursorInteger} }
		ref := s.named("numbered")
		s.merge("6 0 0", s.batch(ref, plain, "SELECT range AS id, 'a' AS v FROM range(6)", by))
		s.merge("0 0 2", s.batch(ref, plain, "SELECT 1::BIGINT AS id, 'x' AS v WHERE false", by, reload, s.kept("FROM (VALUES (0::BIGINT), (2)) x(id)"),
			func(b *table.Batch) { b.ReloadBelow = "4" }))
		s.rows("SELECT id FROM numbered ORDER BY id", "0", "2", "4", "5")
	})
}

func testGuard(s *suite) {
	guarded := func(b *table.Batch) { b.MaxDeleteShare = 0.5 }
	globex := s.ref("globex")
	rows := "SELECT range AS id, 'a' AS v FROM range(300)"
	s.merge("300 0 0, 300 0 0", s.batch(s.acme(), plain, rows), s.batch(globex, plain, rows))

	s.run("ErrTooMany", func(s *suite) {
		b := s.batch(s.acme(), plain, "SELECT range AS id, 'b' AS v FROM range(149)", reload, guarded)
		s.unchanged(func() {
			s.refuses(lake.ErrGuard, b, `client "acme"`, "151 of its 300 rows (50.3 %)", "deletes.max_share is 50 %",
				"tributary run daily --client acme --table orders --allow-deletes")
		}, "orders")
		s.rows("SELECT client_id, v, count(*) FROM orders GROUP BY client_id, v ORDER BY client_id", "acme a 300", "globex a 300")

		_, err := lake.Group(s.lake).Merge(s.Context(), []table.Batch{b, s.batch(globex, plain, "SELECT 0::BIGINT AS id, 'b' AS v")})
		require.ErrorIs(s, err, lake.ErrGuard)
		s.rows("SELECT client_id, v, count(*) FROM orders GROUP BY client_id, v ORDER BY client_id, v", "acme a 300", "globex a 299", "globex b 1")
	})
	s.run("ErrTheSourceIsEmpty", func(s *suite) {
		none := s.batch(s.acme(), plain, "SELECT 1::BIGINT AS id, 'x' AS v WHERE false", reload, guarded)
		s.refuses(lake.ErrGuard, none, "300 of its 300 rows (100 %)")
	})
	s.run("KeptRowsDoNotGo", func(s *suite) {
		s.merge("0 0 150", s.batch(s.acme(), plain, "SELECT 0::BIGINT AS id, 'a' AS v", reload, guarded, s.kept("SELECT range AS id FROM range(150)")))
	})
	s.run("FewRowsMayGo", func(s *suite) {
		s.merge("0 0 100", s.batch(s.acme(), plain, "SELECT range AS id, 'a' AS v FROM range(50)", reload, guarded))
	})
}

package conformance

import (
	"fmt"

	"tributary/internal/lake"
	"tributary/internal/table"
)

// moved makes a batch that of a client that lives in another region now.
func moved(b *table.Batch) { b.Moved = true }

// testMoved has acme move from eu to us. Its first run there reads all rows.
func testMoved(s *suite) {
	us, globex := s.acme(), s.ref("globex")
	us.Region = "us"
	rows := func(n int, v string) string {
		return fmt.Sprintf("SELECT range AS id, '%s' AS v, TIMESTAMPTZ '2024-02-01 00:00:00+00' AS updated FROM range(%d)", v, n)
	}
	guarded := func(b *table.Batch) { b.MaxDeleteShare = 0.5 }
	s.merge("300 0 0, 3 0 0", s.batch(s.acme(), timed, rows(300, "a"), cursor), s.batch(globex, timed, rows(3, "g"), cursor))
	tenants := "SELECT client_id, region, v, count(*) FROM orders GROUP BY client_id, region, v ORDER BY client_id, region, v"

	s.run("ErrTheNewServerHasFewRows", func(s *suite) {
		few := s.batch(us, timed, rows(100, "a"), cursor, moved, guarded)
		s.unchanged(func() {
			s.refuses(lake.ErrGuard, few, `client "acme" lives in region "us" now`, "300 rows", "100 come from its source", "--allow-deletes (with --full, where the run had it)")
		}, "orders")
	})
	s.run("ErrAllAreQuarantinedOrDeletedThere", func(s *suite) {
		none := s.batch(us, timed, rows(300, "a"), cursor, moved, guarded, s.kept("SELECT range AS id FROM range(300)"), func(b *table.Batch) { b.Deleted = "v" })
		s.refuses(lake.ErrGuard, none, "300 rows", "0 come from its source")
	})
	s.run("RowsOfOtherRegionsGo", func(s *suite) {
		both := []table.Batch{s.batch(us, timed, rows(299, "a"), cursor, moved, guarded), s.batch(globex, timed, rows(2, "g2"), cursor)}
		s.merge("299 0 300, 0 2 0", both...)
		s.rows(tenants, "acme us a 299", "globex eu g 1", "globex eu g2 2")
		s.unchanged(func() { s.merge("0 0 0, 0 0 0", both...) }, "orders")
	})
	s.run("AndBackWithRowsThatAreThere", func(s *suite) { // as a full reload, which mends what was doubled
		s.merge("2 0 0", s.batch(s.acme(), timed, rows(2, "a"), cursor))
		s.merge("1 0 300", s.batch(s.acme(), timed, "FROM (VALUES (1::BIGINT, 'a', TIMESTAMPTZ '2024-02-01 00:00:00+00'), (7, 'a', '2024-02-01 00:00:00+00')) x(id, v, updated)",
			func(b *table.Batch) { b.Cursor = "updated" }, reload, moved, s.kept("SELECT 9::BIGINT AS id")))
		s.rows(tenants, "acme eu a 2", "globex eu g 1", "globex eu g2 2")
	})
	s.run("Versions", testMovedVersions)
}

func testMovedVersions(s *suite) {
	ref, other := s.named("stock"), s.named("stock")
	other.Client = "globex"
	round := func(ref table.Ref, readAt string, set ...func(*table.Batch)) table.Batch {
		set = append([]func(*table.Batch){cursor, versions(readAt), func(b *table.Batch) { b.PartitionBy = []string{table.ClientColumn} }}, set...)
		return s.batch(ref, timed, "FROM (VALUES (1::BIGINT, 'a', TIMESTAMPTZ '2024-01-01 00:00:00+00'), (2, 'b', '2024-01-01 12:00:00+00')) x(id, v, updated)", set...)
	}
	s.merge("2 0 0", round(ref, "02 00:00:00"))
	ref.Region = "us"
	both := []table.Batch{round(ref, "03 00:00:00", moved), round(other, "04 00:00:00")}
	s.merge("2 2 0, 2 0 0", both...)
	s.versionsOf("stock", "acme 1 a 01 03", "acme 1 a 03 -", "acme 2 b 01 12:00:00 03", "acme 2 b 03 -", "globex 1 a 01 -", "globex 2 b 01 12:00:00 -")
	s.rows("SELECT region, count(*) FROM stock WHERE is_current GROUP BY region ORDER BY region", "eu 2", "us 2")
	s.unchanged(func() { s.merge("0 0 0, 0 0 0", both...) }, "stock")
	newcomer := s.named("stock")
	newcomer.Client = "initech"
	s.merge("2 0 0, 0 0 0", round(newcomer, "05 00:00:00", moved), round(other, "05 00:00:00")) // of a run that is full: it follows on nothing
	s.rows("SELECT count(*) FROM stock WHERE client_id = 'initech' AND valid_from < TIMESTAMP '2024-01-03 00:00:00'", "2")
}

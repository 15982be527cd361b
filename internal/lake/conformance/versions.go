package conformance

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"

	"tributary/internal/lake"
	"tributary/internal/table"
)

// versions makes a batch one of a table of versions, read at a time of January 2024: "02 15:04:05".
func versions(readAt string) func(*table.Batch) {
	return func(b *table.Batch) { b.History, b.ReadAt = table.HistoryOnly, at("2024-01-"+readAt) }
}

// round is what a client brings in one run: rows (id, v, updated, deleted), with times as in versions.
func (s *suite) round(client, readAt, rows string, set ...func(*table.Batch)) table.Batch {
	s.Helper()
	rows = "SELECT id::BIGINT AS id, v, ('2024-01-' || updated || '+00')::TIMESTAMPTZ AS updated, deleted FROM (VALUES " + rows + ") x(id, v, updated, deleted)"
	return s.batch(s.ref(client), timed+"; deleted integer", rows, append([]func(*table.Batch){cursor, deleted, versions(readAt)}, set...)...)
}

// versionsOf compares the versions in a table, written "client id v from to", with times as in round, and a dash after the valid one.
func (s *suite) versionsOf(name string, want ...string) {
	s.Helper()
	short := func(v any) string {
		if v == nil {
			return "-"
		}
		return strings.TrimPrefix(strings.TrimSuffix(v.(time.Time).Format("2006-01-02 15:04:05.999999"), " 00:00:00"), "2024-01-")
	}
	var got []string
	for _, row := range s.values(lake.At{}, "SELECT client_id, id, v, valid_from, valid_to, is_current FROM "+name+" ORDER BY client_id, id, valid_from") {
		require.Equal(s, row[4] == nil, row[5], "is_current of %v", row)
		got = append(got, fmt.Sprint(row[0], " ", row[1], " ", row[2], " ", short(row[3]), " ", short(row[4])))
	}
	if diff := cmp.Diff(want, got); diff != "" {
		s.Fatalf("%s (-want +got):\n%s", name, diff)
	}
}

// testVersions brings rounds of batches into a table of versions. Each client is a case of its own; a round is one commit.
func testVersions(s *suite) {
	s.changedVersions(s.firstVersions())
	s.comingBack()
	s.run("WithoutCursorAndWithEndedVersionsApart", testVersionsOfReloads)
	s.run("AtOnce", testVersionsAtOnce)
	s.rows("SELECT count(*) FROM orders a JOIN orders b ON a.client_id = b.client_id AND a.id = b.id AND a.valid_from < b.valid_from "+
		"WHERE a.valid_to IS NULL OR a.valid_to > b.valid_from", "0")
	s.rows("SELECT count(*) FROM orders WHERE valid_from IS NULL OR valid_to <= valid_from", "0")
	s.run("ErrKindOfTable", testErrKindOfTable)
}

func (s *suite) firstVersions() []table.Batch {
	s.Helper()
	first := []table.Batch{
		s.round("changes", "01 12:00:00", "(1, 'a', '01 10:00:00', 0), (1, 'older', '01 09:00:00', 0), (2, 'b', '01 11:00:00', 0)"),
		s.round("deletes", "02 00:00:00", "(1, 'a', '01 00:00:00', 0), (2, 'b', '01 00:00:00', NULL), (3, 'never here', '01 00:00:00', 1)"),
		s.round("unknown", "02 00:00:00", "(1, 'a', NULL, 0), (2, 'b', '01 00:00:00', 0)"),
		s.round("reloads", "02 00:00:00", "(1, 'a', '01 00:00:00', 0), (2, 'b', '01 00:00:00', 0), (3, 'c', '01 00:00:00', 0), (4, 'd', '01 00:00:00', 0)"),
		s.round("drift", "02 00:00:00", "(1, 'a', '01 00:00:00', 0), (2, 'b', '01 00:00:00', 0)"),
	}
	s.merge("2 0 0, 2 0 0, 2 0 0, 4 0 0, 2 0 0", first...)
	require.Equal(s, first[0].Schema.WithVersions().Names(), s.describe("orders").Columns.Names())
	return first
}

func (s *suite) changedVersions(first []table.Batch) {
	s.Helper()
	second := []table.Batch{
		s.round("changes", "03 00:00:00", "(1, 'a2', '02 10:00:00', 0), (2, 'b', '01 11:00:00', 0), (3, 'late', '01 00:00:00', 0)"),
		s.round("deletes", "03 00:00:00", "(1, 'x', '02 10:00:00', 1), (2, 'b', '01 00:00:00', 1)"),
		s.round("unknown", "01 00:00:00", "(1, 'a2', NULL, 0), (2, 'b2', '01 00:00:00', 0)"), // no time is after the versions' begins
		s.round("reloads", "03 00:00:00", "(1, 'a', '01 00:00:00', 0), (2, 'b2', '02 00:00:00', 0)", reload, s.kept("SELECT 3::BIGINT AS id")),
	}
	s.merge("2 1 0, 0 2 0, 2 2 0, 1 2 0", second...)
	s.run("AgainAndOlderChangeNothing", func(s *suite) {
		s.unchanged(func() { s.merge("0 0 0, 0 0 0, 0 0 0, 0 0 0", second...) }, "orders")
		s.merge("0 0 0, 0 0 0", first[:2]...)
	})
	s.versionsOf("orders",
		"changes 1 a 01 10:00:00 02 10:00:00",
		"changes 1 a2 02 10:00:00 -",
		"changes 2 b 01 11:00:00 -",
		"changes 3 late 01 -",
		"deletes 1 a 01 02 10:00:00",
		"deletes 2 b 01 03",
		"drift 1 a 01 -",
		"drift 2 b 01 -",
		"reloads 1 a 01 -",
		"reloads 2 b 01 02",
		"reloads 2 b2 02 -",
		"reloads 3 c 01 -",
		"reloads 4 d 01 03",
		"unknown 1 a 02 02 00:00:00.000001",
		"unknown 1 a2 02 00:00:00.000001 -",
		"unknown 2 b 01 01 00:00:00.000001",
		"unknown 2 b2 01 00:00:00.000001 -")
}

// comingBack brings rows that were gone, an older one, and a new column.
func (s *suite) comingBack() {
	s.Helper()
	wider := s.batch(s.ref("drift"), timed+"; deleted integer; extra integer",
		"FROM (VALUES (1::BIGINT, 'a', TIMESTAMPTZ '2024-01-01 00:00:00+00', 0, 7), (2, 'b', '2024-01-01 00:00:00+00', 0, NULL)) x(id, v, updated, deleted, extra)", cursor, deleted, versions("04 00:00:00"))
	s.merge("1 1 0, 2 0 0, 1 0 0, 1 1 0",
		s.round("changes", "04 00:00:00", "(1, 'old', '02 09:00:00', 0), (2, 'b2', '01 11:00:00', 0)"),
		s.round("deletes", "04 00:00:00", "(1, 'back', '02 10:00:00', 0), (2, 'back', '01 00:00:00', 0)"),
		s.round("reloads", "04 00:00:00", "(4, 'd', '01 00:00:00', 0)"), wider)
	s.versionsOf("orders",
		"changes 1 a 01 10:00:00 02 10:00:00",
		"changes 1 a2 02 10:00:00 -",
		"changes 2 b 01 11:00:00 04",
		"changes 2 b2 04 -",
		"changes 3 late 01 -",
		"deletes 1 a 01 02 10:00:00",
		"deletes 1 back 02 10:00:00 -",
		"deletes 2 b 01 03",
		"deletes 2 back 04 -",
		"drift 1 a 01 04",
		"drift 1 a 04 -",
		"drift 2 b 01 -",
		"reloads 1 a 01 -",
		"reloads 2 b 01 02",
		"reloads 2 b2 02 -",
		"reloads 3 c 01 -",
		"reloads 4 d 01 03",
		"reloads 4 d 04 -",
		"unknown 1 a 02 02 00:00:00.000001",
		"unknown 1 a2 02 00:00:00.000001 -",
		"unknown 2 b 01 01 00:00:00.000001",
		"unknown 2 b2 01 00:00:00.000001 -")
	s.rows("SELECT v FROM orders WHERE client_id = 'deletes' AND valid_from <= TIMESTAMP '2024-01-02 10:00:00' AND (valid_to > TIMESTAMP '2024-01-02 10:00:00' OR is_current) ORDER BY id", "back", "b")
}

func testVersionsOfReloads(s *suite) {
	apart := func(b *table.Batch) {
		b.PartitionBy = []string{table.RegionColumn, table.ClientColumn, table.IsCurrent}
	}
	load := func(readAt, rows string) table.Batch {
		return s.batch(s.named("stock"), plain, "FROM (VALUES "+rows+") x(id, v)", reload, apart, versions(readAt))
	}
	s.merge("3 0 0", load("01 00:00:00", "(1::BIGINT, 'a'), (2, 'b'), (3, 'c')"))
	s.merge("2 2 0", load("02 00:00:00", "(1::BIGINT, 'a'), (2, 'b2'), (4, 'd')"))
	s.versionsOf("stock", "acme 1 a 01 -", "acme 2 b 01 02", "acme 2 b2 02 -", "acme 3 c 01 02", "acme 4 d 02 -")
}

// testVersionsAtOnce has two writers that know nothing of each other.
func testVersionsAtOnce(s *suite) {
	bare := s.bare()
	var group sync.WaitGroup
	errs := make([]error, 2)
	for i, b := range []table.Batch{
		s.round("changes", "05 00:00:00", "(1, 'x', '05 00:00:01', 0), (3, 'x', '05 00:00:01', 0), (5, 'x', '05 00:00:01', 0)"),
		s.round("changes", "06 00:00:00", "(1, 'y', '06 00:00:01', 0), (3, 'y', '06 00:00:01', 1), (5, 'y', '06 00:00:01', 0)"),
	} {
		group.Go(func() { _, errs[i] = bare.Merge(s.Context(), []table.Batch{b}) })
	}
	group.Wait()
	require.NoError(s, errors.Join(errs...))
	s.rows("SELECT id, v FROM orders WHERE client_id = 'changes' AND is_current ORDER BY id", "1 y", "2 b2", "5 y")
}

func testErrKindOfTable(s *suite) {
	_, err := s.lake.Create(s.Context(), lake.Table{Schema: s.schema, Name: "latest", Columns: tenantColumns(plain)})
	require.NoError(s, err)
	s.refuses(lake.ErrSchema, s.batch(s.named("latest"), plain, "SELECT 1::BIGINT AS id, 'a' AS v", versions("01 00:00:00")), "history", "latest rows")
	s.refuses(lake.ErrSchema, s.batch(s.ref("changes"), plain, "SELECT 1::BIGINT AS id, 'a' AS v"), "history", "versions")
	s.refuses(lake.ErrSchema, s.batch(s.named("own"), "id long; Valid_To date", "SELECT 1::BIGINT AS id, DATE '2024-01-01' AS valid_to", versions("01 00:00:00")), "valid_to", "rename")
}

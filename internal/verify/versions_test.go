package verify_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tributary/internal/lake"
	"tributary/internal/table"
	"tributary/internal/verify"
)

// readAt is the source's clock of the repairs.
var readAt = time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)

// newVersions is newSides with versions of rows: beside the latest ones, or instead of them.
func newVersions(t *testing.T, history, query string) *sides {
	t.Helper()
	s := newSides(t, rows(1, "''")) // in a table that is not looked at
	s.ref.Table = "kept"
	s.input.Ref, s.input.Spec.History, s.input.ReadAt = s.ref, history, readAt
	s.versions(t, history, query, time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))
	return s
}

// versions merges rows as a sync does, at a time.
func (s *sides) versions(t *testing.T, history, query string, at time.Time) {
	t.Helper()
	f := file(t, query)
	b := table.Batch{ID: "b", Ref: s.ref, Schema: columns, Keys: []string{"id"}, Rows: f.Rows, Files: []table.File{f}, History: history, ReadAt: at}
	for _, part := range b.Parts() {
		_, err := s.lake.Merge(t.Context(), []table.Batch{part})
		require.NoError(t, err)
	}
}

// repaired merges a repair, and compares again.
func (s *sides) repaired(t *testing.T, v *verify.Verification) verify.Report {
	t.Helper()
	batches, err := v.Repair(t.Context())
	require.NoError(t, err)
	require.NotEmpty(t, batches, v.Report().Repair)
	var merged verify.Merged
	for range 2 { // a repeat changes nothing more
		for _, b := range batches {
			results, err := s.lake.Merge(t.Context(), []table.Batch{b})
			require.NoError(t, err)
			if b.Ref.Table == s.ref.Table {
				merged.Latest = results[0].Version
			} else {
				merged.Versions = results[0].Version
			}
		}
	}
	r, err := verify.Again(t.Context(), s.lake, s.dir, merged)
	require.NoError(t, err)
	return r
}

// kept is what a table of versions has of some rows.
func (s *sides) kept(t *testing.T, name, where string) []string {
	t.Helper()
	rows, err := s.lake.Query(t.Context(), "central", "SELECT id, note, valid_to, is_current FROM "+name+" WHERE "+where+" ORDER BY id, valid_from", lake.At{})
	require.NoError(t, err)
	defer func() { require.NoError(t, rows.Close()) }()
	var all []string
	for {
		v, ok := rows.Next()
		if !ok {
			require.NoError(t, rows.Err())
			return all
		}
		until := "-"
		if at, ended := v[2].(time.Time); ended {
			until = at.Format("01-02 15:04:05.000000")
		}
		all = append(all, fmt.Sprint(v[0], " ", v[1], " ", until, " ", v[3]))
	}
}

func TestVersionsBesideTheLatestRowsAreComparedAndMended(t *testing.T) {
	s := newVersions(t, table.HistoryAlso, rows(10, "'old'"))
	r := s.compare(t, rows(10, "'old'")).Report()
	require.Equal(t, "equal; 10 10", found(r))
	require.Equal(t, "equal; 10 10", found(*r.Versions))
	require.Equal(t, "kept_history", r.Versions.Table)

	// Only the versions are damaged: the latest rows are brought back as they were.
	latest := table.Batch{ID: "b", Ref: s.ref, Schema: columns, Keys: []string{"id"}}
	s.versions(t, table.HistoryAlso, "SELECT * FROM ("+rows(3, "'evil'")+") WHERE id = 3", readAt.Add(-time.Hour))
	s.versions(t, table.HistoryAlso, "SELECT * FROM ("+rows(11, "'evil'")+") WHERE id = 11", readAt.Add(-time.Hour))
	back := file(t, rows(10, "'old'"))
	latest.Files, latest.Rows, latest.Reload = []table.File{back}, back.Rows, true
	_, err := s.lake.Merge(t.Context(), []table.Batch{latest})
	require.NoError(t, err)
	v := s.compare(t, rows(10, "'old'"))
	r = v.Report()
	require.Equal(t, "different; 10 10", found(r), "although the latest rows are equal")
	require.Equal(t, "different; 10 11; 11 only_lake; 3 different note", found(*r.Versions))

	r = s.repaired(t, v)
	require.Equal(t, [2]string{verify.StatusRepaired, verify.StatusRepaired}, [2]string{r.Status, r.Versions.Status})
	require.Equal(t, r.Versions.Repair.Source, r.Versions.Repair.Lake)
	require.Equal(t, []string{
		"3 old 06-01 11:00:00.000000 false", "3 evil 06-01 12:00:00.000001 false", "3 old - true", "11 evil 06-01 12:00:00.000000 false",
	}, s.kept(t, "kept_history", "id IN (3, 11)"), "what was recorded stays")
	require.Equal(t, "equal; 10 10", found(*s.compare(t, rows(10, "'old'")).Report().Versions))

	v = s.compare(t, rows(11, "CASE i WHEN 5 THEN 'new' ELSE 'old' END")+" WHERE i <> 7")
	require.Equal(t, "different; 10 10; 11 only_source; 7 only_lake; 5 different note", found(v.Report()))
	require.Equal(t, verify.StatusRepaired, s.repaired(t, v).Status)
	require.Equal(t, []string{"5 old 06-01 12:00:00.000001 false", "5 new - true", "7 old 06-01 12:00:00.000000 false", "11 evil 06-01 12:00:00.000000 false", "11 old - true"},
		s.kept(t, "kept_history", "id IN (5, 7, 11)"), "both tables are mended together")
}

func TestRowsThatHaveNoVersionYetAreNoDifference(t *testing.T) {
	s := newVersions(t, "", rows(1000, "'old'"))
	s.input.Spec.History = table.HistoryAlso
	r := s.compare(t, rows(1000, "'old'")).Report()
	require.Equal(t, "equal; 1000 1000", found(r))
	require.Nil(t, r.Versions)
	require.Equal(t, []string{"there are no versions yet in kept_history: they begin with the next sync"}, r.Notes)

	s.versions(t, table.HistoryAlso, "SELECT * FROM ("+rows(4, "'old'")+") WHERE id = 4", readAt.Add(-time.Hour))
	v := s.compare(t, rows(1000, "'old'"))
	r = v.Report()
	require.Equal(t, [2]string{"equal; 1000 1000", "equal; 1000 1"}, [2]string{found(r), found(*r.Versions)})
	require.Equal(t, int64(999), r.Versions.Unversioned)
	require.Contains(t, strings.Join(r.Versions.Notes, ""), "999 rows have no version yet, as history began after they were read; this begins them: tributary run daily --client acme --table kept --full")
	require.False(t, v.Different())

	r = s.repaired(t, s.compare(t, rows(1001, "'old'")))
	require.Equal(t, verify.StatusRepaired, r.Status)
	require.Equal(t, r.Versions.Repair.Source, r.Versions.Repair.Lake)
	require.Equal(t, int64(1001), r.Versions.Repair.Lake.Rows, "a repair begins them too")
}

func TestATableOfVersionsIsRepairedByVersions(t *testing.T) {
	s := newVersions(t, table.HistoryOnly, rows(10, "'old'"))
	v := s.compare(t, rows(11, "CASE i WHEN 5 THEN 'new' ELSE 'old' END")+" WHERE i <> 7")
	require.Equal(t, "different; 10 10; 11 only_source; 7 only_lake; 5 different note", found(v.Report()))
	require.Nil(t, v.Report().Versions)
	r := s.repaired(t, v)
	require.Equal(t, verify.StatusRepaired, r.Status)
	require.Equal(t, int64(10), r.Repair.Lake.Rows, "of those that are valid")
	require.Equal(t, []string{"5 old 06-01 12:00:00.000001 false", "5 new - true", "7 old 06-01 12:00:00.000000 false", "11 old - true"},
		s.kept(t, "kept", "id IN (5, 7, 11)"))
}

func TestVersionsAreMendedThoughMoreRowsHaveNoneThanARepairTakes(t *testing.T) {
	s := newVersions(t, "", rows(100_100, "'old'"))
	s.input.Spec.History = table.HistoryAlso
	s.versions(t, table.HistoryAlso, "SELECT * FROM ("+rows(20, "'evil'")+") WHERE id IN (4, 20)", readAt.Add(-time.Hour))
	v := s.compare(t, rows(100_100, "CASE i WHEN 20 THEN 'evil' ELSE 'old' END"))
	require.Equal(t, "different; 100100 100100; 4 different note", found(v.Report()))
	require.Equal(t, "different; 100100 2; 4 different note", found(*v.Report().Versions))
	r := s.repaired(t, v)
	require.Equal(t, [2]string{verify.StatusRepaired, verify.StatusRepaired}, [2]string{r.Status, r.Versions.Status})
	require.Empty(t, r.Repair.Note)
	require.Equal(t, int64(2), r.Versions.Repair.Source.Rows)
	require.Equal(t, r.Versions.Repair.Source.Checksum, r.Versions.Repair.Lake.Checksum)
	require.Equal(t, []string{"4 evil 06-01 12:00:00.000001 false", "4 old - true", "20 evil - true"}, s.kept(t, "kept_history", "true"), "no more than what differs")
}

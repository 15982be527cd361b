package verify_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	_ "github.com/duckdb/duckdb-go/v2" // writes the files
	"github.com/stretchr/testify/require"

	"tributary/internal/lake"
	"tributary/internal/lake/local"
	"tributary/internal/table"
	"tributary/internal/verify"
	"tributary/internal/verify/rowhash"
)

// sides are a local lake with one table, and what the source is said to have.
type sides struct {
	lake  *local.Lake
	ref   table.Ref
	input verify.Input
	dir   string // of the last comparison
}

var columns = table.Schema{
	{Name: "id", Type: table.Long}, {Name: "note", Type: table.String, Nullable: true}, {Name: "n", Type: table.Integer, Nullable: true},
	{Name: "at", Type: table.Timestamp, Nullable: true}, {Name: table.ClientColumn, Type: table.String}, {Name: table.RegionColumn, Type: table.String},
}

// rows are ids from 1 to n as a SELECT of DuckDB; note says what a row's note is.
func rows(n int, note string) string {
	return fmt.Sprintf(`SELECT i::BIGINT AS id, %s AS note, (i %% 7)::INTEGER AS n, TIMESTAMPTZ '2026-01-01 00:00:00+00' + to_seconds(i::INTEGER) AS at,
		'acme' AS client_id, 'eu' AS region FROM range(1, %d) t(i)`, note, n+1)
}

func file(t *testing.T, query string) table.File {
	t.Helper()
	db, err := sql.Open("duckdb", "")
	require.NoError(t, err)
	defer func() { require.NoError(t, db.Close()) }()
	path := filepath.Join(t.TempDir(), "rows.parquet")
	result, err := db.ExecContext(t.Context(), fmt.Sprintf("COPY (%s) TO '%s' (FORMAT parquet)", query, path))
	require.NoError(t, err, query)
	n, err := result.RowsAffected()
	require.NoError(t, err)
	info, err := os.Stat(path)
	require.NoError(t, err)
	return table.File{Path: path, Rows: n, Bytes: info.Size()}
}

// newSides brings rows into the lake.
func newSides(t *testing.T, query string) *sides {
	t.Helper()
	l, err := local.Open(t.Context(), local.Options{Dir: t.TempDir(), Threads: 2})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, l.Close()) })
	s := &sides{lake: l, ref: table.Ref{Sync: "daily", Client: "acme", Region: "eu", Schema: "central", Table: "orders"}}
	s.merge(t, query, columns)
	s.input = verify.Input{
		Lake: lake.Group(l), Ref: s.ref, Spec: table.Spec{Overlap: time.Minute, Cursor: "at"},
		Plan:    table.Plan{IDs: []string{"id"}, Cursor: "at", CursorKind: table.CursorTime},
		Last:    lake.LastRun{LastSync: time.Now(), Watermark: "2027-01-01 00:00:00.000000", Kind: table.CursorTime},
		StageID: "run/1",
	}
	return s
}

func (s *sides) merge(t *testing.T, query string, schema table.Schema) {
	t.Helper()
	f := file(t, query)
	_, err := s.lake.Merge(t.Context(), []table.Batch{{ID: "b", Ref: s.ref, Schema: schema, Keys: []string{"id"}, Rows: f.Rows, Files: []table.File{f}, Drift: table.DriftEvolve}})
	require.NoError(t, err)
}

// compare compares the lake with rows of the source; their schema is that of columns unless the input has one.
func (s *sides) compare(t *testing.T, query string) *verify.Verification {
	t.Helper()
	if s.input.Spec.History == table.HistoryAlso {
		var err error
		s.input.Versions, err = s.lake.Describe(t.Context(), s.ref.Schema, s.ref.Table+table.HistorySuffix)
		if errors.Is(err, lake.ErrNotFound) {
			s.input.Versions, err = lake.Table{}, nil
		}
		require.NoError(t, err)
	}
	f := file(t, query)
	in := s.input
	s.dir = t.TempDir()
	in.Rows.Parquet, in.Rows.Count, in.Dir = []string{f.Path}, f.Rows, s.dir
	if in.Rows.Schema == nil {
		in.Rows.Schema = columns
	}
	var err error
	in.Central, err = s.lake.Describe(t.Context(), s.ref.Schema, s.ref.Table)
	require.NoError(t, err)
	v, err := verify.Compare(t.Context(), in)
	require.NoError(t, err)
	return v
}

// found is what a report says: counts, then each difference.
func found(r verify.Report) string {
	parts := []string{r.Status, fmt.Sprintf("%d %d", r.Source.Rows, r.Lake.Rows)}
	for _, d := range r.Differences.Keys {
		parts = append(parts, strings.TrimSpace(strings.Join(d.Key, ",")+" "+d.Kind+" "+strings.Join(d.Columns, ",")))
	}
	return strings.Join(parts, "; ")
}

func TestOnlyTheRangesThatDifferAreNarrowedDown(t *testing.T) {
	s := newSides(t, rows(100_000, "'note ' || i"))
	equal := s.compare(t, rows(100_000, "'note ' || i")+" ORDER BY hash(i)").Report()
	require.Equal(t, "equal; 100000 100000", found(equal), "in another order")
	require.Equal(t, equal.Source, equal.Lake)
	require.Equal(t, "2026-01-01 00:00:01.000000", equal.Source.MinCursor)
	require.Len(t, equal.Ranges, 5)
	require.Empty(t, equal.Ranges[0].From)
	require.Equal(t, equal.Ranges[0].To, equal.Ranges[1].From)

	v := s.compare(t, rows(100_001, "CASE i WHEN 50000 THEN NULL WHEN 77 THEN '' ELSE 'note ' || i END")+" WHERE i <> 99000")
	r := v.Report()
	require.Equal(t, "different; 100000 100000; 100001 only_source; 99000 only_lake; 77 different note; 50000 different note", found(r))
	differ := 0
	for _, each := range r.Ranges {
		if each.Source != each.Lake {
			differ++
		}
	}
	require.Equal(t, 3, differ)
}

func TestWhatIsInFlightIsLeftOutOnBothSides(t *testing.T) {
	s := newSides(t, rows(100, "'old'"))
	s.input.Last.Watermark = "2026-01-01 00:01:51.000000" // less the overlap: rows from 51 on
	r := s.compare(t, rows(110, "CASE WHEN i > 60 THEN 'new' ELSE 'old' END")+" WHERE i <> 55").Report()
	require.Equal(t, "different; 50 51; 55 only_lake", found(r), "a row that is gone is no row in flight")
	require.Equal(t, int64(59), r.InFlight)
	require.Equal(t, "2026-01-01 00:00:51.000000", r.Settled)

	moved := strings.Replace(rows(100, "'old'"), "to_seconds(i::INTEGER)", "to_seconds(CASE i WHEN 7 THEN 9999 WHEN 8 THEN NULL ELSE i END::INTEGER)", 1)
	require.Equal(t, "different; 49 49; 8 different at", found(s.compare(t, moved).Report()), "row 7 has changed since, and so may have its older version in the lake")
	s.input.Spec.OnNullCursor = table.NullExclude
	require.Equal(t, "equal; 98 98", found(s.compare(t, moved).Report()), "what the overlap has is compared where it is equal")

	s.input.Plan.Cursor, s.input.Plan.CursorKind = "", ""
	r = s.compare(t, rows(100, "'old'")).Report()
	require.Equal(t, "equal; 100 100", found(r))
	require.Len(t, r.Notes, 1)
}

func TestWithoutAWatermarkRowsAreNotTakenForBeingInFlight(t *testing.T) {
	s := newSides(t, rows(10, "'old'"))
	s.input.Last.Watermark, s.input.Last.Kind = "", "" // the last sync read without a cursor
	r := s.compare(t, rows(10, "CASE i WHEN 5 THEN 'new' ELSE 'old' END")).Report()
	require.Equal(t, "different; 10 10; 5 different note", found(r))
	require.Len(t, r.Notes, 1)
	require.Contains(t, r.Notes[0], "no sync with this cursor has left a watermark")

	s.input.Plan.Cursor, s.input.Plan.CursorKind, s.input.Spec.Cursor = "id", table.CursorInteger, "id"
	r = s.compare(t, rows(10, "CASE i WHEN 5 THEN 'new' ELSE 'old' END")).Report()
	require.Equal(t, "different; 10 10; 5 different note", found(r), "the last run brought none, and an earlier one did")
	require.Contains(t, r.Notes[0], "no sync with this cursor has left a watermark")
	acme := s.input.Ref
	s.input.Ref.Client = "brio"
	r = s.compare(t, strings.ReplaceAll(rows(10, "'old'"), "'acme'", "'brio'")).Report()
	require.Equal(t, "equal; 0 0", found(r), "the source was empty when it was read")
	require.Len(t, r.Notes, 1)
	require.Contains(t, r.Notes[0], "no row was compared: all 10 have changed")
	s.input.Ref, s.input.Last.Rows = acme, 10
	require.Equal(t, "different; 11 10; 11 only_source", found(s.compare(t, rows(11, "'old'")).Report()), "it was not empty")
}

func TestRowsThatNoSyncBringsAreNotMissed(t *testing.T) {
	s := newSides(t, rows(10, "'old'"))
	s.input.Spec.Deletes.Column = "note"
	r := s.compare(t, rows(12, "CASE WHEN i IN (3, 11) THEN 'yes' ELSE 'false' END")+" ORDER BY i").Report()
	require.Equal(t, int64(2), r.SoftDeleted)
	require.Contains(t, found(r), "3 only_lake", "a row marked as deleted that the lake still has")
	require.NotContains(t, found(r), "11 only")

	s.input.Spec.Deletes.Column = ""
	foreign := strings.Replace(rows(11, "'old'"), "'acme' AS client_id", "CASE WHEN i IN (4, 11) THEN 'brio' WHEN i = 5 THEN NULL ELSE 'acme' END AS client_id", 1)
	r = s.compare(t, foreign).Report()
	require.Equal(t, "equal; 9 9", found(r))
	require.Equal(t, int64(2), r.Quarantined)

	s.input.Kept = []table.File{file(t, "SELECT 6::BIGINT AS id UNION ALL SELECT 7")}
	r = s.compare(t, rows(10, "'old'")+" WHERE i <> 6").Report()
	require.Equal(t, "equal; 8 8", found(r))
	require.Equal(t, int64(2), r.Quarantined)
}

func TestColumnsOfOneSideOnly(t *testing.T) {
	s := newSides(t, rows(10, "'old'"))
	wide := append(columns[:len(columns):len(columns)], table.Column{Name: "channel", Type: table.String, Nullable: true})
	s.input.Rows.Schema = wide
	r := s.compare(t, "SELECT *, 'web' AS channel FROM ("+rows(10, "'old'")+")").Report()
	require.Equal(t, "equal; 10 10", found(r))
	require.Equal(t, []string{"channel"}, r.Uncompared)

	s.input.Rows.Schema = nil
	s.merge(t, "SELECT *, CASE WHEN id = 4 THEN 'web' END AS channel FROM ("+rows(10, "'old'")+")", wide)
	require.Equal(t, "different; 10 10; 4 different channel", found(s.compare(t, rows(10, "'old'")).Report()), "what the source does not have must be NULL")
}

func TestErrTypeSaysToSyncFirst(t *testing.T) {
	s := newSides(t, rows(10, "'old'"))
	f := file(t, "SELECT * REPLACE (n::BIGINT AS n) FROM ("+rows(10, "'old'")+")")
	in := s.input
	in.Rows, in.Dir = verify.Rows{Schema: columns, Parquet: []string{f.Path}, Count: 10}, t.TempDir()
	var err error
	in.Central, err = s.lake.Describe(t.Context(), s.ref.Schema, s.ref.Table)
	require.NoError(t, err)
	_, err = verify.Compare(t.Context(), in)
	require.ErrorIs(t, err, rowhash.ErrType)
	require.ErrorContains(t, err, `column "n": type is not exact: int64 as integer: the source has another type than the lake; run the sync first`)
}

func TestErrUnable(t *testing.T) {
	s := newSides(t, rows(10, "'old'"))
	s.input.Last.Watermark = "yesterday"
	in := s.input
	in.Rows, in.Dir = verify.Rows{Schema: columns}, t.TempDir()
	var err error
	in.Central, err = s.lake.Describe(t.Context(), s.ref.Schema, s.ref.Table)
	require.NoError(t, err)
	_, err = verify.Compare(t.Context(), in)
	require.ErrorIs(t, err, verify.ErrUnable)
	in.Plan.IDs = []string{"missing"}
	_, err = verify.Compare(t.Context(), in)
	require.ErrorIs(t, err, verify.ErrUnable)
	require.ErrorContains(t, err, `id "missing" is not among the columns`)
}

func TestRepairBringsWhatDiffersAndNothingElse(t *testing.T) {
	s := newSides(t, rows(1000, "'old'"))
	s.merge(t, "SELECT * REPLACE (TIMESTAMPTZ '2099-01-01 00:00:00+00' AS \"at\") FROM ("+rows(1000, "'evil'")+") WHERE id IN (5, 6)", columns)
	s.merge(t, "SELECT * REPLACE (id + 5000 AS id) FROM ("+rows(3, "'foreign'")+")", columns)
	v := s.compare(t, rows(1001, "'old'"))
	dir := s.dir
	batches, err := v.Repair(t.Context())
	require.NoError(t, err)
	require.Len(t, batches, 2)
	require.Equal(t, [2]int64{3, 3}, [2]int64{batches[0].Rows, batches[1].Rows})
	var version int64
	for range 2 { // a repair that is merged twice changes nothing more
		for _, b := range batches {
			results, err := s.lake.Merge(t.Context(), []table.Batch{b})
			require.NoError(t, err)
			version = results[0].Version
		}
	}
	described, err := s.lake.Describe(t.Context(), s.ref.Schema, s.ref.Table)
	require.NoError(t, err)
	require.Equal(t, columns.Names(), described.Columns.Names(), "no column came with it")
	report, err := verify.Again(t.Context(), s.lake, dir, verify.Merged{Latest: version})
	require.NoError(t, err)
	require.Equal(t, verify.StatusRepaired, report.Status)
	require.Equal(t, report.Repair.Source, report.Repair.Lake)
	require.Equal(t, "equal; 1001 1001", found(s.compare(t, rows(1001, "'old'")).Report()))

	s.merge(t, "SELECT * FROM ("+rows(1000, "'evil'")+") WHERE id = 9", columns)
	report, err = verify.Again(t.Context(), s.lake, dir, verify.Merged{Latest: version + 1})
	require.NoError(t, err)
	require.Equal(t, verify.StatusDifferent, report.Status, "a repair that did not help is not called one")
}

func TestRepairRefusesToDeleteTooMuch(t *testing.T) {
	s := newSides(t, rows(100, "'old'"))
	s.input.Spec.Deletes.MaxShare = 0.5
	v := s.compare(t, rows(100, "'old'")+" WHERE i > 51")
	batches, err := v.Repair(t.Context())
	require.NoError(t, err)
	require.Empty(t, batches)
	require.Equal(t, "it would delete 51 of the client's 100 rows, more than deletes.max_share allows (0.5); raise it if they are to go", v.Report().Repair.Refused)
	v = s.compare(t, rows(100, "'old'")+" WHERE i > 50")
	batches, err = v.Repair(t.Context())
	require.NoError(t, err)
	require.Len(t, batches, 1)
}

// passes counts how often the lake is asked for hashes of rows.
type passes struct {
	*local.Lake
	asked int
}

func (p *passes) RowHashes(ctx context.Context, of lake.Fingerprint, part rowhash.Part, row func(key rowhash.Key, hash uint64) error) error {
	p.asked++
	return p.Lake.RowHashes(ctx, of, part, row)
}

func TestNoMoreDifferencesAreLookedForThanARepairTakes(t *testing.T) {
	s := newSides(t, rows(150_000, "'old'"))
	for _, c := range []struct {
		name, source string
		rows         [2]int64
		want         verify.Differences
	}{
		{"OK", rows(150_000, "CASE WHEN i > 100000 THEN 'old' ELSE 'new' END"), [2]int64{150_000, 150_000}, verify.Differences{Different: 100_000}},
		{"AllDifferent", rows(150_010, "'new'"), [2]int64{150_010, 150_000}, verify.Differences{Different: 100_001, More: true}},
		{"SourceEmptied", rows(0, "'old'"), [2]int64{0, 150_000}, verify.Differences{OnlyLake: 100_001, More: true}},
	} {
		t.Run(c.name, func(t *testing.T) {
			v := s.compare(t, c.source)
			r := v.Report()
			require.Equal(t, verify.StatusDifferent, r.Status)
			require.Equal(t, c.rows[0], r.Source.Rows, "all of them")
			require.Equal(t, c.rows[1], r.Lake.Rows, "all of them")
			require.NotEmpty(t, r.Differences.Keys)
			r.Differences.Keys = nil
			require.Equal(t, c.want, r.Differences)
			if !c.want.More {
				require.Empty(t, r.Notes)
				return
			}
			require.Len(t, r.Notes, 1)
			require.Contains(t, r.Notes[0], "more than 100000 rows differ")
			batches, err := v.Repair(t.Context())
			require.NoError(t, err)
			require.Empty(t, batches)
			require.Equal(t, "at least 100001 rows differ, and a repair takes at most 100000; bring all rows again with: tributary run daily --client acme --table orders --full",
				v.Report().Repair.Refused)
		})
	}
}

func TestPartsBeyondEnoughDifferencesAreNotRead(t *testing.T) {
	s := newSides(t, rows(10, "'old'"))
	counted := &passes{Lake: s.lake}
	s.input.Lake = counted
	v := s.compare(t, rows(600_000, "'old'"))
	d := v.Report().Differences
	require.True(t, d.More)
	require.Equal(t, 1, counted.asked)
	require.Greater(t, d.OnlySource, int64(100_000))
	require.Less(t, d.OnlySource, int64(600_000-10))
	batches, err := v.Repair(t.Context())
	require.NoError(t, err)
	require.Empty(t, batches)
}

func TestKeysDoubledInTheLakeHaveOneKind(t *testing.T) {
	s := newSides(t, rows(3, "'old'"))
	s.input.Lake = &twice{Lake: s.lake}
	r := s.compare(t, rows(2, "CASE i WHEN 1 THEN 'new' ELSE 'old' END")).Report()
	require.Equal(t, "different; 2 3; 3 only_lake; 1 doubled; 2 doubled", found(r))
	require.Equal(t, int64(3), r.Differences.Count())
}

// twice has every row twice.
type twice struct{ *local.Lake }

func (l *twice) RowHashes(ctx context.Context, of lake.Fingerprint, part rowhash.Part, row func(key rowhash.Key, hash uint64) error) error {
	return l.Lake.RowHashes(ctx, of, part, func(key rowhash.Key, hash uint64) error {
		if err := row(key, hash); err != nil {
			return err
		}
		return row(key, hash)
	})
}

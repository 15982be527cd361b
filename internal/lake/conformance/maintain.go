package conformance

import (
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/stretchr/testify/require"

	"tributary/internal/lake"
	"tributary/internal/table"
)

// sums differ when any row does.
const sums = "SELECT client_id, count(*), sum(id), sum(id * ascii(v)), count(DISTINCT v), min(v), max(v) FROM orders GROUP BY client_id ORDER BY client_id"

func testMaintenance(s *suite) {
	const merges = 3
	for i := range merges {
		// Random text: too large for a small file to be filled up by the next merge.
		rows := fmt.Sprintf("SELECT range + %d * 30000 AS id, md5(random()::VARCHAR) || md5(random()::VARCHAR) AS v FROM range(30000)", i)
		s.merge("30000 0 0, 30000 0 0", s.batch(s.acme(), plain, rows), s.batch(s.ref("globex"), plain, rows))
	}
	before := s.describe("orders")
	require.GreaterOrEqual(s, before.Files, 2*merges)
	require.EqualValues(s, 2*merges*30000, before.Rows)
	require.Greater(s, before.Bytes, int64(2*merges*30000*32))
	sum := s.values(lake.At{}, sums)

	s.run("OptimizeWhere", func(s *suite) {
		removed, added := s.optimize(lake.Compaction{Where: map[string][]string{"client_id": {"acme", `no'body\`}, "region": {"eu"}}})
		require.Equal(s, 1, added, "a file per partition")
		require.Equal(s, before.Files-removed+1, s.describe("orders").Files)
		removed, added = s.optimize(lake.Compaction{Where: map[string][]string{"client_id": {"nobody"}}})
		require.Equal(s, "0 0", fmt.Sprint(removed, added))
	})
	s.run("ErrWhere", func(s *suite) {
		_, _, err := s.lake.Optimize(s.Context(), s.schema, "orders", lake.Compaction{Where: map[string][]string{"v": {"x"}}})
		require.Error(s, err)
		require.Regexp(s, "[\"'`]v[\"'`]", err.Error(), "says which column")
	})
	s.run("Optimize", func(s *suite) {
		files := s.describe("orders").Files
		removed, added := s.optimize(lake.Compaction{})
		require.Equal(s, fmt.Sprint(files-1, 1), fmt.Sprint(removed, added), "acme's are one file already")
		s.unchanged(func() {
			removed, added = s.optimize(lake.Compaction{})
			require.Equal(s, "0 0", fmt.Sprint(removed, added), "a second time")
		}, "orders")
	})
	s.run("ZOrder", func(s *suite) {
		removed, added, err := s.lake.Optimize(s.Context(), s.schema, "orders", lake.Compaction{ZOrderBy: []string{"id", "v"}})
		if s.ZOrder {
			require.NoError(s, err)
			require.Equal(s, "2 2", fmt.Sprint(removed, added))
		} else {
			require.ErrorContains(s, err, "zorder_by")
		}
	})
	require.Equal(s, sum, s.values(lake.At{}, sums))
	require.Equal(s, sum, s.values(lake.At{Version: &before.Version}, sums))
	s.vacuum(before)
	require.Equal(s, sum, s.values(lake.At{}, sums))
}

func (s *suite) optimize(how lake.Compaction) (removed, added int) {
	s.Helper()
	removed, added, err := s.lake.Optimize(s.Context(), s.schema, "orders", how)
	require.NoError(s, err)
	return removed, added
}

// vacuum removes the files that the table had before it was optimized, where the lake lets it.
func (s *suite) vacuum(before lake.Table) {
	s.Helper()
	deleted, err := s.lake.Vacuum(s.Context(), s.schema, "orders", max(time.Hour, s.VacuumMin))
	require.NoError(s, err)
	require.Contains(s, []int{0, -1}, deleted, "a young version still needs them")
	_, err = s.lake.Vacuum(s.Context(), s.schema, "orders", -time.Hour)
	require.Error(s, err)
	deleted, err = s.lake.Vacuum(s.Context(), s.schema, "orders", 0)
	if s.VacuumMin > 0 {
		require.Error(s, err)
		return
	}
	require.NoError(s, err)
	if deleted != -1 {
		require.GreaterOrEqual(s, deleted, before.Files)
	}
}

// testSweep runs alone: a sweep takes what other tests staged.
func testSweep(s *suite) {
	const rows, age = "SELECT 1::BIGINT AS id, 'v' AS v", time.Hour
	try := func(run, try, client string) table.Batch {
		b := s.batch(s.ref(client), plain, rows)
		require.NoError(s, s.lake.Unstage(s.Context(), b.ID))
		b.ID = s.schema + run + "/" + try
		b.Files = s.stage(b.ID, fmt.Sprintf("SELECT *, '%s' AS client_id, 'eu' AS region FROM (%s)", client, rows))
		return b
	}
	left := []table.Batch{try("old", "1", "a"), try("old", "2", "a")}
	_, err := s.lake.Sweep(s.Context(), age)
	require.NoError(s, err)
	s.merge("1 0 0", left[0])

	s.backdate(left, 2*age)
	young := []table.Batch{try("young", "1", "b"), try("young", "2", "c")}
	removed, err := s.lake.Sweep(s.Context(), age)
	require.NoError(s, err)
	require.Positive(s, removed)
	s.refuses(lake.ErrBatch, left[0])
	s.refuses(lake.ErrBatch, left[1])
	s.merge("1 0 0, 1 0 0", young...)
	for _, run := range []string{"old", "young"} {
		require.NoError(s, s.lake.Unstage(s.Context(), s.schema+run))
	}
	s.refuses(lake.ErrBatch, young[0])
}

// backdate makes the folder of a run, given with its batches, look untouched for so long.
func (s *suite) backdate(run []table.Batch, by time.Duration) {
	s.Helper()
	then := time.Now().Add(-by)
	for _, b := range run {
		file := filepath.Join(s.StagedIn, b.Files[0].Path)
		for _, path := range []string{file, filepath.Dir(file), filepath.Dir(filepath.Dir(file))} {
			require.NoError(s, os.Chtimes(path, then, then))
		}
	}
}

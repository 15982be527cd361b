package conformance

import (
	"slices"
	"time"

	"github.com/stretchr/testify/require"

	"tributary/internal/lake"
)

func testTimeTravel(s *suite) {
	s.merge("1 0 0", s.batch(s.acme(), plain, "SELECT 1::BIGINT AS id, 'old' AS v"))
	old := s.describe("orders").Version
	time.Sleep(20 * time.Millisecond) // commits are told apart by milliseconds
	between := time.Now()
	time.Sleep(20 * time.Millisecond)
	s.merge("0 1 0", s.batch(s.acme(), plain+"; extra integer", "SELECT 1::BIGINT AS id, 'new' AS v, 7 AS extra"))
	latest := s.describe("orders").Version

	s.rows(all, "1 new")
	s.rowsAt(lake.At{Version: &old}, all, "1 old")
	s.rowsAt(lake.At{Version: &latest}, all, "1 new")
	s.rowsAt(lake.At{Time: between}, all, "1 old")
	s.rowsAt(lake.At{Time: between.In(time.FixedZone("", 5*3600))}, "SELECT o.v FROM orders o", "old")
	s.rowsAt(lake.At{Time: time.Now()}, all, "1 new")
	s.rowsAt(lake.At{Version: &old}, "WITH x AS (SELECT * FROM orders) SELECT count(*), max(a.v) FROM x a JOIN orders b ON a.id = b.id", "1 old")

	beyond := latest + 100
	for name, at := range map[string]lake.At{"ErrBeforeTheFirst": {Time: between.Add(-24 * time.Hour)}, "ErrBeyondTheLast": {Version: &beyond}} {
		s.run(name, func(s *suite) {
			_, err := s.query(at, all)
			require.Error(s, err)
		})
	}
	s.run("History", testHistory)
}

// testHistory looks at the commits of testTimeTravel's table.
func testHistory(s *suite) {
	latest := s.describe("orders").Version
	commits, err := s.lake.History(s.Context(), s.schema, "orders", 0)
	require.NoError(s, err)
	require.Len(s, commits, int(latest)+1)
	for i, commit := range commits {
		require.Equal(s, latest-int64(i), commit.Version, "newest first")
		require.NotEmpty(s, commit.Operation)
		require.WithinDuration(s, time.Now(), commit.Time, time.Hour)
		require.Equal(s, time.UTC, commit.Time.Location())
	}
	i := slices.IndexFunc(commits, func(c lake.Commit) bool { return c.Operation == "MERGE" })
	require.GreaterOrEqual(s, i, 0, "no commit is a merge: %v", commits)
	require.Equal(s, "1", commits[i].Metrics["numTargetRowsUpdated"])
	require.Equal(s, "0", commits[i].Metrics["numTargetRowsInserted"])
	require.NotEmpty(s, commits[i].Parameters)

	newest, err := s.lake.History(s.Context(), s.schema, "orders", 1)
	require.NoError(s, err)
	require.Equal(s, commits[:1], newest)
}

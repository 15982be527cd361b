package tests

import (
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"tributary/internal/lake"
	"tributary/internal/testserver"
	"tributary/internal/testserver/workspace"
)

// stopPoint is a moment of a run at which its worker is killed, told by a request to the lake.
type stopPoint struct {
	name    string
	matches func(request) bool
	passes  bool // the lake carries the request out all the same
}

func says(text string) func(request) bool {
	return func(r request) bool { return strings.Contains(r.body, text) }
}

func uploads(r request) bool {
	return r.method == http.MethodPut && strings.HasPrefix(r.path, "/api/2.0/fs/files/")
}

var stopPoints = []stopPoint{
	{"staged, before the merge", says("parquet.`"), false},
	{"the merge begins", says("`big` AS t"), false},
	{"the merge runs on without its worker", says("`big` AS t"), true},
	{"merged, before its outcome is known", says("DESCRIBE HISTORY"), false},
	{"merged, before the log", says("`sync_runs` AS t"), false},
	{"recorded in one log table of two", says("`sync_log` AS t"), false},
	{"the log runs on without its worker", says("`sync_log` AS t"), true},
}

func TestSQLLakeSurvivesAKilledWorker(t *testing.T) {
	spark := testserver.Spark(t)
	t.Run("spark", func(t *testing.T) {
		t.Parallel()
		g := newGate(t, spark.URL)
		requireSurvivesKills(t, sparkLakeAt(t, spark, g.URL), g, stopPoints)
	})
	t.Run("databricks", func(t *testing.T) {
		t.Parallel()
		w := workspace.Start(t, workspace.Options{SparkURL: spark.URL, Dir: spark.Dir})
		g := newGate(t, w.URL)
		// What is between the upload and the log is the same code on both; what a warehouse does with a statement whose worker is gone is its own.
		points := []stopPoint{{"while it uploads", uploads, false}, {"uploaded", uploads, true}, stopPoints[2], stopPoints[3], stopPoints[6]}
		requireSurvivesKills(t, databricksLakeAt(t, spark, w, g.URL), g, points)
	})
}

// requireSurvivesKills kills the worker of one run after the other, each at another point, and lets another worker go on.
func requireSurvivesKills(t *testing.T, central centralLake, g *gate, points []stopPoint) {
	t.Helper()
	s := newBigStackOn(t, central, bigSync, 1000)
	l, acme := s.lake(t), s.clients[0]
	worker := s.startProcess(t)
	for i, point := range points {
		acme.server.ExecIn(t, acme.Database, `update big set note = concat(note, '+'), updated_at = now(6) where id % 10 = 3;
			insert into big (id, note, n) select max(id) + 1, 'new', 1 from big`)
		killed := g.set(trap{matches: point.matches, passes: point.passes, then: func() { _ = worker.Process.Kill() }})
		run, ended := s.start(t), make(chan error, 1)
		go func() { ended <- s.wait(t, run) }()
		select {
		case <-killed:
		case err := <-ended:
			require.FailNow(t, "the run ended, and did not ask the lake", "%s: %v", point.name, err)
		}
		worker = s.startProcess(t)
		require.NoError(t, <-ended, point.name)
		s.requireSurvived(t, l, point.name, i+1)
	}
	s.requireReplayable(t, "killed")
}

func (s *stack) requireSurvived(t *testing.T, l lake.Lake, point string, runs int) {
	t.Helper()
	require.Equal(t, s.clients[0].rows(t, "select id, note, n from big order by id"), s.query(t, l, "select id, note, n from big order by id"), point)
	n := strconv.Itoa(runs)
	require.Equal(t, []string{n + "|" + n + "|ok|ok"}, s.query(t, l, "select count(*), count(distinct run_id), min(status), max(status) from sync_runs"), point)
	require.Equal(t, s.query(t, l, "select watermark, run_id, rows_staged from sync_runs order by started_at desc limit 1"),
		s.query(t, l, "select watermark, run_id, rows from sync_log"), point)
	require.Empty(t, s.staged(t), "%s: staging is swept", point)
}

package tests

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"

	"tributary/internal/lake"
	"tributary/internal/table"
	"tributary/internal/testserver"
	"tributary/workflows"
)

func TestSyncKeepsTheLakeEqualToEverySource(t *testing.T) {
	for kind, open := range lakes {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			at, sync := regions, dailySync
			if kind != "local" {
				at, sync = regions[:2], shortSync
			}
			s := newStackOn(t, open(t), at, sync)
			s.startWorker(t)
			s.requireKeptEqual(t)
			if kind == "local" {
				s.requireReplayable(t, "ok")
			}
		})
	}
}

// requireKeptEqual brings a lake through what happens to sources, and compares them after every run.
func (s *stack) requireKeptEqual(t *testing.T) {
	t.Helper()
	l, clients := s.lake(t), len(s.clients)
	synced, err := s.config(t).Sync("daily")
	require.NoError(t, err)
	tables := len(synced.Tables) * clients
	s.ageRows(t)
	s.sync(t)
	s.requireEqual(t, l)
	require.Equal(t, []string{strconv.Itoa(2 * clients)}, s.query(t, l, "select sum(rows_quarantined) from sync_runs"), "two rows of each client break the rule")
	require.Len(t, s.quarantined(t), clients)
	first := s.query(t, l, watermarks)

	for _, c := range s.clients {
		c.server.ExecIn(t, c.Database, changeRows)
	}
	s.sync(t)
	s.requireEqual(t, l)
	s.requireWindows(t, l, synced.Tables)
	second := s.query(t, l, watermarks)
	require.Len(t, second, clients)
	for i := range second {
		require.Less(t, first[i], second[i], "each watermark has advanced")
	}

	versions, kept := s.versions(t, l), s.query(t, l, changes)
	s.sync(t)
	s.requireEqual(t, l)
	require.Equal(t, kept, s.query(t, l, changes), "a rerun changes nothing")
	if s.central.spark == nil { // Spark commits a merge that changes nothing too
		require.Equal(t, versions, s.versions(t, l), "a rerun commits nothing")
	}
	require.Equal(t, []string{fmt.Sprintf("%d|ok", tables)}, s.query(t, l, "select count(*), max(status) from sync_log"))
	require.Equal(t, []string{fmt.Sprintf("%d|%d|ok|ok", 3*tables, 3*tables)}, s.query(t, l, "select count(*), count(distinct run_id), min(status), max(status) from sync_runs"))
	require.Empty(t, s.staged(t))

	acme := s.clients[0]
	acme.server.ExecIn(t, acme.Database, `alter table orders add column channel varchar(20) null; update orders set channel = 'web' where id in (4, 5)`)
	s.sync(t)
	s.requireEqual(t, l)
	require.Equal(t, []string{"acme|4|web", "acme|5|web"}, s.query(t, l, "select client_id, id, channel from orders where channel is not null order by id"))
}

// ageRows has every row of orders and customers changed an hour earlier, so that no later run's overlap holds it.
func (s *stack) ageRows(t *testing.T) {
	t.Helper()
	for _, c := range s.clients {
		for _, name := range []string{"orders", "customers"} {
			c.server.ExecIn(t, c.Database, "update "+name+" set updated_at = updated_at - interval 1 hour")
		}
	}
}

// requireWindows requires that the last run of each client table read only its window's rows: those of changeRows, the
// overlap of events, and all of stock, which has no cursor.
func (s *stack) requireWindows(t *testing.T, l lake.Lake, specs []table.Spec) {
	t.Helper()
	read := map[string]string{"customers": "customers|2|2", "events": "events|6|6", "orders": "orders|25|25", "stock": "stock|49|49"}
	var want []string
	for _, spec := range specs {
		want = append(want, read[spec.Name])
	}
	slices.Sort(want)
	require.Equal(t, want, s.query(t, l, `
		select table_name, min(r), max(r) from (select table_name, rows_read r, row_number() over (partition by client_id, table_name order by started_at desc) n from sync_runs)
		where n = 1 group by 1 order by 1`), "only the window's rows are read")
}

// watermarks are those of orders, which every run advances; changes are what all runs have changed.
const (
	watermarks = "select client_id, watermark, last_sync_timestamp from sync_log where table_name = 'orders' order by 1"
	changes    = "select sum(rows_inserted), sum(rows_updated), sum(rows_deleted) from sync_runs"
)

func (s *stack) quarantined(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(s.dir, "scratch", "quarantine", "*", "*", "orders", "*.parquet"))
	require.NoError(t, err)
	return files
}

func (s *stack) versions(t *testing.T, l lake.Lake) map[string]int64 {
	t.Helper()
	versions := map[string]int64{}
	synced, err := s.config(t).Sync("daily")
	require.NoError(t, err)
	for _, spec := range synced.Tables {
		name := spec.Target
		described, err := l.Describe(t.Context(), s.central.schema, name)
		require.NoError(t, err)
		versions[name] = described.Version
	}
	return versions
}

func TestSyncGoesOnWithoutAClientThatIsDownAndCatchesUp(t *testing.T) {
	s := newStack(t, dailySync)
	s.startWorker(t)
	l := s.lake(t)
	require.NoError(t, s.servers["us"].Stop())

	err := s.wait(t, s.start(t))
	require.ErrorContains(t, err, "8 of 24 client tables failed")
	require.Contains(t, workflows.Reason(err), "brio")
	s.requireEqual(t, l, "brio", "edda")
	require.Equal(t, []string{"failed|8", "ok|16"}, s.query(t, l, "select status, count(*) from sync_log group by 1 order by 1"))

	s.requireReplayable(t, "down")

	require.NoError(t, s.servers["us"].Start())
	s.sync(t)
	s.requireEqual(t, l)
}

func TestSyncOfTwoWorkerProcessesLosesNothing(t *testing.T) {
	s := newStack(t, dailySync)
	s.startProcess(t)
	s.startProcess(t)
	l := s.lake(t)
	for range 3 {
		s.sync(t)
		s.requireEqual(t, l)
		for _, c := range s.clients {
			c.server.ExecIn(t, c.Database, "update orders set note = concat('again ', now(6)) where id % 7 = 0; update stock set quantity = quantity + 1;")
		}
	}
	s.sync(t)
	s.requireEqual(t, l)
}

func TestBackfillReadsItsRangeAndLeavesTheWatermark(t *testing.T) {
	s := newStack(t, dailySync)
	s.startWorker(t)
	l := s.lake(t)
	s.sync(t)
	before := s.query(t, l, "select client_id, table_name, watermark from sync_log order by 1, 2")

	run := s.startInput(t, "backfill/daily", workflows.SyncInput{
		Select: workflows.Selection{Clients: []string{"acme"}, Tables: []string{"events"}},
		Mode:   workflows.Mode{From: "100", To: "150"},
	})
	require.NoError(t, s.wait(t, run))
	s.requireEqual(t, l)
	require.Equal(t, before, s.query(t, l, "select client_id, table_name, watermark from sync_log order by 1, 2"))
	require.Equal(t, []string{"50|acme|events"}, s.query(t, l, "select rows_read, client_id, table_name from sync_runs where backfill"))
}

func TestReloadDeletesWhatTheSourceNoLongerHas(t *testing.T) {
	s := newStack(t, dailySync)
	s.startWorker(t)
	l := s.lake(t)
	s.sync(t)
	for _, c := range s.clients {
		c.server.ExecIn(t, c.Database, "delete from orders where id between 100 and 199; delete from customers where id = 9")
	}
	run := s.startInput(t, "sync/daily/full", workflows.SyncInput{Mode: workflows.Mode{Reload: true}})
	require.NoError(t, s.wait(t, run))
	s.requireEqual(t, l)
}

// killPoints are moments of a run, each told by a file. Some of these are there only for a moment.
var killPoints = map[string]string{
	"extract begins":              "scratch/worker-*/*/raw/*",
	"validated, transform writes": "scratch/worker-*/*/clean/*",
	"staged, before the merge":    "lake/_staging/*/*",
	"merge writes":                "lake/central/big/region=eu/*/*.parquet",
	"merge committed":             "lake/central/big/_delta_log/00000000000000000000.json",
	"logged":                      "lake/central/sync_runs/_delta_log/00000000000000000000.json",
}

// bigSync is for workers that are killed: it finds out soon, and a stalled machine uses up many attempts.
const bigSync = `
target: {{.Target}}
retry: {attempts: 30, initial: 200ms, max: 1s}
timeouts: {extract: 10m, step: 10m, heartbeat: 6s}
clients: [acme]
tables:
  - {name: big, cursor: updated_at}
`

func TestSyncSurvivesAKilledWorker(t *testing.T) {
	for point, glob := range killPoints {
		t.Run(point, func(t *testing.T) {
			t.Parallel()
			s := newBigStack(t, bigSync)
			run, runs := s.killAt(t, glob)
			s.startProcess(t)
			require.NoError(t, s.wait(t, run))
			l := s.lake(t)
			acme := s.clients[0]
			require.Equal(t, acme.rows(t, "select id, note, n from big order by id"), s.query(t, l, "select id, note, n from big order by id"))
			require.Equal(t, []string{fmt.Sprintf("%d|ok|ok|300000|300000", runs)},
				s.query(t, l, "select count(*), min(status), max(status), min(rows_staged), max(rows_staged) from sync_runs"))
			left, err := filepath.Glob(filepath.Join(s.dir, "lake/_staging/*"))
			require.NoError(t, err)
			require.Empty(t, left, "staging is removed")
			s.requireReplayable(t, "killed")
		})
	}
}

// killAt kills a worker when its run is at the point, and returns the run, and how many it took: on a loaded machine, a run may be past
// its point before it was seen there.
func (s *stack) killAt(t *testing.T, glob string) (run client.WorkflowRun, runs int) {
	t.Helper()
	worker := s.startProcess(t)
	for runs = 1; ; runs++ {
		run = s.startInput(t, workflows.SyncID("daily"), workflows.SyncInput{Mode: workflows.Mode{Reload: runs > 1}})
		ended := make(chan error, 1)
		go func() { ended <- run.Get(t.Context(), nil) }()
		if killUnless(t, worker, filepath.Join(s.dir, glob), ended) {
			return run, runs
		}
		require.Less(t, runs, 20, "no run was seen at %s", glob)
	}
}

// killUnless kills the worker as soon as a file matches, and returns whether one did before the run ended.
func killUnless(t *testing.T, worker *exec.Cmd, glob string, ended <-chan error) bool {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Minute); ; time.Sleep(500 * time.Microsecond) {
		found, err := filepath.Glob(glob)
		require.NoError(t, err)
		if len(found) > 0 {
			require.NoError(t, worker.Process.Kill())
			return true
		}
		select {
		case err := <-ended:
			require.NoError(t, err)
			return false
		default:
			require.Less(t, time.Now(), deadline, "nothing matched %s", glob)
		}
	}
}

func newBigStack(t *testing.T, sync string) *stack {
	t.Helper()
	return newBigStackOn(t, localLake(t), sync, 300000)
}

func newBigStackOn(t *testing.T, central centralLake, sync string, rows int) *stack {
	t.Helper()
	s := &stack{dir: t.TempDir(), temporal: testserver.Temporal(t), central: central}
	server := testserver.MariaDB(t)
	s.clients = []tenant{{ID: "acme", Region: "eu", Database: server.Database(t, "acme"), server: server}}
	s.configure(t, sync)
	server.ExecIn(t, s.clients[0].Database, fmt.Sprintf(`create table big (id int not null primary key, note varchar(100), n bigint, updated_at timestamp(6) not null default current_timestamp(6));
		insert into big (id, note, n) select seq, concat('row ', seq), seq * 7 from seq_1_to_%d`, rows))
	return s
}

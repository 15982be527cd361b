package tests

import (
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"
)

const slowSync = `
target: {schema: central}
retry: {attempts: 4, initial: 200ms, max: 1s}
timeouts: {extract: 10m, step: 10m, heartbeat: 1m}
clients: [acme]
tables:
  - {name: big, cursor: updated_at, where: "sleep(1) = 0"}
`

func TestACancelledSyncStopsItsQueriesAndLeavesNothingButItsRecord(t *testing.T) {
	s := newBigStack(t, slowSync)
	s.startWorker(t)
	acme := s.clients[0]
	const running = "select count(*) from information_schema.processlist where info like 'select%sleep(1)%' and info not like '%processlist%'"
	run := s.start(t)
	require.Eventually(t, func() bool { return acme.rows(t, running)[0] == "1" }, 2*time.Minute, 50*time.Millisecond)

	require.NoError(t, s.temporal.Client.CancelWorkflow(t.Context(), run.GetID(), run.GetRunID()))
	err := s.wait(t, run)
	require.True(t, temporal.IsCanceledError(err), "%v", err)
	requireStopped(t, acme, running)

	l := s.lake(t)
	require.Equal(t, []string{"cancelled|NULL"}, s.query(t, l, "select status, watermark from sync_log"))
	require.Equal(t, []string{"cancelled|0"}, s.query(t, l, "select status, rows_staged from sync_runs"))
	for _, left := range []string{"lake/_staging/*", "scratch/worker-*/*-*"} {
		found, err := filepath.Glob(filepath.Join(s.dir, left))
		require.NoError(t, err)
		require.Empty(t, found)
	}
	s.requireReplayable(t, "cancelled")
}

// requireStopped waits for the server to end a query that was killed, but not for the hours that the query takes.
func requireStopped(t *testing.T, c tenant, running string) {
	t.Helper()
	require.Eventually(t, func() bool { return c.rows(t, running)[0] == "0" }, 2*time.Minute, 50*time.Millisecond, "the query goes on at the server")
}

// It takes an hour to read the table, until the pace is changed.
const steadySync = `
target: {schema: central}
retry: {attempts: 4, initial: 200ms, max: 1s}
timeouts: {extract: 10m, step: 10m, heartbeat: 4s}
clients: [acme]
tables:
  - {name: big, cursor: updated_at, where: "id % 100 <> 0 or sleep((select seconds from pace)) = 0"}
`

func TestAWorkerThatIsStoppedHandsItsTableOver(t *testing.T) {
	t.Parallel()
	s := newBigStack(t, steadySync)
	acme := s.clients[0]
	acme.server.ExecIn(t, acme.Database, "create table pace (seconds double not null); insert into pace values (1)")
	first := s.startProcess(t)
	const running = "select count(*) from information_schema.processlist where info like 'select%sleep((select%' and info not like '%processlist%'"
	run := s.start(t)
	require.Eventually(t, func() bool { return acme.rows(t, running)[0] == "1" }, 2*time.Minute, 50*time.Millisecond)

	require.NoError(t, first.Process.Signal(syscall.SIGTERM))
	require.NoError(t, first.Wait(), "it ends by itself, without an error")
	requireStopped(t, acme, running)
	left, err := filepath.Glob(filepath.Join(s.dir, "scratch/worker-*"))
	require.NoError(t, err)
	require.Empty(t, left)

	acme.server.ExecIn(t, acme.Database, "update pace set seconds = 0")
	s.startProcess(t)
	require.NoError(t, s.wait(t, run))
	l := s.lake(t)
	require.Equal(t, acme.rows(t, "select id, note, n from big order by id"), s.query(t, l, "select id, note, n from big order by id"))
	require.Equal(t, []string{"1|ok|300000"}, s.query(t, l, "select count(*), max(status), max(rows_staged) from sync_runs"))
}

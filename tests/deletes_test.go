package tests

import (
	"fmt"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"tributary/internal/lake"
	"tributary/workflows"
)

var reconcilingSync = `
target: {schema: central}
retry: {attempts: 4, initial: 200ms, max: 1s}
timeouts: {extract: 10m, step: 10m, heartbeat: 3s}
clients: [acme]
tables:
  - name: big
    cursor: updated_at
    where: ` + holdUp(15_002) + `
    transform: [{column: id, hash: sha256}]
    deletes: {reconcile: true, max_share: 0.1}
  - {name: stock}
`

const hashed = "select sha2(id, 256), note, n from big order by 1"

// requireSame requires that the lake has the rows of both tables, and no others.
func (s *stack) requireSame(t *testing.T, l lake.Lake, when string) {
	t.Helper()
	require.Equal(t, s.clients[0].rows(t, hashed), s.query(t, l, "select id, note, n from big order by id"), when)
	require.Equal(t, s.clients[0].rows(t, "select id from stock order by id"), s.query(t, l, "select id from stock order by id"), when)
}

func TestDeletesAtTheSourceReachTheLakeUnlessTheyAreTooMany(t *testing.T) {
	s := newBigStackOn(t, localLake(t), reconcilingSync, 20000)
	acme := s.clients[0]
	exec := func(sql string) { t.Helper(); acme.server.ExecIn(t, acme.Database, sql) }
	exec("create table stock (id int not null primary key); insert into stock select seq from seq_1_to_300")
	exec("update big set updated_at = '2020-01-01' where id = 15002") // no later window has it, but for that of the ids
	whole, worker := t, s.startProcess(t)
	l := s.lake(t)
	s.sync(t)
	s.requireSame(t, l, "first run")

	t.Run("OK: a worker that is killed while it reads the ids, beside writers", func(t *testing.T) {
		exec("delete from big where id % 50 = 7; update big set note = 'changed', updated_at = now(6) where id % 1000 = 3; delete from stock where id < 10")
		stop, stopped := make(chan struct{}), make(chan struct{})
		go func() {
			defer close(stopped)
			for n := 0; ; n++ {
				select {
				case <-stop:
					return
				default:
					exec(fmt.Sprintf("insert into big (id, note, n) values (%d, 'during', 1); delete from big where id in (%d, %d)", 100000+n, 100*n+1, 100000+n-5+n%3))
				}
			}
		}()
		letGo := acme.holdUp(t)
		run := s.start(t)
		acme.awaitHeldUp(t)
		found, err := filepath.Glob(filepath.Join(s.dir, "scratch/worker-*/*/keys"))
		require.NoError(t, err)
		require.Len(t, found, 1, "the rows are read, and the ids are not")
		require.NoError(t, worker.Process.Kill())
		letGo()
		s.startProcess(whole)
		require.NoError(t, s.wait(t, run))
		close(stop)
		<-stopped
		s.sync(t)
		s.requireSame(t, l, "writers have stopped")
	})
	t.Run("OK: a run without a change commits nothing", func(t *testing.T) {
		exec("update big set updated_at = updated_at - interval 1 hour")
		versions := s.versions(t, l)
		s.sync(t)
		require.Equal(t, versions, s.versions(t, l))
	})
	t.Run("OK: only a delete, and none by a backfill", func(t *testing.T) {
		exec("delete from big where id = 2")
		backfill := workflows.SyncInput{Select: workflows.Selection{Tables: []string{"big"}}, Mode: workflows.Mode{From: "2000-01-01 00:00:00.000000", To: "2000-01-02 00:00:00.000000"}}
		require.NoError(t, s.wait(t, s.startInput(t, "backfill/daily", backfill)))
		require.Equal(t, []string{"0"}, s.query(t, l, "select rows_deleted from sync_runs where backfill"))
		s.sync(t)
		s.requireSame(t, l, "one row is gone")
		require.Equal(t, []string{"0|1"}, s.query(t, l, "select rows_read, rows_deleted from sync_runs where table_name = 'big' order by started_at desc limit 1"))
	})
	t.Run("Err: too many, once allowed", func(t *testing.T) {
		before := []state{s.state(t, l, "acme", "big"), s.state(t, l, "acme", "stock")}
		exec("delete from big where id % 5 = 0; delete from stock")
		require.Error(t, s.wait(t, s.start(t)))
		s.requireFailure(t, l, "acme", "big", 1, "too many deletes", "deletes.max_share is 10 %", "tributary run daily --client acme --table big --allow-deletes")
		s.requireFailure(t, l, "acme", "stock", 1, "291 of its 291 rows (100 %)", "deletes.max_share is 50 %")
		after := []state{s.state(t, l, "acme", "big"), s.state(t, l, "acme", "stock")}
		require.Equal(t, before, after, "nothing is half-done")

		require.NoError(t, s.wait(t, s.startInput(t, "sync/daily/once", workflows.SyncInput{Mode: workflows.Mode{AllowDeletes: true}})))
		s.requireSame(t, l, "it was allowed")
		require.Equal(t, []string{"0"}, s.query(t, l, "select count(*) from stock"))
	})
}

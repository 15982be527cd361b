package tests

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestFullLoadGoesOnAfterItsWorkerWasKilled has six chunks, read one after the other and slowly enough that a worker dies between.
func TestFullLoadGoesOnAfterItsWorkerWasKilled(t *testing.T) {
	t.Parallel()
	s := newBigStack(t, bigSync)
	s.append(t, "tributary.yaml", "\nlimits: {rows_per_second: 60000, max_statement_time: 5s, table_connections: 1}\n")
	acme := s.clients[0]
	acme.server.ExecIn(t, acme.Database, "analyze table big")

	worker := s.startProcess(t)
	run := s.start(t)
	killWhen(t, worker, filepath.Join(s.dir, "scratch/worker-*/*/raw/manifest.json"))
	acme.server.ExecIn(t, acme.Database, "update big set note = 'behind its cursor' where id = 1")
	s.startProcess(t)
	require.NoError(t, s.wait(t, run))
	l := s.lake(t)
	require.Equal(t, []string{"row 1"}, s.query(t, l, "select note from big where id = 1"), "its chunk was read before, and not again")
	require.Equal(t, acme.rows(t, "select id, note, n from big where id > 1 order by id"), s.query(t, l, "select id, note, n from big where id > 1 order by id"))
	require.Equal(t, []string{"1|ok|300000"}, s.query(t, l, "select count(*), max(status), max(rows_staged) from sync_runs"))
	left, err := filepath.Glob(filepath.Join(s.dir, "scratch/worker-*/*-*"))
	require.NoError(t, err)
	require.Empty(t, left)
	s.requireReplayable(t, "resumed")
}

// append adds to a file of the config directory.
func (s *stack) append(t *testing.T, name, text string) {
	t.Helper()
	file, err := os.OpenFile(filepath.Join(s.dir, name), os.O_APPEND|os.O_WRONLY, 0)
	require.NoError(t, err)
	_, err = file.WriteString(text)
	require.NoError(t, err)
	require.NoError(t, file.Close())
}

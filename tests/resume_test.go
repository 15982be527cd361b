package tests

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestFullLoadGoesOnAfterItsWorkerWasKilled has some chunks, by what may be read in 12 s, one after the other, and holds the worker up in a later one
// until it is killed.
func TestFullLoadGoesOnAfterItsWorkerWasKilled(t *testing.T) {
	t.Parallel()
	s := newBigStack(t, strings.Replace(bigSync, "{name: big,", "{name: big, where: "+holdUp(250_000)+",", 1))
	s.append(t, "tributary.yaml", "\nlimits: {max_statement_time: 12s, table_connections: 1}\n")
	acme := s.clients[0]
	acme.server.ExecIn(t, acme.Database, "analyze table big")

	worker, letGo := s.startProcess(t), acme.holdUp(t)
	run := s.start(t)
	acme.awaitHeldUp(t)
	s.requireChunksRead(t)
	require.NoError(t, worker.Process.Kill())
	letGo()
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

// requireChunksRead requires that the run on the worker's scratch disk has read chunks of its table.
func (s *stack) requireChunksRead(t *testing.T) {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(s.dir, "scratch/worker-*/*/raw/manifest.json"))
	require.NoError(t, err)
	require.Len(t, found, 1)
	text, err := os.ReadFile(found[0])
	require.NoError(t, err)
	require.Contains(t, string(text), `"done":true`)
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

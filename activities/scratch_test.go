package activities

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tributary/internal/table"
)

func TestScratchSweepsOnlyFoldersOfProcessesThatHaveEnded(t *testing.T) {
	root := t.TempDir()
	alive, err := OpenScratch(root)
	require.NoError(t, err)
	killed := filepath.Join(root, "worker-killed")
	for _, dir := range []string{alive.Run("run", "raw"), filepath.Join(killed, "run", "raw"), filepath.Join(root, "quarantine")} {
		require.NoError(t, os.MkdirAll(dir, 0o700))
	}

	other, err := OpenScratch(root)
	require.NoError(t, err)
	require.DirExists(t, alive.Run("run", "raw"))
	require.DirExists(t, filepath.Join(root, "quarantine"))
	require.NoDirExists(t, killed)

	require.NoError(t, alive.Remove("run"))
	require.NoDirExists(t, alive.Run("run"))
	require.NoError(t, alive.Remove("run"), "repeating it is safe")
	require.Eventually(t, func() bool {
		left, err := os.ReadDir(filepath.Join(alive.Dir(), removedFolder))
		return err == nil && len(left) == 0
	}, time.Minute, time.Millisecond)
	require.NoError(t, alive.Close())
	require.NoDirExists(t, alive.Dir())
	require.NoError(t, other.Close())
	require.DirExists(t, filepath.Join(root, "quarantine"))
}

// finished leaves a run's folder as Extract does when it has read a chunk and is killed.
func finished(t *testing.T, worker, run string) {
	t.Helper()
	dir := filepath.Join(worker, run, rawFolder)
	require.NoError(t, os.MkdirAll(dir, 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "manifest.json"), []byte(`{"chunks": [{"done": true}, {}]}`), 0o600))
	require.NoError(t, os.MkdirAll(filepath.Join(worker, run, "clean"), 0o700))
}

func TestScratchKeepsFinishedChunksForTheRunThatReadThem(t *testing.T) {
	root := t.TempDir()
	killed := filepath.Join(root, "worker-killed")
	require.NoError(t, os.MkdirAll(filepath.Join(killed, "other", rawFolder), 0o700))
	for _, run := range []string{"run", "second", "old"} {
		finished(t, killed, run)
	}
	finished(t, filepath.Join(killed, removedFolder), "done") // as one that was killed while it removed it
	long := time.Now().Add(-2 * keepFor)
	require.NoError(t, os.Chtimes(filepath.Join(killed, "old", rawFolder), long, long))

	alive, err := OpenScratch(root)
	require.NoError(t, err)
	require.NoDirExists(t, filepath.Join(killed, "other"))
	require.NoDirExists(t, filepath.Join(killed, removedFolder))
	require.NoDirExists(t, filepath.Join(killed, "old"), "nobody came for it")
	finished(t, alive.Dir(), "mine")
	next, err := OpenScratch(root)
	require.NoError(t, err)
	require.NoError(t, next.Adopt("mine"))
	require.NoDirExists(t, next.Run("mine"), "its process is alive")
	require.NoError(t, next.Adopt("unknown"))

	require.NoError(t, next.Adopt("run"))
	require.FileExists(t, next.Run("run", rawFolder, "manifest.json"))
	require.NoDirExists(t, next.Run("run", "clean"), "made anew")
	require.NoDirExists(t, filepath.Join(killed, "run"))
	require.NoError(t, next.Adopt("second"))
	require.NoDirExists(t, killed, "nothing is left there")

	require.NoError(t, alive.Close())
	require.NoError(t, next.Adopt("mine"))
	require.FileExists(t, next.Run("mine", rawFolder, "manifest.json"), "its process has ended in order")
	require.NoError(t, next.Remove("mine"))
	require.NoError(t, next.Remove("run"))
	require.NoError(t, next.Remove("second"))
	require.NoError(t, next.Close())
	left, err := filepath.Glob(filepath.Join(root, "worker-*"))
	require.NoError(t, err)
	require.Empty(t, left)
}

func TestScratchKeepsQuarantinedRowsOnceHoweverOftenItIsAsked(t *testing.T) {
	s, err := OpenScratch(t.TempDir())
	require.NoError(t, err)
	ref := table.Ref{Schema: "central", Client: "a/../b", Table: "orders"}
	var kept *table.File
	for _, text := range []string{"first", "second"} {
		file := table.File{Path: filepath.Join(s.Run("run"), "rows.parquet"), Rows: 3}
		require.NoError(t, os.MkdirAll(s.Run("run"), 0o700))
		require.NoError(t, os.RemoveAll(file.Path)) // as a repeated Validate does
		require.NoError(t, os.WriteFile(file.Path, []byte(text), 0o600))
		kept, err = s.Keep(ref, "run", &file)
		require.NoError(t, err)
	}
	require.NoError(t, s.Remove("run"))
	require.NoError(t, s.Close())
	content, err := os.ReadFile(kept.Path)
	require.NoError(t, err)
	require.Equal(t, "second", string(content))
	relative, err := filepath.Rel(s.root, kept.Path)
	require.NoError(t, err)
	require.Equal(t, filepath.Join("quarantine", "central", "a%2F..%2Fb", "orders", "run.parquet"), relative)

	none, err := s.Keep(ref, "run", nil)
	require.NoError(t, err)
	require.Nil(t, none)
}

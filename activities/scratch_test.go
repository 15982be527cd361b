package activities

import (
	"os"
	"path/filepath"
	"testing"

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
	require.NoError(t, alive.Close())
	require.NoDirExists(t, alive.Dir())
	require.NoError(t, other.Close())
	require.DirExists(t, filepath.Join(root, "quarantine"))
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

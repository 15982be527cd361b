package sparksql_test

import (
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"tributary/internal/lake"
	"tributary/internal/lake/sparksql"
	"tributary/internal/table"
	"tributary/internal/testserver/workspace"
)

func TestFullStagingFolderIsSaid(t *testing.T) {
	staging := t.TempDir()
	l, err := sparksql.OpenSpark(sparksql.SparkOptions{URL: "http://127.0.0.1:1/cliservice", Staging: staging})
	require.NoError(t, err)
	defer func() { require.NoError(t, l.Close()) }()

	elsewhere, err := os.MkdirTemp("/dev/shm", "tributary-") //nolint:usetesting // another file system: the file is copied, not moved
	require.NoError(t, err)
	defer func() { require.NoError(t, os.RemoveAll(elsewhere)) }()
	file := table.File{Path: filepath.Join(elsewhere, "rows.parquet"), Rows: 1, Bytes: 4}
	require.NoError(t, os.WriteFile(file.Path, []byte("PAR1"), 0o600))
	part := filepath.Join(staging, "brun", "b1", "00000.parquet.part")
	require.NoError(t, os.MkdirAll(filepath.Dir(part), 0o755))
	require.NoError(t, os.Symlink("/dev/full", part)) // it takes no byte

	_, err = l.Stage(t.Context(), "run/1", []table.File{file})
	requireRetryable(t, err)
	require.ErrorContains(t, err, "lake.staging is full")
	require.FileExists(t, file.Path, "it can be staged again")
	require.NoFileExists(t, part)

	staged, err := l.Stage(t.Context(), "run/1", []table.File{file})
	require.NoError(t, err, "once there is room")
	require.FileExists(t, staged[0].Path)
}

func TestStagingFolderThatCannotBeMade(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	_, err := sparksql.OpenSpark(sparksql.SparkOptions{URL: "http://127.0.0.1:1/cliservice", Staging: filepath.Join(file, "staging")})
	require.ErrorIs(t, err, lake.ErrSetup)
	require.ErrorContains(t, err, "lake.staging")
}

func TestFullVolumeIsSaid(t *testing.T) {
	w := workspace.Start(t, workspace.Options{})
	l := openDatabricks(t, w)
	files := []table.File{parquetFile(t, oneRow)}
	w.Fail(workspace.Fault{Method: http.MethodPut, Prefix: "/api/2.0/fs/files", Status: http.StatusInsufficientStorage, Code: "RESOURCE_EXHAUSTED", Message: "No room", Times: 100})
	_, err := l.Stage(t.Context(), "run/1", files)
	requireRetryable(t, err)
	require.ErrorContains(t, err, "full")
	w.NoFaults()
	staged, err := l.Stage(t.Context(), "run/1", files)
	require.NoError(t, err)
	require.Equal(t, "/Volumes/main/central/staging/runs/brun/b1/00000.parquet", staged[0].Path)
}

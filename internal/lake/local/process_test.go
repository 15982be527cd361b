package local

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tributary/internal/lake"
	"tributary/internal/table"
)

// TestMain makes the test binary a worker of its own when TRIBUTARY_MERGE_CLIENT names a client: it merges
// that client's batches one after the other, as another process would.
func TestMain(m *testing.M) {
	client := os.Getenv("TRIBUTARY_MERGE_CLIENT")
	if client == "" {
		os.Exit(m.Run())
	}
	if err := mergeAll(context.Background(), os.Getenv("TRIBUTARY_MERGE_DIR"), client, os.Getenv("TRIBUTARY_MERGE_MODE")); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

const (
	workerBatches = 6
	workerRows    = 500
)

// Modes of mergeAll.
const (
	rewriting = "rewriting files"
	marking   = "marking rows in deletion vectors"
)

// mergeAll merges workerBatches batches into a table without partitions, so that every process conflicts with every other.
func mergeAll(ctx context.Context, dir, client, mode string) error {
	l, err := Open(ctx, Options{Dir: dir, Threads: 1})
	if err != nil {
		return err
	}
	defer l.Close()
	var properties map[string]string
	if mode == marking {
		l.masking, properties = masking{share: 1}, withVectors
	}
	for i := range workerBatches {
		b, err := stageRows(ctx, l, client, fmt.Sprintf("SELECT range + %d AS id, %d AS round FROM range(%d)", i*workerRows/2, i, workerRows))
		if err != nil {
			return err
		}
		b.Properties = properties
		if _, err := l.Merge(ctx, []table.Batch{b}); err != nil {
			return err
		}
		fmt.Println("merged", i)
	}
	return nil
}

// stageRows stages rows with columns id BIGINT and round INTEGER.
func stageRows(ctx context.Context, l *Lake, client, rows string) (table.Batch, error) {
	ref := table.Ref{Client: client, Region: "eu", Schema: "central", Table: "orders"}
	b := table.Batch{ID: fmt.Sprintf("%s-%d", client, time.Now().UnixNano()), Ref: ref, Keys: []string{"id"}, PartitionBy: []string{},
		Schema: table.Schema{{Name: "id", Type: table.Long}, {Name: "round", Type: table.Integer},
			{Name: table.ClientColumn, Type: table.String}, {Name: table.RegionColumn, Type: table.String}}}
	path := filepath.Join(l.dir, stagingDir, folderName(b.ID)+".parquet")
	db, err := sql.Open("duckdb", "")
	if err != nil {
		return b, err
	}
	defer db.Close()
	query := fmt.Sprintf("COPY (SELECT id, round::INTEGER AS round, %s AS client_id, 'eu' AS region FROM (%s)) TO %s (FORMAT parquet)",
		table.Literal(client), rows, table.Literal(path))
	result, err := db.ExecContext(ctx, query)
	if err != nil {
		return b, err
	}
	b.Rows, _ = result.RowsAffected()
	b.Files, err = l.Stage(ctx, b.ID, []table.File{{Path: path, Rows: b.Rows, Bytes: 1}})
	return b, err
}

// wantRows is how many rows a worker's batches leave: they overlap by half.
const wantRows = workerRows/2*(workerBatches-1) + workerRows

func requireWorkerRows(t *testing.T, l *Lake, clients ...string) {
	t.Helper()
	for _, client := range clients {
		query := fmt.Sprintf("SELECT count(*), count(DISTINCT id), max(round)::BIGINT, sum(round)::BIGINT FROM orders WHERE client_id = %s", table.Literal(client))
		rows, err := l.Query(t.Context(), "central", query, lake.At{})
		require.NoError(t, err)
		got, ok := rows.Next()
		require.True(t, ok)
		require.NoError(t, rows.Close())
		sum := workerRows / 2 * (workerBatches - 1) * (workerBatches - 2) / 2 // each round's first half survives, and all of the last
		require.Equal(t, []any{int64(wantRows), int64(wantRows), int64(workerBatches - 1), int64(sum + workerRows*(workerBatches-1))}, got, client)
	}
}

func TestConcurrentMergesLoseNothing(t *testing.T) {
	dir := t.TempDir()
	clients := []string{"a", "b", "c"}
	var wg sync.WaitGroup
	errs := make([]error, len(clients))
	for i, client := range clients {
		wg.Go(func() { errs[i] = mergeAll(t.Context(), dir, client, rewriting) })
	}
	wg.Wait()
	for _, err := range errs {
		require.NoError(t, err)
	}
	requireWorkerRows(t, open(t, dir), clients...)
}

func worker(ctx context.Context, dir, client, mode string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, os.Args[0])
	cmd.Env = append(os.Environ(), "TRIBUTARY_MERGE_CLIENT="+client, "TRIBUTARY_MERGE_DIR="+dir, "TRIBUTARY_MERGE_MODE="+mode)
	cmd.Stderr = os.Stderr
	return cmd
}

func TestProcessesMergeAtOnce(t *testing.T) {
	for _, mode := range []string{rewriting, marking} {
		t.Run(mode, func(t *testing.T) {
			dir := t.TempDir()
			clients := []string{"a", "b"}
			var commands []*exec.Cmd
			for _, client := range clients {
				cmd := worker(t.Context(), dir, client, mode)
				require.NoError(t, cmd.Start())
				commands = append(commands, cmd)
			}
			for _, cmd := range commands {
				require.NoError(t, cmd.Wait())
			}
			requireWorkerRows(t, open(t, dir), clients...)
		})
	}
}

func TestKilledMergeIsRepeated(t *testing.T) {
	for _, mode := range []string{rewriting, marking} {
		t.Run(mode, func(t *testing.T) {
			dir := t.TempDir()
			for i := range 4 {
				cmd := worker(t.Context(), dir, "a", mode)
				out, err := cmd.StdoutPipe()
				require.NoError(t, err)
				require.NoError(t, cmd.Start())
				_, err = out.Read(make([]byte, 16)) // the first merge is done: the next one runs
				require.NoError(t, err)
				time.Sleep(time.Duration(i) * 3 * time.Millisecond)
				require.NoError(t, cmd.Process.Kill())
				_ = cmd.Wait()
			}
			require.NoError(t, mergeAll(t.Context(), dir, "a", mode))
			requireWorkerRows(t, open(t, dir), "a")
		})
	}
}

// TestDeltaRsReadsTheSameRows needs Python with the package deltalake: TRIBUTARY_TEST_PYTHON names it, default python3.
func TestDeltaRsReadsTheSameRows(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir)
	for i := range workerBatches { // into partitions, of a client whose name needs escaping
		b, err := stageRows(t.Context(), l, "o'brien/ü 100%", fmt.Sprintf("SELECT range + %d AS id, %d AS round FROM range(%d)", i*workerRows/2, i, workerRows))
		require.NoError(t, err)
		b.PartitionBy = nil
		_, err = l.Merge(t.Context(), []table.Batch{b})
		require.NoError(t, err)
	}
	python := os.Getenv("TRIBUTARY_TEST_PYTHON")
	if python == "" {
		python = "python3"
	}
	const script = `
import os, sys
from deltalake import DeltaTable
t = DeltaTable(sys.argv[1]).to_pyarrow_table()
print(t.num_rows, sum(t["id"].to_pylist()), sum(t["round"].to_pylist()), *sorted(set(t["client_id"].to_pylist())), flush=True)
os._exit(0) # its threads may end the process with a signal otherwise`
	cmd := exec.CommandContext(t.Context(), python, "-c", script, filepath.Join(dir, "central", "orders"))
	cmd.Stderr = os.Stderr // its warnings are no rows
	out, err := cmd.Output()
	require.NoError(t, err, "install the Python package deltalake, or set TRIBUTARY_TEST_PYTHON: %s", out)
	rows, err := l.Query(t.Context(), "central", "SELECT count(*), sum(id)::BIGINT, sum(round)::BIGINT, any_value(client_id) FROM orders", lake.At{})
	require.NoError(t, err)
	got, _ := rows.Next()
	require.NoError(t, rows.Close())
	require.Equal(t, strings.TrimSpace(fmt.Sprintln(got...)), strings.TrimSpace(string(out)))
	require.Equal(t, strconv.Itoa(wantRows), strings.Fields(string(out))[0])
}

func TestOpenErrNotWritable(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	_, err := Open(t.Context(), Options{Dir: filepath.Join(file, "lake")})
	require.ErrorContains(t, err, "cannot be written")
}

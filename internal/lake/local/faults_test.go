package local

import (
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tributary/internal/lake"
	"tributary/internal/table"
)

// limitFiles makes every write beyond that many bytes of a file fail, as on a full disk, until the returned call. It holds for go test's
// own log of opened files too: tests that open many are in files that sort after this one.
func limitFiles(t *testing.T, bytes uint64) (lift func()) {
	t.Helper()
	signal.Ignore(syscall.SIGXFSZ) // or a write by a thread of DuckDB's ends the process
	var before syscall.Rlimit
	require.NoError(t, syscall.Getrlimit(syscall.RLIMIT_FSIZE, &before))
	require.NoError(t, syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: bytes, Max: before.Max}))
	return sync.OnceFunc(func() {
		require.NoError(t, syscall.Setrlimit(syscall.RLIMIT_FSIZE, &before))
		signal.Reset(syscall.SIGXFSZ)
	})
}

// dataFiles lists the Parquet files of a table's folder.
func dataFiles(t *testing.T, dir string) (found []string) {
	t.Helper()
	require.NoError(t, filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && strings.HasSuffix(path, ".parquet") {
			found = append(found, path)
		}
		return err
	}))
	return found
}

func one(t *testing.T, l *Lake, query string) string {
	t.Helper()
	rows, err := l.Query(t.Context(), "central", query, lake.At{})
	require.NoError(t, err)
	row, ok := rows.Next()
	require.True(t, ok)
	require.NoError(t, rows.Close())
	return strings.TrimSpace(fmt.Sprintln(row...))
}

const sums = "SELECT count(*), count(DISTINCT id), sum(round)::BIGINT FROM orders"

func TestFullDiskChangesNothingAndSaysSo(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir)
	first, err := stageRows(t.Context(), l, "a", "SELECT range AS id, 0 AS round FROM range(20000)")
	require.NoError(t, err)
	_, err = l.Merge(t.Context(), []table.Batch{first})
	require.NoError(t, err)
	before, files := one(t, l, sums), dataFiles(t, filepath.Join(dir, "central"))
	next, err := stageRows(t.Context(), l, "a", "SELECT range AS id, (hash(range) % 1000000000)::INTEGER AS round FROM range(10000, 30000)")
	require.NoError(t, err)
	other, err := stageRows(t.Context(), l, "b", "SELECT range AS id, 0 AS round FROM range(10)")
	require.NoError(t, err)
	run := table.Run{Ref: next.Ref, RunID: "r", Status: table.StatusOK, Started: time.Unix(0, 0), Finished: time.Unix(1, 0)}
	copied := filepath.Join(t.TempDir(), "copied")
	for name, call := range map[string]struct {
		limit uint64
		do    func() error
	}{
		"DataFile": {8 << 10, func() error { _, err := l.Merge(t.Context(), []table.Batch{next}); return err }},
		"Commit":   {50, func() error { _, err := l.Merge(t.Context(), []table.Batch{other}); return err }}, // its staged file is linked
		"Log":      {50, func() error { return l.Log(t.Context(), []table.Run{run}) }},
		"Create": {50, func() error {
			_, err := l.Create(t.Context(), lake.Table{Schema: "central", Name: "new", Columns: next.Schema})
			return err
		}},
		"Stage": {50, func() error { return l.explain(copyFile(next.Files[0].Path, copied)) }},
	} {
		t.Run(name, func(t *testing.T) {
			lift := limitFiles(t, call.limit)
			err := call.do()
			lift()
			require.ErrorContains(t, err, "disk is full")
			require.ErrorContains(t, err, "free space in "+dir)
			require.Equal(t, before, one(t, l, sums))
			require.Equal(t, files, dataFiles(t, filepath.Join(dir, "central")), "no file stays")
			require.NoFileExists(t, copied)
		})
	}
	_, err = l.Merge(t.Context(), []table.Batch{next, other})
	require.NoError(t, err, "once there is space")
	require.NoError(t, l.Log(t.Context(), []table.Run{run}))
	require.Equal(t, "30010", one(t, l, "SELECT count(*) FROM orders"))
}

// TestOtherWriterRewroteFiles needs Python with the package deltalake, as TestDeltaRsReadsTheSameRows. The files of other
// writers lack the partition columns.
func TestOtherWriterRewroteFiles(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir)
	merge := func(rows string, set ...func(*table.Batch)) lake.MergeResult {
		b, err := stageRows(t.Context(), l, "o'brien", rows)
		require.NoError(t, err)
		b.PartitionBy = nil
		for _, change := range set {
			change(&b)
		}
		results, err := l.Merge(t.Context(), []table.Batch{b})
		require.NoError(t, err)
		return results[0]
	}
	for i := range 3 { // too many rows to join the file before
		merge(fmt.Sprintf("SELECT range + %d AS id, 0 AS round FROM range(70000)", i*70_000))
	}
	python := os.Getenv("TRIBUTARY_TEST_PYTHON")
	if python == "" {
		python = "python3"
	}
	const script = `
import os, sys
from deltalake import DeltaTable
m = DeltaTable(sys.argv[1]).optimize.compact()
print(m, flush=True)
os._exit(m["numFilesRemoved"] != 3) # its threads may end the process with a signal otherwise`
	out, err := exec.CommandContext(t.Context(), python, "-c", script, filepath.Join(dir, "central", "orders")).CombinedOutput()
	require.NoError(t, err, "install the Python package deltalake, or set TRIBUTARY_TEST_PYTHON: %s", out)

	const tenants = "SELECT DISTINCT client_id, region FROM orders"
	require.Equal(t, "210000 210000 0", one(t, l, sums))
	require.Equal(t, "o'brien eu", one(t, l, tenants))
	got := merge("SELECT range AS id, 1 AS round FROM range(209990, 210010)")
	require.Equal(t, []int64{10, 10, 0}, []int64{got.Inserted, got.Updated, got.Deleted})
	require.Equal(t, "210010 210010 20", one(t, l, sums))
	got = merge("SELECT range AS id, 1 AS round FROM range(210005)", func(b *table.Batch) { b.Reload = true })
	require.Equal(t, []int64{0, 209_990, 5}, []int64{got.Inserted, got.Updated, got.Deleted})
	require.Equal(t, "210005 210005 210005", one(t, l, sums))
	require.Equal(t, "o'brien eu", one(t, l, tenants))
}

func TestOptimizeBesideMergesLosesNothing(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir)
	const clients, batches, rows = 2, 4, 70_000 // too many rows to join the file before
	mergeAll := func(client string) error {
		for i := range batches {
			b, err := stageRows(t.Context(), l, client, fmt.Sprintf("SELECT range + %d AS id, 1 AS round FROM range(%d)", i*rows, rows))
			if err != nil {
				return err
			}
			if _, err = l.Merge(t.Context(), []table.Batch{b}); err != nil {
				return err
			}
		}
		return nil
	}
	require.NoError(t, mergeAll("first"))
	var wg sync.WaitGroup
	errs := make([]error, clients)
	for i := range clients {
		wg.Go(func() { errs[i] = mergeAll(fmt.Sprint(i)) })
	}
	done := make(chan struct{})
	go func() { wg.Wait(); close(done) }()
	compacted := 0
	for merging := true; merging; {
		select {
		case <-done:
			merging = false // and once more
		default:
		}
		removed, _, err := l.Optimize(t.Context(), "central", "orders", lake.Compaction{})
		require.NoError(t, err)
		compacted += removed
	}
	for _, err := range errs {
		require.NoError(t, err)
	}
	require.Positive(t, compacted)
	require.Equal(t, fmt.Sprint((clients+1)*batches*rows, batches*rows, (clients+1)*batches*rows), one(t, l, sums))
}

package delta

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// grow makes a table of 25 versions with adds, removes, NULL partitions, transactions and a changed schema. It has
// checkpoints at 10 and 20.
func grow(t *testing.T, properties ...string) *Table {
	t.Helper()
	tbl := create(t, t.TempDir(), properties...)
	for v := int64(1); v <= 25; v++ {
		s := snapshot(t, tbl)
		tx := Tx{Read: s, DataChange: true, Operation: "WRITE", Adds: []Add{newFile(t, tbl.Dir(), []string{"eu", "us", ""}[v%3])}}
		if v%2 == 0 {
			tx.Txns = map[string]int64{"a": v, "b": v * 2}
		}
		if v%4 == 0 {
			tx.Removes = s.Files()[:1]
			tx.Adds[0].Tags = map[string]string{"k": "v"}
		}
		if v == 15 {
			tx.Metadata = &s.Metadata
			tx.Metadata.Description = "changed"
		}
		_, err := tbl.Commit(t.Context(), tx)
		require.NoError(t, err)
	}
	return tbl
}

func TestCheckpointEqualsFullReplay(t *testing.T) {
	tbl := grow(t)
	dir := tbl.Dir()
	fromCheckpoint := snapshot(t, Open(dir))
	at20, err := Open(dir).SnapshotAt(t.Context(), 20)
	require.NoError(t, err)
	require.FileExists(t, checkpointFile(dir, 10))
	require.FileExists(t, filepath.Join(dir, logFolder, "_last_checkpoint"))
	for _, v := range []int64{10, 20} {
		require.NoError(t, os.Rename(checkpointFile(dir, v), filepath.Join(dir, "kept")))
		require.NoError(t, os.Remove(filepath.Join(dir, "kept")))
	}
	replayed := snapshot(t, Open(dir))
	requireSame(t, replayed, fromCheckpoint)
	requireSame(t, replayed, snapshot(t, tbl))
	old, err := Open(dir).SnapshotAt(t.Context(), 20)
	require.NoError(t, err)
	requireSame(t, old, at20)
	require.NotEmpty(t, replayed.tombstones)
}

func TestCheckpointStandsInForTheLog(t *testing.T) {
	dir := grow(t).Dir()
	want := snapshot(t, Open(dir))
	for v := range int64(20) {
		require.NoError(t, os.Remove(commitFile(dir, v)))
	}
	requireSame(t, want, snapshot(t, Open(dir)))
	_, err := Open(dir).SnapshotAt(t.Context(), 7)
	require.ErrorIs(t, err, ErrNotFound)
	require.ErrorContains(t, err, "cleaned up")
	_, err = Open(dir).SnapshotAt(t.Context(), 26)
	require.ErrorIs(t, err, ErrNotFound)
	history, err := Open(dir).History(t.Context(), 0)
	require.NoError(t, err)
	require.Len(t, history, 6)
	for v := int64(20); v <= 25; v++ { // nothing but the checkpoint
		require.NoError(t, os.Remove(commitFile(dir, v)))
	}
	tbl := Open(dir)
	require.EqualValues(t, 20, snapshot(t, tbl).Version)
	version, err := tbl.VersionAsOf(t.Context(), time.Now().Add(time.Hour))
	require.NoError(t, err)
	require.EqualValues(t, 20, version)
	add(t, tbl, "eu")
	require.EqualValues(t, 21, snapshot(t, Open(dir)).Version)
}

func TestDamagedCheckpoints(t *testing.T) {
	damage := map[string]func(t *testing.T, path string){
		"truncated": func(t *testing.T, path string) { require.NoError(t, os.Truncate(path, 1000)) },
		"empty":     func(t *testing.T, path string) { require.NoError(t, os.Truncate(path, 0)) },
		"rubbish":   func(t *testing.T, path string) { require.NoError(t, os.WriteFile(path, make([]byte, 5000), 0o600)) },
		"scribbled": func(t *testing.T, path string) {
			data, err := os.ReadFile(path)
			require.NoError(t, err)
			for i := 4; i < len(data)-2000; i++ {
				data[i] ^= 0x5a
			}
			require.NoError(t, os.WriteFile(path, data, 0o600))
		},
		"missing": func(t *testing.T, path string) { require.NoError(t, os.Remove(path)) },
	}
	for name, spoil := range damage {
		t.Run("OK "+name, func(t *testing.T) {
			dir := grow(t).Dir()
			want := snapshot(t, Open(dir))
			spoil(t, checkpointFile(dir, 20))
			require.NoError(t, os.WriteFile(filepath.Join(dir, logFolder, "_last_checkpoint"), []byte("{"), 0o600))
			requireSame(t, want, snapshot(t, Open(dir))) // from 10
			spoil(t, checkpointFile(dir, 10))
			requireSame(t, want, snapshot(t, Open(dir))) // from 0
			require.NoError(t, os.Remove(commitFile(dir, 3)))
			_, err := Open(dir).Snapshot(t.Context())
			require.ErrorIs(t, err, ErrCorrupt)
			require.ErrorContains(t, err, filepath.Base(commitFile(dir, 3)))
		})
	}
	t.Run("ErrProtocol version 2", func(t *testing.T) {
		dir := grow(t).Dir()
		require.NoError(t, os.WriteFile(filepath.Join(dir, logFolder, "00000000000000000025.checkpoint.80a083e8-7026-4e79-81be-64bd76c43a11.json"), []byte("{}"), 0o600))
		_, err := Open(dir).Snapshot(t.Context())
		require.ErrorIs(t, err, ErrProtocol)
	})
	t.Run("OK parts missing", func(t *testing.T) {
		dir := grow(t).Dir()
		want := snapshot(t, Open(dir))
		require.NoError(t, os.Rename(checkpointFile(dir, 20), filepath.Join(dir, logFolder, "00000000000000000020.checkpoint.0000000001.0000000002.parquet")))
		requireSame(t, want, snapshot(t, Open(dir)))
	})
}

func TestCheckpointOfSeveralParts(t *testing.T) {
	dir := grow(t).Dir()
	want := snapshot(t, Open(dir))
	at20, err := Open(dir).SnapshotAt(t.Context(), 20)
	require.NoError(t, err)
	parts := []Snapshot{*at20, *at20}
	parts[0].files, parts[1].files = at20.files[:5], at20.files[5:]
	parts[1].tombstones = nil
	for i, name := range []string{"1.0000000002", "2.0000000002"} {
		_, err := writeCheckpointFile(filepath.Join(dir, logFolder, "00000000000000000020.checkpoint.000000000"+name+".parquet"), &parts[i])
		require.NoError(t, err)
	}
	require.NoError(t, os.Remove(checkpointFile(dir, 20)))
	for v := range int64(20) {
		require.NoError(t, os.Remove(commitFile(dir, v)))
	}
	requireSame(t, want, snapshot(t, Open(dir)))
}

func TestInterruptedCheckpoint(t *testing.T) {
	for _, stage := range []string{stageDone, stageCheckpoint, stageLastCheckpoint} {
		t.Run(stage, func(t *testing.T) {
			tbl := create(t, t.TempDir(), "delta.checkpointInterval=2")
			tbl.fault = func(at string) error {
				if at == stage {
					return errors.New("disk full")
				}
				return nil
			}
			for range 3 {
				add(t, tbl, "eu") // the commit succeeds all the same
			}
			require.Len(t, snapshot(t, Open(tbl.Dir())).Files(), 3)
			tbl.fault = nil
			add(t, tbl, "eu")
			require.FileExists(t, checkpointFile(tbl.Dir(), 4))
			require.Len(t, snapshot(t, Open(tbl.Dir())).Files(), 4)
		})
	}
}

func TestCheckpointDropsExpiredTombstones(t *testing.T) {
	tbl := create(t, t.TempDir(), "delta.checkpointInterval=3", "delta.deletedFileRetentionDuration=interval 0 seconds")
	file := add(t, tbl, "eu")
	_, err := tbl.Commit(t.Context(), Tx{Read: snapshot(t, tbl), Removes: []*Add{file}, DataChange: true, Time: time.Now().Add(-time.Hour)})
	require.NoError(t, err)
	require.Len(t, snapshot(t, tbl).tombstones, 1)
	time.Sleep(5 * time.Millisecond) // the log's clock is in milliseconds
	add(t, tbl, "eu")
	require.Empty(t, snapshot(t, tbl).tombstones)
	require.Empty(t, snapshot(t, Open(tbl.Dir())).tombstones)
}

func TestLogCleanUpKeepsTimeTravel(t *testing.T) {
	tbl := create(t, t.TempDir(), "delta.checkpointInterval=5", "delta.logRetentionDuration=interval 10 days")
	start := snapshot(t, tbl).Timestamp
	now := start.Add(30 * day) // 10 days ago is version 20
	for v := 1; v <= 30; v++ {
		_, err := tbl.Commit(t.Context(), Tx{Read: snapshot(t, tbl), Adds: []Add{newFile(t, tbl.Dir(), "eu")}, DataChange: true, Time: start.Add(time.Duration(v) * day)})
		require.NoError(t, err)
	}
	want := snapshot(t, Open(tbl.Dir()))
	require.NoError(t, os.Truncate(checkpointFile(tbl.Dir(), 20), 100))
	require.Error(t, tbl.cleanLog(t.Context(), now.Add(-10*day)), "a damaged checkpoint stands in for nothing")
	require.FileExists(t, commitFile(tbl.Dir(), 0))

	require.NoError(t, tbl.cleanLog(t.Context(), now.Add(-12*day)))
	requireSame(t, want, snapshot(t, Open(tbl.Dir())))
	for v := range int64(31) {
		s, err := Open(tbl.Dir()).SnapshotAt(t.Context(), v)
		if v < 15 {
			require.ErrorIs(t, err, ErrNotFound)
			continue
		}
		require.NoError(t, err)
		require.Len(t, s.Files(), int(v))
	}
	version, err := Open(tbl.Dir()).VersionAsOf(t.Context(), now.Add(-12*day))
	require.NoError(t, err)
	require.EqualValues(t, 18, version)
	_, err = Open(tbl.Dir()).VersionAsOf(t.Context(), now.Add(-20*day))
	require.ErrorIs(t, err, ErrNotFound)
}

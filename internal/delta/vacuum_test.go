package delta

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestVacuum(t *testing.T) {
	dir := t.TempDir()
	tbl := create(t, dir, "delta.checkpointInterval=4", "delta.deletedFileRetentionDuration=interval 1 hour")
	now := time.Now()
	old := now.Add(-100 * day)
	place := func(name string, at time.Time) string {
		path := filepath.Join(dir, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, []byte("rows"), 0o600))
		require.NoError(t, os.Chtimes(path, at, at))
		return path
	}
	live, removedLately, removedLong := add(t, tbl, "a b/ü"), add(t, tbl, "eu"), add(t, tbl, "us")
	for _, r := range []struct {
		add *Add
		ago time.Duration
	}{{removedLong, 20 * day}, {removedLately, 2 * day}} {
		s := snapshot(t, tbl)
		// The log's time does not run backwards: the tombstones are dated by hand.
		require.NoError(t, os.WriteFile(commitFile(dir, s.Version+1), []byte(`{"remove":{"path":"`+r.add.Path+`","dataChange":true,"deletionTimestamp":`+
			itoa(now.Add(-r.ago).UnixMilli())+`}}`), 0o600))
	}
	add(t, tbl, "eu")
	for _, a := range []*Add{live, removedLately, removedLong} {
		require.NoError(t, os.Chtimes(a.LocalPath(dir), old, old))
	}
	orphan := place("region=eu/orphan.parquet", old)
	young := place("region=eu/young.parquet", now)
	hidden := []string{place("_hidden/x.parquet", old), place(".staging/x.parquet", old), place("region=eu/.x.crc", old), place("_delta_log/notes.txt", old)}
	leftover := place("_delta_log/.00000000000000000009.json.x.tmp", old)
	youngLeftover := place("_delta_log/.00000000000000000008.json.x.tmp", now)

	doomed, err := tbl.VacuumList(t.Context(), 7*day, now)
	require.NoError(t, err)
	require.ElementsMatch(t, []string{orphan, leftover, removedLong.LocalPath(dir)}, doomed)
	deleted, err := tbl.Vacuum(t.Context(), 7*day, now)
	require.NoError(t, err)
	require.Equal(t, 3, deleted)
	for _, path := range append(hidden, young, youngLeftover, live.LocalPath(dir), removedLately.LocalPath(dir)) {
		require.FileExists(t, path)
	}
	deleted, err = tbl.Vacuum(t.Context(), time.Hour, now)
	require.NoError(t, err)
	require.Equal(t, 1, deleted)
	require.NoFileExists(t, removedLately.LocalPath(dir))
}

// TestVacuumKeepsWhatAnUncommittedWriterMade protects files that no version has yet.
func TestVacuumKeepsWhatAnUncommittedWriterMade(t *testing.T) {
	tbl := create(t, t.TempDir())
	file := newFile(t, tbl.Dir(), "eu")
	deleted, err := tbl.Vacuum(t.Context(), time.Hour, time.Now())
	require.NoError(t, err)
	require.Zero(t, deleted)
	_, err = tbl.Commit(t.Context(), Tx{Read: snapshot(t, tbl), Adds: []Add{file}, DataChange: true})
	require.NoError(t, err)
}

func TestVacuumRefusesAbsolutePaths(t *testing.T) {
	tbl := create(t, t.TempDir())
	require.NoError(t, os.WriteFile(commitFile(tbl.Dir(), 1), []byte(`{"add":{"path":"file:`+filepath.ToSlash(tbl.Dir())+`/x.parquet","size":1}}`), 0o600))
	require.Equal(t, filepath.Join(tbl.Dir(), "x.parquet"), snapshot(t, tbl).Files()[0].LocalPath(tbl.Dir()))
	_, err := tbl.Vacuum(t.Context(), 0, time.Now())
	require.ErrorIs(t, err, ErrProtocol)
}

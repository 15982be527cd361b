package delta

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tributary/internal/table"
)

// known are the errors by which a log may be refused.
var known = []error{ErrCorrupt, ErrProtocol, ErrNotFound, ErrInvalid}

func requireKnown(t *testing.T, err error) {
	t.Helper()
	if err == nil {
		return
	}
	for _, k := range known {
		if errors.Is(err, k) {
			return
		}
	}
	t.Fatalf("neither read nor refused: %v", err)
}

const firstCommit = `{"protocol":{"minReaderVersion":3,"minWriterVersion":7,"readerFeatures":["deletionVectors"],"writerFeatures":["deletionVectors"]}}
{"metaData":{"id":"x","format":{"provider":"parquet","options":{}},"schemaString":"{\"type\":\"struct\",\"fields\":[{\"name\":\"id\",\"type\":\"long\",\"nullable\":true,\"metadata\":{}}]}","partitionColumns":[],"configuration":{}}}
`

// FuzzLog reads logs of which a commit, the checkpoint, or both are anything. None makes it panic or hang; what it reads, it writes to a
// checkpoint and reads again as the same.
func FuzzLog(f *testing.F) {
	vector := `{"add":{"path":"a","size":1,"stats":"{\"numRecords\":30}","deletionVector":{"storageType":"i","pathOrInlineDv":"^Bg9^0rr910000000000iXQKl0rr91000f55c8Xg0@@D72lkbi5=-{L","sizeInBytes":44,"cardinality":6}}}`
	f.Add([]byte(vector), []byte{})
	f.Add([]byte(vector+"\n"+`{"remove":{"path":"a","dataChange":true,"deletionTimestamp":1}}`), []byte{})
	f.Add([]byte(`{"add":{"path":"a%20b","size":1,"partitionValues":{"x":null},"tags":{"k":"v"}}}`+"\n"+`{"txn":{"appId":"a","version":3}}`), []byte("PAR1"))
	f.Add([]byte(`{"protocol":{"minReaderVersion":1,"minWriterVersion":2}}`), []byte{})
	f.Add([]byte(`{"metaData":{"id":"y","schemaString":"{\"type\":\"struct\",\"fields\":[]}","configuration":{"delta.logRetentionDuration":"x"}}}`), []byte{})
	f.Add([]byte(`{"commitInfo":{"timestamp":-1,"operationMetrics":{"a":1}}}`), checkpointOf(f))
	f.Fuzz(func(t *testing.T, commit, checkpoint []byte) {
		dir := t.TempDir()
		require.NoError(t, os.Mkdir(filepath.Join(dir, logFolder), 0o755))
		require.NoError(t, os.WriteFile(commitFile(dir, 0), []byte(firstCommit), 0o600))
		require.NoError(t, os.WriteFile(commitFile(dir, 1), commit, 0o600))
		if len(checkpoint) > 0 {
			require.NoError(t, os.WriteFile(checkpointFile(dir, 1), checkpoint, 0o600))
		}
		tbl := Open(dir)
		s, err := tbl.Snapshot(t.Context())
		requireKnown(t, err)
		_, historyErr := tbl.History(t.Context(), 0)
		requireKnown(t, historyErr)
		_, timeErr := tbl.VersionAsOf(t.Context(), time.Now())
		requireKnown(t, timeErr)
		if err == nil {
			useAll(t, tbl, s)
			requireSameAgain(t, dir, s)
		}
	})
}

// useAll asks a snapshot all that there is to ask.
func useAll(t *testing.T, tbl *Table, s *Snapshot) {
	t.Helper()
	_, err := s.Schema()
	requireKnown(t, err)
	_, err = tbl.VacuumList(t.Context(), time.Hour, time.Now())
	requireKnown(t, err)
	for _, a := range s.Files() {
		_, err := tbl.DeletedRows(a)
		requireKnown(t, err)
		stats, err := a.Statistics()
		requireKnown(t, err)
		stats.MayContain("id", table.Long, int64(1), int64(2))
		a.Records()
	}
}

// requireSameAgain writes the snapshot as a checkpoint, in place of the log before it.
func requireSameAgain(t *testing.T, dir string, s *Snapshot) {
	t.Helper()
	again := filepath.Join(dir, "again")
	require.NoError(t, os.MkdirAll(filepath.Join(again, logFolder), 0o755))
	_, err := writeCheckpointFile(checkpointFile(again, s.Version), s)
	require.NoError(t, err)
	got, err := Open(again).Snapshot(t.Context())
	require.NoError(t, err)
	require.Len(t, got.files, len(s.files))
	for i, a := range s.files {
		require.Equal(t, a.id, got.files[i].id)
		require.Equal(t, a.Stats, got.files[i].Stats)
		require.Equal(t, a.DeletionVector, got.files[i].DeletionVector)
	}
	require.Len(t, got.tombstones, len(s.tombstones))
	require.Equal(t, s.Protocol, got.Protocol)
}

// checkpointOf is a whole checkpoint file, to be spoilt.
func checkpointOf(f *testing.F) []byte {
	f.Helper()
	c, err := parseCommit([]byte(firstCommit + `{"add":{"path":"a","size":1,"stats":"{\"numRecords\":3}"}}`))
	require.NoError(f, err)
	c.version, c.timestamp = 1, time.UnixMilli(1).UTC()
	path := filepath.Join(f.TempDir(), "c.parquet")
	_, err = writeCheckpointFile(path, (&Snapshot{Version: -1}).replay([]*commit{c}))
	require.NoError(f, err)
	data, err := os.ReadFile(path)
	require.NoError(f, err)
	return data
}

// FuzzDeletionVector decodes anything as a vector; what is one is written and read as the same.
func FuzzDeletionVector(f *testing.F) {
	f.Add([]byte("^Bg9^0rr910000000000iXQKl0rr91000f55c8Xg0@@D72lkbi5=-{L"))
	f.Add([]byte("wi5b=000010000siXQKl0rr91000f55c8Xg0@@D72lkbi5=-{L"))
	f.Fuzz(func(t *testing.T, text []byte) {
		data, err := decodeZ85(string(text))
		if err == nil {
			require.Equal(t, string(text), encodeZ85(data))
		} else {
			data = text
		}
		rows, err := decodeRows(data)
		if err != nil {
			require.ErrorIs(t, err, ErrCorrupt)
			return
		}
		encoded, err := encodeRows(rows)
		require.NoError(t, err)
		again, err := decodeRows(encoded)
		require.NoError(t, err)
		require.True(t, rows.Equals(again))
	})
}

package delta

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tributary/internal/table"
)

func TestCommitAppendsAndRemoves(t *testing.T) {
	dir := t.TempDir()
	tbl := create(t, dir)
	eu, us := add(t, tbl, "eu"), add(t, tbl, "us")
	s := snapshot(t, tbl)
	require.ElementsMatch(t, []string{eu.Path, us.Path}, paths(s))

	version, err := tbl.Commit(t.Context(), Tx{
		Read: s, ReadPartitions: in("eu"), Removes: []*Add{s.file(decodePath(eu.Path))}, Adds: []Add{newFile(t, dir, "eu")}, DataChange: true,
		Txns: map[string]int64{"acme": 7}, Operation: "MERGE", Parameters: map[string]string{"keys": `["id"]`}, Metrics: map[string]string{"numTargetRowsUpdated": "1"},
	})
	require.NoError(t, err)
	require.EqualValues(t, 3, version)
	fresh := snapshot(t, Open(dir))
	requireSame(t, snapshot(t, tbl), fresh)
	require.Len(t, fresh.Files(), 2)
	require.NotContains(t, paths(fresh), eu.Path)
	got, ok := fresh.Txn("acme")
	require.True(t, ok)
	require.EqualValues(t, 7, got)
	_, ok = fresh.Txn("other")
	require.False(t, ok)
	require.Len(t, s.Files(), 2, "a snapshot does not change")
	require.Contains(t, paths(s), eu.Path)

	history, err := tbl.History(t.Context(), 2)
	require.NoError(t, err)
	require.Len(t, history, 2)
	require.Equal(t, "MERGE", history[0].Operation)
	require.Equal(t, map[string]string{"keys": `["id"]`}, history[0].Parameters)
	require.Equal(t, map[string]string{"numTargetRowsUpdated": "1"}, history[0].Metrics)
	require.EqualValues(t, 2, history[0].ReadVersion)
	require.False(t, history[0].IsBlindAppend)
	require.True(t, history[1].IsBlindAppend)
	require.Equal(t, engineInfo, history[0].EngineInfo)
}

func TestCommitChecksItsTransaction(t *testing.T) {
	dir := t.TempDir()
	tbl := create(t, dir)
	file := add(t, tbl, "eu")
	s := snapshot(t, tbl)
	in := func(change func(tx *Tx, add *Add)) Tx {
		tx := Tx{Read: s, Adds: []Add{newFile(t, dir, "eu")}, DataChange: true}
		change(&tx, &tx.Adds[0])
		return tx
	}
	metadata := func(schema table.Schema) *Metadata {
		m, err := s.Metadata.WithSchema(schema)
		require.NoError(t, err)
		return &m
	}
	cases := map[string]struct {
		want error
		tx   Tx
	}{
		"ErrExists creating twice":       {ErrExists, Tx{Metadata: &s.Metadata}},
		"ErrInvalid no metadata":         {ErrInvalid, Tx{}},
		"ErrInvalid size":                {ErrInvalid, in(func(_ *Tx, a *Add) { a.Size = 5 })},
		"ErrNotExist missing file":       {os.ErrNotExist, in(func(_ *Tx, a *Add) { a.Path = "region=eu/none.parquet" })},
		"ErrInvalid outside":             {ErrInvalid, in(func(_ *Tx, a *Add) { a.Path = "../x.parquet" })},
		"ErrInvalid outside, encoded":    {ErrInvalid, in(func(_ *Tx, a *Add) { a.Path = "%2e%2e/x.parquet" })},
		"ErrInvalid in the log":          {ErrInvalid, in(func(_ *Tx, a *Add) { a.Path = "_delta_log/x.json" })},
		"ErrInvalid absolute":            {ErrInvalid, in(func(_ *Tx, a *Add) { a.Path = "/etc/passwd" })},
		"ErrInvalid no partition value":  {ErrInvalid, in(func(_ *Tx, a *Add) { a.PartitionValues = nil })},
		"ErrInvalid empty value":         {ErrInvalid, in(func(_ *Tx, a *Add) { a.PartitionValues = map[string]*string{"region": new(string)} })},
		"ErrInvalid twice":               {ErrInvalid, in(func(tx *Tx, a *Add) { tx.Adds = append(tx.Adds, *a) })},
		"ErrInvalid unknown remove":      {ErrInvalid, in(func(tx *Tx, a *Add) { tx.Removes = []*Add{{Path: "x"}} })},
		"ErrInvalid add is remove":       {ErrInvalid, in(func(tx *Tx, a *Add) { tx.Adds[0] = *file; tx.Removes = []*Add{file} })},
		"ErrInvalid rows without change": {ErrInvalid, in(func(tx *Tx, a *Add) { tx.DataChange = false })},
		"ErrInvalid rows lost":           {ErrInvalid, in(func(tx *Tx, a *Add) { tx.DataChange, tx.Removes, a.Stats = false, []*Add{file}, `{"numRecords":2}` })},
		"ErrCorrupt statistics":          {ErrCorrupt, in(func(_ *Tx, a *Add) { a.Stats = "{" })},
		"ErrInvalid type": {ErrInvalid, Tx{Read: s, Metadata: metadata(table.Schema{
			{Name: "id", Type: table.String}, testSchema[1], testSchema[2]})}},
		"ErrInvalid new NOT NULL": {ErrInvalid, Tx{Read: s, Metadata: metadata(append(testSchema[:3:3], table.Column{Name: "x", Type: table.Long}))}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			version, err := tbl.Commit(t.Context(), c.tx)
			require.ErrorIs(t, err, c.want)
			require.EqualValues(t, -1, version)
			require.Equal(t, s.Version, snapshot(t, Open(dir)).Version)
		})
	}
}

func TestCommitHonoursTheTable(t *testing.T) {
	t.Run("ErrInvalid append-only", func(t *testing.T) {
		tbl := create(t, t.TempDir(), "delta.appendOnly=true")
		file := add(t, tbl, "eu")
		_, err := tbl.Commit(t.Context(), Tx{Read: snapshot(t, tbl), Removes: []*Add{file}, DataChange: true})
		require.ErrorIs(t, err, ErrInvalid)
		require.ErrorContains(t, err, "append-only")
	})
	lines := map[string]string{
		"checkConstraints": `{"protocol":{"minReaderVersion":1,"minWriterVersion":3}}`,
		"domainMetadata":   `{"protocol":{"minReaderVersion":1,"minWriterVersion":7,"writerFeatures":["appendOnly","domainMetadata"]}}`,
		"delta.invariants": `{"metaData":{"id":"x","format":{"provider":"parquet"},"schemaString":"{\"type\":\"struct\",\"fields\":[{\"name\":\"id\",\"type\":\"long\",\"nullable\":true,\"metadata\":{\"delta.invariants\":\"{}\"}}]}","partitionColumns":[],"configuration":{}}}`,
	}
	for feature, line := range lines {
		t.Run("ErrProtocol "+feature, func(t *testing.T) {
			dir := t.TempDir()
			create(t, dir)
			require.NoError(t, os.WriteFile(commitFile(dir, 1), []byte(line), 0o600))
			s := snapshot(t, Open(dir)) // can be read
			_, err := Open(dir).Commit(t.Context(), Tx{Read: s})
			require.ErrorIs(t, err, ErrProtocol)
			require.ErrorContains(t, err, feature)
		})
	}
	t.Run("OK only known features", func(t *testing.T) {
		dir := t.TempDir()
		create(t, dir)
		line := `{"protocol":{"minReaderVersion":1,"minWriterVersion":7,"writerFeatures":["appendOnly","invariants"]}}`
		require.NoError(t, os.WriteFile(commitFile(dir, 1), []byte(line), 0o600))
		_, err := Open(dir).Commit(t.Context(), Tx{Read: snapshot(t, Open(dir))})
		require.NoError(t, err)
	})
	t.Run("ErrProtocol reader", func(t *testing.T) {
		dir := t.TempDir()
		create(t, dir)
		line := `{"protocol":{"minReaderVersion":3,"minWriterVersion":7,"readerFeatures":["v2Checkpoint"],"writerFeatures":["v2Checkpoint"]}}`
		require.NoError(t, os.WriteFile(commitFile(dir, 1), []byte(line), 0o600))
		_, err := Open(dir).Snapshot(t.Context())
		require.ErrorIs(t, err, ErrProtocol)
		require.ErrorContains(t, err, "v2Checkpoint")
	})
}

func TestCommitTimesNeverRunBackwards(t *testing.T) {
	tbl := create(t, t.TempDir())
	start := snapshot(t, tbl).Timestamp
	times := []time.Time{start.Add(time.Hour), start.Add(-time.Hour), start.Add(2 * time.Hour)}
	for _, at := range times {
		_, err := tbl.Commit(t.Context(), Tx{Read: snapshot(t, tbl), Time: at})
		require.NoError(t, err)
	}
	history, err := tbl.History(t.Context(), 0)
	require.NoError(t, err)
	require.Len(t, history, 4)
	require.Equal(t, times[0].Add(time.Millisecond), history[1].Timestamp)

	for _, version := range []int64{0, 1, 2, 3} { // whatever becomes of the files' times
		require.NoError(t, os.Chtimes(commitFile(tbl.Dir(), version), start, start.Add(-time.Duration(version)*time.Hour)))
	}
	for at, want := range map[time.Duration]int64{0: 0, time.Minute: 0, time.Hour: 1, time.Hour + time.Millisecond: 2, 100 * time.Hour: 3} {
		version, err := Open(tbl.Dir()).VersionAsOf(t.Context(), start.Add(at))
		require.NoError(t, err)
		require.Equal(t, want, version, at)
	}
	_, err = tbl.VersionAsOf(t.Context(), start.Add(-time.Second))
	require.ErrorIs(t, err, ErrNotFound)
}

func TestSnapshotOfAReplacedTable(t *testing.T) {
	dir := t.TempDir()
	tbl := create(t, dir)
	add(t, tbl, "eu")
	old := snapshot(t, tbl)
	require.NoError(t, os.RemoveAll(filepath.Join(dir, logFolder)))
	_, err := tbl.Snapshot(t.Context())
	require.ErrorIs(t, err, ErrNotFound)
	create(t, dir)
	require.Empty(t, snapshot(t, tbl).Files())
	_, err = tbl.Commit(t.Context(), Tx{Read: old})
	require.ErrorIs(t, err, ErrConflict)
}

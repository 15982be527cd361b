package delta

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestDamagedLog(t *testing.T) {
	write := func(text string) func(path string) error {
		return func(path string) error { return os.WriteFile(path, []byte(text), 0o600) }
	}
	cases := map[string]struct {
		version int64
		spoil   func(path string) error
		message string
	}{
		"ErrCorrupt gap":             {3, os.Remove, "00000000000000000003.json"},
		"ErrCorrupt beginning gone":  {0, os.Remove, "00000000000000000000.json"},
		"ErrCorrupt truncated":       {3, func(path string) error { return os.Truncate(path, 400) }, "00000000000000000003.json: line"},
		"ErrCorrupt last truncated":  {5, func(path string) error { return os.Truncate(path, 300) }, "00000000000000000005.json: line 2"},
		"ErrCorrupt last empty":      {5, func(path string) error { return os.Truncate(path, 0) }, "00000000000000000005.json"},
		"ErrCorrupt zeros":           {2, write("\x00\x00\x00\x00"), "00000000000000000002.json: line 1"},
		"ErrCorrupt second line":     {2, write("{\"txn\":{\"appId\":\"a\",\"version\":1}}\n{\"add\":"), "line 2"},
		"ErrCorrupt two objects":     {2, write(`{"txn":{"appId":"a","version":1}}{"txn":{"appId":"b","version":1}}`), "line 1"},
		"ErrCorrupt array":           {2, write(`[]`), "line 1"},
		"ErrCorrupt not UTF-8":       {2, write("{\"add\":{\"path\":\"\xff\"}}"), "UTF-8"},
		"ErrCorrupt no path":         {2, write(`{"add":{"size":1}}`), "path"},
		"ErrCorrupt wrong type":      {2, write(`{"add":{"path":"a","size":"1"}}`), "line 1"},
		"ErrCorrupt no metadata":     {0, write(`{"protocol":{"minReaderVersion":1,"minWriterVersion":2}}`), "metadata"},
		"ErrCorrupt deletion vector": {2, write(`{"add":{"path":"a","size":1,"deletionVector":{"storageType":"u"}}}`), "deletion vector"},
		"ErrProtocol elsewhere":      {2, write(`{"add":{"path":"s3://bucket/a","size":1}}`), "s3://bucket/a"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			tbl := create(t, t.TempDir())
			for range 5 {
				add(t, tbl, "eu")
			}
			require.NoError(t, c.spoil(commitFile(tbl.Dir(), c.version)))
			want := map[bool]error{true: ErrCorrupt, false: ErrProtocol}[name[:10] == "ErrCorrupt"]
			_, err := Open(tbl.Dir()).Snapshot(t.Context())
			require.ErrorIs(t, err, want)
			require.ErrorContains(t, err, c.message)
			require.ErrorContains(t, err, tbl.Dir())
		})
	}
}

func TestNoTable(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"missing", "empty"} {
		_, err := Open(filepath.Join(dir, name)).Snapshot(t.Context())
		require.ErrorIs(t, err, ErrNotFound)
		require.ErrorContains(t, err, dir)
		require.NoError(t, os.MkdirAll(filepath.Join(dir, "empty", logFolder), 0o755))
	}
	_, err := create(t, dir).SnapshotAt(t.Context(), -1)
	require.ErrorIs(t, err, ErrNotFound)
}

// TestLogOfOthers has what this package never writes: unknown actions, spaces, ./, paths encoded differently.
func TestLogOfOthers(t *testing.T) {
	tbl := create(t, t.TempDir())
	require.NoError(t, os.WriteFile(commitFile(tbl.Dir(), 1), []byte(`
{"add":{"path":"region=e%20u/a%2Bb.parquet","partitionValues":{"region":""},"size":1,"modificationTime":1,"dataChange":true,"stats":null,"unknown":[1]}}

{"cdc":{"path":"_change_data/x"}}
  {"commitInfo":{"timestamp":1,"operation":"X","operationParameters":{"n":1,"s":"t","b":true},"x":{}}}
{"add":{"path":"./b.parquet","partitionValues":{},"size":1,"modificationTime":1,"dataChange":true}}`), 0o600))
	s := snapshot(t, Open(tbl.Dir()))
	require.Len(t, s.Files(), 2)
	require.Equal(t, filepath.Join(tbl.Dir(), "region=e u", "a+b.parquet"), s.Files()[1].LocalPath(tbl.Dir()))
	require.Nil(t, s.Files()[1].PartitionValues["region"], "empty is NULL")
	history, err := tbl.History(t.Context(), 1)
	require.NoError(t, err)
	require.Equal(t, map[string]string{"n": "1", "s": "t", "b": "true"}, history[0].Parameters)

	require.NoError(t, os.WriteFile(commitFile(tbl.Dir(), 2), []byte(`{"remove":{"path":"region=e u/a+b.parquet","dataChange":true}}
{"remove":{"path":"b.parquet","dataChange":true}}`), 0o600))
	require.Empty(t, snapshot(t, tbl).Files())
}

func FuzzParseCommit(f *testing.F) {
	f.Add([]byte(`{"add":{"path":"a%20b","size":1,"partitionValues":{"x":null}}}`))
	f.Add([]byte("{\"remove\":{\"path\":\"a\"}}\n{\"commitInfo\":{\"timestamp\":1}}"))
	f.Add([]byte(`{"metaData":{"id":"x","schemaString":"{}"}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := parseCommit(data)
		if err != nil {
			return
		}
		for _, change := range c.files { // what was read is written and read the same
			if change.add == nil {
				continue
			}
			body, err := writeLines([]action{{Add: change.add}})
			require.NoError(t, err)
			again, err := parseCommit(body)
			require.NoError(t, err)
			change.add.parsed = again.files[0].add.parsed
			require.Equal(t, change.add, again.files[0].add)
		}
	})
}

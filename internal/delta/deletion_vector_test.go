package delta

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/RoaringBitmap/roaring/v2/roaring64"
	"github.com/stretchr/testify/require"
)

// TestVectorsOfOthersAreRead has the examples of PROTOCOL.md and of delta-kernel's tests.
func TestVectorsOfOthersAreRead(t *testing.T) {
	v := &DeletionVector{StorageType: "i", PathOrInlineDv: "^Bg9^0rr910000000000iXQKl0rr91000f55c8Xg0@@D72lkbi5=-{L", SizeInBytes: 44, Cardinality: 6}
	rows, err := Open(t.TempDir()).DeletedRows(&Add{DeletionVector: v})
	require.NoError(t, err)
	require.Equal(t, []uint64{3, 4, 7, 11, 18, 29}, rows.ToArray())
	offset := int32(4)
	v = &DeletionVector{StorageType: "u", PathOrInlineDv: "ab^-aqEH.-t@S}K{vb[*k^", Offset: &offset, SizeInBytes: 40, Cardinality: 6}
	path, err := v.file("/t")
	require.NoError(t, err)
	require.Equal(t, filepath.FromSlash("/t/ab/deletion_vector_d2c639aa-8816-431a-aaf6-d3fe2512ff61.bin"), path)
	require.Equal(t, "uab^-aqEH.-t@S}K{vb[*k^@4", v.uniqueID())
	require.Equal(t, "HelloWorld", encodeZ85([]byte{0x86, 0x4F, 0xD2, 0x6F, 0xB5, 0x59, 0xF7, 0x5B}), "of Z85's specification")
}

func TestVectorsAreReadAsWritten(t *testing.T) {
	tbl := create(t, t.TempDir())
	random := rand.New(rand.NewPCG(1, 2))
	var sets []*roaring64.Bitmap
	for _, n := range []int{1, 3, 100, 5000, 200_000} {
		rows := roaring64.New()
		for range n {
			rows.Add(random.Uint64N(1_000_000))
		}
		sets = append(sets, rows)
	}
	run := roaring64.New()
	run.AddRange(10, 900_000)
	sets = append(sets, run, roaring64.BitmapOf(0, 1<<33, 1<<40))
	vectors, path, err := tbl.WriteDeletionVectors(sets)
	require.NoError(t, err)
	require.FileExists(t, path)
	kinds := map[string]int{}
	for i, v := range vectors {
		kinds[v.StorageType]++
		require.EqualValues(t, sets[i].GetCardinality(), v.Cardinality)
		rows, err := tbl.DeletedRows(&Add{DeletionVector: v})
		require.NoError(t, err)
		require.True(t, sets[i].Equals(rows), "set %d", i)
	}
	require.Equal(t, map[string]int{"i": 5, "u": 2}, kinds)
	_, path, err = tbl.WriteDeletionVectors(sets[:1])
	require.NoError(t, err)
	require.Empty(t, path)
}

// masked commits a deletion vector for the file with that path, in place of the one it has.
func masked(t *testing.T, tbl *Table, path string, rows ...uint64) (*DeletionVector, error) {
	t.Helper()
	s := snapshot(t, tbl)
	for _, a := range s.Files() {
		if a.Path != path {
			continue
		}
		vectors, _, err := tbl.WriteDeletionVectors([]*roaring64.Bitmap{roaring64.BitmapOf(rows...)})
		require.NoError(t, err)
		next, err := a.WithDeletionVector(vectors[0])
		require.NoError(t, err)
		_, err = tbl.Commit(t.Context(), Tx{Read: s, Removes: []*Add{a}, Adds: []Add{next}, ReadPartitions: in("eu"), DataChange: true, Operation: "DELETE"})
		return vectors[0], err
	}
	t.Fatalf("no file %s", path)
	return nil, nil
}

// manyRows commits a file that stands for n rows.
func manyRows(t *testing.T, tbl *Table, region string, n int64) *Add {
	t.Helper()
	file := newFile(t, tbl.Dir(), region)
	var err error
	file.Stats, err = NewStats(n).JSON()
	require.NoError(t, err)
	_, err = tbl.Commit(t.Context(), Tx{Read: snapshot(t, tbl), Adds: []Add{file}, DataChange: true, Operation: "WRITE"})
	require.NoError(t, err)
	return &file
}

const enabled = "delta.enableDeletionVectors=true"

func TestFilesAreKnownByTheirVectors(t *testing.T) {
	tbl := create(t, t.TempDir(), enabled, "delta.checkpointInterval=6")
	require.Equal(t, Protocol{MinReaderVersion: 3, MinWriterVersion: 7, ReaderFeatures: []string{"deletionVectors"},
		WriterFeatures: []string{"appendOnly", "invariants", "deletionVectors"}}, snapshot(t, tbl).Protocol)
	require.True(t, snapshot(t, tbl).DeletionVectors())
	file, other := manyRows(t, tbl, "eu", 10), manyRows(t, tbl, "us", 5)
	for n := range uint64(5) {
		_, err := masked(t, tbl, file.Path, makeRows(n+1)...)
		require.NoError(t, err)
	}
	check := func(t *testing.T, s *Snapshot) {
		t.Helper()
		require.ElementsMatch(t, []string{file.Path, other.Path}, paths(s), "one version of each file")
		for _, a := range s.Files() {
			live, known := a.Records()
			require.True(t, known)
			require.EqualValues(t, 5, live)
			stats, err := a.Statistics()
			require.NoError(t, err)
			require.Equal(t, a.Path == file.Path, stats.WideBounds)
			rows, err := tbl.DeletedRows(a)
			require.NoError(t, err)
			if a.Path == file.Path {
				require.Equal(t, makeRows(5), rows.ToArray())
			}
		}
		require.Len(t, s.tombstones, 5, "without a vector, and with four")
	}
	check(t, snapshot(t, tbl))
	check(t, snapshot(t, Open(tbl.Dir())))
	before, err := tbl.SnapshotAt(t.Context(), 4)
	require.NoError(t, err)
	require.EqualValues(t, 2, before.Files()[0].DeletionVector.Cardinality, "time travel has the vector of then")
	require.FileExists(t, checkpointFile(tbl.Dir(), 6))
	for v := range int64(7) {
		require.NoError(t, os.Remove(commitFile(tbl.Dir(), v)))
	}
	requireSame(t, snapshot(t, tbl), snapshot(t, Open(tbl.Dir())))
	check(t, snapshot(t, Open(tbl.Dir())))
}

func makeRows(n uint64) []uint64 {
	rows := make([]uint64, n)
	for i := range rows {
		rows[i] = uint64(i)
	}
	return rows
}

func TestErrVectorsOfTwoWritersMeet(t *testing.T) {
	tbl := create(t, t.TempDir(), enabled)
	file := manyRows(t, tbl, "eu", 10)
	s := snapshot(t, tbl)
	_, err := masked(t, tbl, file.Path, 1)
	require.NoError(t, err)
	vectors, _, err := tbl.WriteDeletionVectors([]*roaring64.Bitmap{roaring64.BitmapOf(2)})
	require.NoError(t, err)
	next, err := s.Files()[0].WithDeletionVector(vectors[0])
	require.NoError(t, err)
	for name, tx := range map[string]Tx{
		"another vector": {Removes: s.Files(), Adds: []Add{next}, DataChange: true, Operation: "DELETE"},
		"removed":        {Removes: s.Files(), DataChange: true, Operation: "DELETE"},
		"rearranged":     {Removes: s.Files(), Adds: []Add{func() Add { a := newFile(t, tbl.Dir(), "eu"); a.Stats = file.Stats; return a }()}, Operation: "OPTIMIZE"},
	} {
		tx.Read = s
		_, err := tbl.Commit(t.Context(), tx)
		require.ErrorIs(t, err, ErrConflict, name)
	}
	live, _ := snapshot(t, tbl).Files()[0].Records()
	require.EqualValues(t, 9, live)
}

func TestErrVectorsThatAreNotAllowed(t *testing.T) {
	tbl := create(t, t.TempDir())
	file := manyRows(t, tbl, "eu", 10)
	_, err := masked(t, tbl, file.Path, 1)
	require.ErrorIs(t, err, ErrInvalid)
	require.ErrorContains(t, err, "delta.enableDeletionVectors")
	t.Run("OK once the table allows them", func(t *testing.T) {
		s := snapshot(t, tbl)
		metadata := s.Metadata
		metadata.Configuration = map[string]string{"delta.enableDeletionVectors": "true"}
		_, err := tbl.Commit(t.Context(), Tx{Read: s, Metadata: &metadata, Operation: "SET TBLPROPERTIES"})
		require.NoError(t, err)
		require.True(t, snapshot(t, Open(tbl.Dir())).Protocol.hasVectors())
		_, err = masked(t, tbl, file.Path, 1)
		require.NoError(t, err)
	})
	t.Run("ErrInvalid without a count of rows", func(t *testing.T) {
		a := newFile(t, tbl.Dir(), "eu")
		a.Stats = ""
		_, err := a.WithDeletionVector(&DeletionVector{})
		require.ErrorIs(t, err, ErrInvalid)
	})
	t.Run("ErrCorrupt when a row is none of the file's", func(t *testing.T) {
		_, err := masked(t, tbl, file.Path, 10)
		require.ErrorIs(t, err, ErrCorrupt)
	})
}

func TestDamagedVectors(t *testing.T) {
	tbl := create(t, t.TempDir(), enabled)
	file := manyRows(t, tbl, "eu", 100_000)
	rows := makeRows(3000)
	for i := range rows {
		rows[i] *= 31
	}
	v, err := masked(t, tbl, file.Path, rows...)
	require.NoError(t, err)
	require.Equal(t, "u", v.StorageType)
	path, err := v.file(tbl.Dir())
	require.NoError(t, err)
	whole, err := os.ReadFile(path)
	require.NoError(t, err)
	damaged := snapshot(t, tbl).Files()[0]
	for name, spoil := range map[string]func() error{
		"missing":   func() error { return os.Remove(path) },
		"truncated": func() error { return os.WriteFile(path, whole[:len(whole)-9], 0o600) },
		"a bit": func() error {
			return os.WriteFile(path, append(append([]byte{}, whole[:99]...), append([]byte{whole[99] ^ 1}, whole[100:]...)...), 0o600)
		},
		"empty": func() error { return os.WriteFile(path, nil, 0o600) },
	} {
		require.NoError(t, spoil(), name)
		_, err := tbl.DeletedRows(damaged)
		require.ErrorIs(t, err, ErrCorrupt, name)
		require.ErrorContains(t, err, damaged.Path, name)
	}
}

func TestVacuumKeepsVectors(t *testing.T) {
	tbl := create(t, t.TempDir(), enabled)
	file := manyRows(t, tbl, "eu", 1_000_000)
	var files []string
	for n := range uint64(3) {
		rows := makeRows(2000)
		for i := range rows {
			rows[i] = rows[i]*97 + n
		}
		v, err := masked(t, tbl, file.Path, rows...)
		require.NoError(t, err)
		path, err := v.file(tbl.Dir())
		require.NoError(t, err)
		files = append(files, path)
	}
	_, orphan, err := tbl.WriteDeletionVectors([]*roaring64.Bitmap{roaring64.BitmapOf(func() []uint64 {
		rows := makeRows(2000)
		for i := range rows {
			rows[i] *= 89
		}
		return rows
	}()...)})
	require.NoError(t, err)
	long := time.Now().Add(-100 * day)
	for _, path := range append(files, orphan, file.LocalPath(tbl.Dir())) {
		require.NoError(t, os.Chtimes(path, long, long))
	}
	deleted, err := tbl.Vacuum(t.Context(), 7*day, time.Now())
	require.NoError(t, err)
	require.Equal(t, 1, deleted, "a writer that died left it")
	require.NoFileExists(t, orphan)
	_, err = tbl.Vacuum(t.Context(), 0, time.Now().Add(time.Second))
	require.NoError(t, err)
	require.FileExists(t, files[2])
	require.FileExists(t, file.LocalPath(tbl.Dir()), "an old vector's tombstone is not the file's")
	require.NoFileExists(t, files[0])
	require.NoFileExists(t, files[1])
}

package delta

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

// bigTable makes a table of 100,000 files of which only the log exists.
func bigTable(b *testing.B) *Table {
	b.Helper()
	tbl := Open(b.TempDir())
	metadata, err := NewMetadata("big", "", testSchema, []string{"region"}, map[string]string{"delta.checkpointInterval": "1000000"})
	require.NoError(b, err)
	_, err = tbl.Commit(b.Context(), Tx{Metadata: &metadata})
	require.NoError(b, err)
	region := "eu"
	tx := Tx{Read: &Snapshot{}, DataChange: true}
	for i := range 100_000 {
		tx.Adds = append(tx.Adds, Add{
			Path: fmt.Sprintf("region=eu/part-%08d-0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0.parquet", i), PartitionValues: map[string]*string{"region": &region},
			Stats: fmt.Sprintf(`{"numRecords":1000,"minValues":{"id":%d},"maxValues":{"id":%d},"nullCount":{"id":0}}`, i*1000, i*1000+999), Size: 1 << 20, DataChange: true,
		})
	}
	body, err := tx.body(snapshotB(b, tbl).Timestamp, 0)
	require.NoError(b, err)
	require.NoError(b, tbl.put(1, body, snapshotB(b, tbl).Timestamp))
	return tbl
}

func snapshotB(b *testing.B, tbl *Table) *Snapshot {
	b.Helper()
	s, err := tbl.Snapshot(b.Context())
	require.NoError(b, err)
	return s
}

func BenchmarkBigTable(b *testing.B) {
	tbl := bigTable(b)
	s := snapshotB(b, tbl)
	require.Len(b, s.Files(), 100_000)
	b.Run("refresh without commits", func(b *testing.B) {
		for b.Loop() {
			snapshotB(b, tbl)
		}
	})
	b.Run("full replay", func(b *testing.B) {
		for b.Loop() {
			snapshotB(b, Open(tbl.Dir()))
		}
	})
	b.Run("prune", func(b *testing.B) {
		for b.Loop() {
			for _, a := range s.Files() {
				stats, err := a.Statistics()
				require.NoError(b, err)
				stats.MayContain("id", "long", int64(5), int64(6))
			}
		}
	})
	b.Run("commit", func(b *testing.B) {
		for b.Loop() {
			_, err := tbl.Commit(b.Context(), Tx{Read: snapshotB(b, tbl), Adds: []Add{newFile(b, tbl.Dir(), "us")}, DataChange: true})
			require.NoError(b, err)
		}
	})
	b.Run("checkpoint", func(b *testing.B) {
		for b.Loop() {
			require.NoError(b, tbl.writeCheckpoint(snapshotB(b, tbl), settings{}, s.Timestamp))
		}
	})
	b.Run("load from checkpoint", func(b *testing.B) {
		for b.Loop() {
			snapshotB(b, Open(tbl.Dir()))
		}
	})
}

package delta

import (
	"testing"

	"github.com/stretchr/testify/require"

	"tributary/internal/table"
)

// TestCommitConflicts lets two transactions start from the same snapshot, and the winner commit first.
func TestCommitConflicts(t *testing.T) {
	type side func(t *testing.T, dir string, s *Snapshot) Tx
	file := func(s *Snapshot, region string) *Add {
		for _, a := range s.Files() {
			if *a.PartitionValues["region"] == region {
				return a
			}
		}
		return nil
	}
	appendTo := func(region string) side {
		return func(t *testing.T, dir string, s *Snapshot) Tx {
			return Tx{Read: s, Adds: []Add{newFile(t, dir, region)}, DataChange: true, Operation: "WRITE"}
		}
	}
	merge := func(region string) side {
		return func(t *testing.T, dir string, s *Snapshot) Tx {
			return Tx{Read: s, ReadPartitions: in(region), Adds: []Add{newFile(t, dir, region)}, Removes: []*Add{file(s, region)}, DataChange: true, Operation: "MERGE"}
		}
	}
	insert := func(region string) side { // a merge that found nothing to change
		return func(t *testing.T, dir string, s *Snapshot) Tx {
			return Tx{Read: s, ReadPartitions: in(region), Adds: []Add{newFile(t, dir, region)}, DataChange: true, Operation: "MERGE"}
		}
	}
	optimize := func(region string) side {
		return func(t *testing.T, dir string, s *Snapshot) Tx {
			return Tx{Read: s, Adds: []Add{newFile(t, dir, region)}, Removes: []*Add{file(s, region)}, Operation: "OPTIMIZE"}
		}
	}
	remove := func(region string) side {
		return func(_ *testing.T, _ string, s *Snapshot) Tx {
			return Tx{Read: s, ReadPartitions: in(region), Removes: []*Add{file(s, region)}, DataChange: true, Operation: "DELETE"}
		}
	}
	addColumn := func(t *testing.T, _ string, s *Snapshot) Tx {
		m, err := s.Metadata.WithSchema(append(testSchema[:3:3], table.Column{Name: "more", Type: table.Date, Nullable: true}))
		require.NoError(t, err)
		return Tx{Read: s, Metadata: &m, Operation: "ADD COLUMNS"}
	}
	application := func(id string) side {
		return func(_ *testing.T, _ string, s *Snapshot) Tx { return Tx{Read: s, Txns: map[string]int64{id: 1}} }
	}
	cases := []struct {
		name         string
		winner, mine side
		conflict     bool
	}{
		{"OK append after append", appendTo("eu"), appendTo("eu"), false},
		{"OK append after merge", merge("eu"), appendTo("eu"), false},
		{"OK append after delete", remove("eu"), appendTo("eu"), false},
		{"ErrConflict merge after append to its partition", appendTo("eu"), merge("eu"), true},
		{"OK merge after append to another partition", appendTo("us"), merge("eu"), false},
		{"ErrConflict merge after merge", merge("eu"), merge("eu"), true},
		{"OK merge after merge of another partition", merge("us"), merge("eu"), false},
		{"ErrConflict insert after delete in its partition", remove("eu"), insert("eu"), true},
		{"ErrConflict insert after insert", insert("eu"), insert("eu"), true},
		{"OK insert after optimize", optimize("eu"), insert("eu"), false},
		{"ErrConflict merge after optimize of its file", optimize("eu"), merge("eu"), true},
		{"ErrConflict optimize after merge of its file", merge("eu"), optimize("eu"), true},
		{"OK optimize after append", appendTo("eu"), optimize("eu"), false},
		{"OK optimize after insert", insert("eu"), optimize("eu"), false},
		{"ErrConflict optimize after optimize", optimize("eu"), optimize("eu"), true},
		{"ErrConflict delete after delete", remove("eu"), remove("eu"), true},
		{"ErrConflict append after new column", addColumn, appendTo("eu"), true},
		{"OK new column after append", appendTo("eu"), addColumn, false},
		{"ErrConflict new column after new column", addColumn, addColumn, true},
		{"ErrConflict same application", application("a"), application("a"), true},
		{"OK other application", application("a"), application("b"), false},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			tbl := create(t, dir)
			add(t, tbl, "eu")
			add(t, tbl, "us")
			s := snapshot(t, tbl)
			winner, mine := c.winner(t, dir, s), c.mine(t, dir, s)
			_, err := Open(dir).Commit(t.Context(), winner) // another process, as far as tbl knows
			require.NoError(t, err)
			version, err := tbl.Commit(t.Context(), mine)
			if c.conflict {
				require.ErrorIs(t, err, ErrConflict)
				require.ErrorContains(t, err, "version 3")
				require.Len(t, snapshot(t, tbl).Files(), len(s.Files())+len(winner.Adds)-len(winner.Removes))
				return
			}
			require.NoError(t, err)
			require.EqualValues(t, 4, version)
			require.Len(t, snapshot(t, tbl).Files(), len(s.Files())+len(winner.Adds)-len(winner.Removes)+len(mine.Adds)-len(mine.Removes))
			requireSame(t, snapshot(t, Open(dir)), snapshot(t, tbl))
		})
	}
}

// TestRemoveWithoutPartitionValues takes the partition of a file from the snapshot that was read, where the winner's
// remove does not state it.
func TestRemoveWithoutPartitionValues(t *testing.T) {
	tbl := create(t, t.TempDir())
	file := add(t, tbl, "eu")
	tx := Tx{Read: snapshot(t, tbl), ReadPartitions: in("eu")}
	winner, err := parseCommit([]byte(`{"remove":{"path":"` + file.Path + `","dataChange":true}}`))
	require.NoError(t, err)
	require.NotEmpty(t, tx.conflict(winner))
	tx.ReadPartitions = in("us")
	require.Empty(t, tx.conflict(winner))
}

package delta

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/parquet/file"
)

// readCheckpoint reads a complete checkpoint, of one file or of parts.
func (t *Table) readCheckpoint(ctx context.Context, c checkpoint) (*Snapshot, error) {
	if c.v2 {
		return nil, fmt.Errorf("%w: %s is a checkpoint of version 2 (feature v2Checkpoint)", ErrProtocol, c.files[0])
	}
	all := &commit{version: c.version}
	for _, path := range c.files {
		if err := readCheckpointFile(ctx, path, all); err != nil {
			return nil, fmt.Errorf("checkpoint %s: %w", path, err)
		}
	}
	if all.protocol == nil || all.metadata == nil {
		return nil, fmt.Errorf("%w: checkpoint %s has no protocol or no metadata", ErrCorrupt, c.files[0])
	}
	timestamp, err := t.timeOf(c)
	if err != nil {
		return nil, err
	}
	all.timestamp = timestamp
	s := (&Snapshot{Version: -1}).replay([]*commit{all})
	return s, s.Protocol.checkRead()
}

// timeOf returns when the checkpoint's version was committed, from its commit file while that is there.
func (t *Table) timeOf(c checkpoint) (time.Time, error) {
	if commit, err := t.readCommit(c.version); err == nil {
		return commit.timestamp, nil
	}
	info, err := os.Stat(c.files[0])
	if err != nil {
		return time.Time{}, err
	}
	return info.ModTime().UTC().Truncate(time.Millisecond), nil
}

// checkpointTime is timeOf for a version whose commit file is gone.
func (t *Table) checkpointTime(version int64) (time.Time, error) {
	l, err := t.list()
	if err != nil {
		return time.Time{}, err
	}
	i := slices.IndexFunc(l.checkpoints, func(c checkpoint) bool { return c.version == version })
	if i < 0 {
		return time.Time{}, fmt.Errorf("%w: version %d of %s", ErrNotFound, version, t.dir)
	}
	return t.timeOf(l.checkpoints[i])
}

// readCheckpointFile appends the actions of a Parquet file to c. The Parquet library panics on some damaged files; that too is ErrCorrupt. It
// does so here, and not in goroutines of its own as its reader of Arrow records would, where nothing could be done about it.
func readCheckpointFile(ctx context.Context, path string, c *commit) (err error) {
	defer func() {
		if cause := recover(); cause != nil {
			err = fmt.Errorf("%w: %v", ErrCorrupt, cause)
		}
	}()
	reader, err := file.OpenParquetFile(path, false)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrCorrupt, err)
	}
	defer func() { err = errors.Join(err, reader.Close()) }()
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	wanted := checkpointLeaves(reader)
	for i := range reader.NumRowGroups() {
		if err := ctx.Err(); err != nil {
			return err
		}
		leaves, err := readLeaves(reader.RowGroup(i), wanted, info.Size())
		if err != nil {
			return fmt.Errorf("%w: row group %d: %w", ErrCorrupt, i, err)
		}
		if err := leaves.actions(c); err != nil {
			return err
		}
	}
	return nil
}

// checkpointLeaves picks the Parquet columns that this package reads; other writers have more (stats_parsed…).
func checkpointLeaves(reader *file.Reader) []int {
	var leaves []int
	schema := reader.MetaData().Schema
	for i := range schema.NumColumns() {
		parts := strings.Split(schema.Column(i).ColumnPath().String(), ".")
		column := checkpointSchema.FieldIndices(parts[0])
		if len(column) == 0 || len(parts) < 2 {
			continue
		}
		if hasChild(column[0], parts[1]) {
			leaves = append(leaves, i)
		}
	}
	return leaves
}

func hasChild(column int, name string) bool {
	_, ok := checkpointSchema.Field(column).Type.(*arrow.StructType).FieldByName(name)
	return ok
}

package local

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"tributary/internal/delta"
	"tributary/internal/lake"
	"tributary/internal/table"
)

// Create implements lake.Lake. Every column is nullable: a client may lack it.
func (l *Lake) Create(ctx context.Context, def lake.Table) (created bool, err error) {
	t, err := l.table(def.Schema, def.Name)
	if err != nil {
		return false, err
	}
	if err := checkLayout(def.Schema, def.Name, def.ClusterBy); err != nil {
		return false, err
	}
	err = retry(ctx, func() error {
		created, err = l.create(ctx, t, def)
		return err
	})
	if err != nil {
		return false, fmt.Errorf("create %s.%s: %w", def.Schema, def.Name, l.explain(err))
	}
	return created, nil
}

func (l *Lake) create(ctx context.Context, t *delta.Table, def lake.Table) (bool, error) {
	snapshot, err := t.Snapshot(ctx)
	if err != nil && !errors.Is(err, delta.ErrNotFound) {
		return false, err
	}
	var current table.Schema
	tx := delta.Tx{Operation: "CREATE TABLE"}
	if err == nil {
		tx = delta.Tx{Operation: "ADD COLUMNS", Read: snapshot}
		if current, err = snapshot.Schema(); err != nil {
			return false, err
		}
	}
	asked := table.Batch{Ref: table.Ref{Schema: def.Schema, Table: def.Name}, Schema: def.Columns}
	if def.Columns, err = evolve(current, []table.Batch{asked}); err != nil {
		return false, err
	}
	if tx.Read != nil {
		if snapshot, err = l.widened(ctx, t, snapshot, def.Columns); err != nil {
			return false, err
		}
		tx.Read = snapshot
	}
	if tx.Metadata, err = changedMetadata(tx.Read, def); err != nil || tx.Metadata == nil {
		return false, err
	}
	_, err = t.Commit(ctx, tx)
	return tx.Read == nil && err == nil, err
}

// changedMetadata returns the metadata that a commit needs: of a new table, or of one with more columns; else nil.
func changedMetadata(snapshot *delta.Snapshot, def lake.Table) (*delta.Metadata, error) {
	if snapshot == nil {
		if def.PartitionBy == nil {
			def.PartitionBy = slices.Clone(defaultPartitions)
		}
		metadata, err := delta.NewMetadata(def.Name, def.Comment, def.Columns, def.PartitionBy, def.Properties)
		return &metadata, err
	}
	current, err := snapshot.Schema()
	if err != nil || len(current) == len(def.Columns) {
		return nil, err
	}
	metadata, err := snapshot.Metadata.WithSchema(def.Columns)
	return &metadata, err
}

// checkLayout refuses liquid clustering: it needs a later version of the protocol than the lake writes.
func checkLayout(schema, name string, clusterBy []string) error {
	if len(clusterBy) == 0 {
		return nil
	}
	return fmt.Errorf("%w: table %s.%s: a local lake cannot cluster by %s: remove cluster_by, and use partition_by",
		lake.ErrSchema, schema, name, strings.Join(clusterBy, ", "))
}

// Describe implements lake.Lake. Rows is the sum of the files' statistics.
func (l *Lake) Describe(ctx context.Context, schema, name string) (lake.Table, error) {
	t, err := l.table(schema, name)
	if err != nil {
		return lake.Table{}, err
	}
	snapshot, err := t.Snapshot(ctx)
	if err != nil {
		return lake.Table{}, fmt.Errorf("table %s.%s: %w", schema, name, translate(err))
	}
	columns, err := snapshot.Schema()
	if err != nil {
		return lake.Table{}, fmt.Errorf("table %s.%s: %w", schema, name, translate(err))
	}
	meta := snapshot.Metadata
	described := lake.Table{
		Schema: schema, Name: name, Columns: columns, PartitionBy: meta.PartitionColumns, Comment: meta.Description,
		Properties: meta.Configuration, Version: snapshot.Version, Files: len(snapshot.Files()),
	}
	for _, add := range snapshot.Files() {
		described.Bytes += add.Size
		rows, _ := add.Records()
		described.Rows += rows
	}
	return described, nil
}

// History implements lake.Lake.
func (l *Lake) History(ctx context.Context, schema, name string, limit int) ([]lake.Commit, error) {
	t, err := l.table(schema, name)
	if err != nil {
		return nil, err
	}
	infos, err := t.History(ctx, limit)
	if err != nil {
		return nil, fmt.Errorf("history of %s.%s: %w", schema, name, translate(err))
	}
	commits := make([]lake.Commit, len(infos))
	for i, info := range infos {
		commits[i] = lake.Commit{
			Version: info.Version, Time: info.Timestamp, Operation: info.Operation,
			Parameters: info.Parameters, Metrics: info.Metrics,
		}
	}
	return commits, nil
}

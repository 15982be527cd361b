package local

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"

	"tributary/internal/delta"
	"tributary/internal/lake"
	"tributary/internal/table"
)

// widens says which type of a column can become which: whatever holds its values exactly. See widen.
func widens(from, to table.Type) bool { return from.Fits(to) }

// Widens implements lake.Widener.
func (l *Lake) Widens(from, to table.Type) bool { return widens(from, to) }

var _ lake.Widener = (*Lake)(nil)

// evolve is lake.Evolve for tables of the local lake.
func evolve(current table.Schema, batches []table.Batch) (table.Schema, error) {
	for _, batch := range batches {
		for _, column := range batch.Schema {
			if reserved(column.Name) {
				return nil, lake.Misfit(batch, "column %q has a name that the lake uses itself: rename it", column.Name)
			}
		}
	}
	return lake.Evolve(current, batches, widens)
}

// widened is the table's snapshot once it has the types of a schema that evolve returned.
func (l *Lake) widened(ctx context.Context, t *delta.Table, snapshot *delta.Snapshot, wanted table.Schema) (*delta.Snapshot, error) {
	s, err := l.session(ctx)
	if err != nil {
		return nil, err
	}
	defer s.close()
	wider, err := s.widen(ctx, t, snapshot, wanted)
	if err != nil || !wider {
		return snapshot, err
	}
	return t.Snapshot(ctx)
}

// widerTypes returns the schema with the types that it has in another one, which has all its columns first, and what changes.
func widerTypes(current, wanted table.Schema) (table.Schema, []string) {
	next, changes := append(table.Schema(nil), current...), []string(nil)
	for i := range next {
		if next[i].Type != wanted[i].Type {
			changes = append(changes, fmt.Sprintf("%s %s to %s", next[i].Name, next[i].Type, wanted[i].Type))
			next[i].Type = wanted[i].Type
		}
	}
	return next, changes
}

// widen gives columns of a table the types that they have in a schema that evolve returned, by a commit of its own that writes every file
// anew with the same rows: file by file, so that memory is bounded, and so that a reader needs to know nothing of types that changed. It
// returns whether there was anything to do; the table is then to be read again. Another writer's commits that come first cost the files that
// they changed and no others; but each commit syncs all files again before it is tried, and is tried maxAttempts times.
func (s *session) widen(ctx context.Context, t *delta.Table, snapshot *delta.Snapshot, wanted table.Schema) (bool, error) {
	w := &widening{session: s, table: t, wanted: wanted, done: map[*delta.Add][]delta.Add{}}
	defer w.close()
	for n := 1; ; n++ {
		wider, err := w.attempt(ctx, snapshot)
		if n == maxAttempts || !errors.Is(err, delta.ErrConflict) {
			return wider, err
		}
		next, readErr := t.Snapshot(ctx)
		if readErr != nil {
			return false, readErr
		}
		if next.Metadata.ID != snapshot.Metadata.ID || next.Metadata.SchemaString != snapshot.Metadata.SchemaString {
			return false, err
		}
		snapshot = next
	}
}

// widening is a widen under way.
type widening struct {
	*session
	table  *delta.Table
	wanted table.Schema
	done   map[*delta.Add][]delta.Add // the files written for one of the table, that no commit refers to yet
}

// close removes the files that no commit came to refer to.
func (w *widening) close() {
	for _, adds := range w.done {
		for _, add := range adds {
			removeAll([]string{add.LocalPath(w.table.Dir())})
		}
	}
}

// attempt is one commit based on one snapshot.
func (w *widening) attempt(ctx context.Context, snapshot *delta.Snapshot) (bool, error) {
	current, err := snapshot.Schema()
	if err != nil {
		return false, err
	}
	next, changes := widerTypes(current, w.wanted)
	if len(changes) == 0 {
		return false, nil
	}
	if err := checkPartitions(snapshot.Metadata, current, next); err != nil {
		return false, err
	}
	tx := delta.Tx{
		Read: snapshot, Operation: "CHANGE COLUMNS", Parameters: map[string]string{"columns": strings.Join(changes, ", ")},
		ReadPartitions: func(map[string]*string) bool { return true }, Removes: snapshot.Files(), Trusted: isOwn,
	}
	metadata, err := snapshot.Metadata.WithSchema(next)
	if err != nil {
		return false, err
	}
	tx.Metadata = &metadata
	for _, add := range snapshot.Files() {
		if _, written := w.done[add]; !written {
			f := files{dir: w.table.Dir(), schema: current, partitionBy: snapshot.Metadata.PartitionColumns, adds: []*delta.Add{add}, empty: w.empty}
			if w.done[add], err = w.widenFile(ctx, f, next, len(w.done)); err != nil {
				return false, err
			}
		}
		tx.Adds = append(tx.Adds, w.done[add]...)
	}
	if _, err = w.table.Commit(ctx, tx); err == nil || errors.Is(err, delta.ErrUncertain) {
		for _, add := range snapshot.Files() {
			delete(w.done, add)
		}
	}
	return err == nil, err
}

// checkPartitions refuses to change the type of a partition column: its values are the names of folders.
func checkPartitions(metadata delta.Metadata, current, next table.Schema) error {
	for i, column := range next {
		if column.Type != current[i].Type && hasFold(metadata.PartitionColumns, column.Name) {
			return fmt.Errorf("%w: table %s is partitioned by column %q, whose type cannot change from %s to %s: convert it with a transform, or rebuild the table",
				lake.ErrSchema, metadata.Name, column.Name, current[i].Type, column.Type)
		}
	}
	return nil
}

// widenFile writes a file's rows to new ones, with the types of a wider schema.
func (s *session) widenFile(ctx context.Context, f files, wider table.Schema, number int) ([]delta.Add, error) {
	if err := loadVectors(ctx, s.conn, &f); err != nil {
		return nil, err
	}
	selected := make([]string, len(wider))
	for i, column := range wider {
		selected[i] = quote(column.Name)
		if column.Type != f.schema[i].Type {
			selected[i] = fmt.Sprintf("CAST(%s AS %s) AS %[1]s", quote(column.Name), duckType(column.Type))
		}
	}
	query := fmt.Sprintf("SELECT %s FROM (%s)", strings.Join(selected, ", "), f.scan(f.schema.Names(), nil))
	all, err := s.copyTo(ctx, wider, query, fmt.Sprintf("wider-%d", number), splitting(recordsOf(f.adds)))
	if err != nil {
		return nil, err
	}
	add := f.adds[0]
	var bounded []string // whichever columns had bounds keep them
	if stats, err := add.Statistics(); err == nil && stats != nil {
		for column := range stats.MinValues {
			bounded = append(bounded, column)
		}
	}
	f.schema = wider
	return moveAll(f, all, func(written) map[string]*string { return add.PartitionValues }, bounded)
}

// checkIDs refuses batches whose ids are not those of the table; batches of one merge have the same.
func checkIDs(snapshot *delta.Snapshot, batch table.Batch) error {
	if snapshot == nil {
		return nil
	}
	return lake.CheckIDs(snapshot.Metadata.Configuration[lake.IDsProperty], batch)
}

// withIDs is the metadata of a commit that adds rows: as given, or nil when nothing changes, with the ids of the batch where the table has none yet.
func withIDs(snapshot *delta.Snapshot, metadata *delta.Metadata, batch table.Batch) *delta.Metadata {
	if metadata == nil {
		if snapshot.Metadata.Configuration[lake.IDsProperty] != "" {
			return nil
		}
		same := snapshot.Metadata
		metadata = &same
	}
	if metadata.Configuration[lake.IDsProperty] == "" {
		metadata.Configuration = maps.Clone(metadata.Configuration)
		if metadata.Configuration == nil {
			metadata.Configuration = map[string]string{}
		}
		metadata.Configuration[lake.IDsProperty] = lake.IDsText(batch)
	}
	return metadata
}

package local

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"tributary/internal/delta"
	"tributary/internal/lake"
	"tributary/internal/table"
)

// maxAttempts bounds how often a merge is done again because another commit came first.
const maxAttempts = 20

// Merge implements lake.Lake. Only files that hold a row that changes are rewritten; when nothing changes,
// nothing is committed. Batches that cannot share a commit (the same client twice, or another cursor) follow one another.
func (l *Lake) Merge(ctx context.Context, batches []table.Batch) ([]lake.MergeResult, error) {
	return lake.MergeCompatible(batches, func(group []table.Batch) ([]lake.MergeResult, error) { return l.mergeGroup(ctx, group) })
}

func (l *Lake) mergeGroup(ctx context.Context, batches []table.Batch) ([]lake.MergeResult, error) {
	first := batches[0]
	t, err := l.table(first.Ref.Schema, first.Ref.Table)
	if err != nil {
		return nil, err
	}
	var results []lake.MergeResult
	err = retry(ctx, func() error {
		results, err = l.attempt(ctx, t, &source{
			batches: batches,
			keys:    lake.MergeKeys(first),
			cursor:  first.Cursor,
		})
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("merge into %s.%s: %w", first.Ref.Schema, first.Ref.Table, l.explain(err))
	}
	return results, nil
}

// retry calls attempt again, after a random and growing pause, while another writer's commits come first.
func retry(ctx context.Context, attempt func() error) error {
	for n := 1; ; n++ {
		err := attempt()
		if !errors.Is(err, delta.ErrConflict) && !errors.Is(err, delta.ErrExists) {
			return translate(err)
		}
		if n == maxAttempts {
			return fmt.Errorf("%w: gave up after %d attempts: %w", lake.ErrConflict, n, err)
		}
		pause := time.Duration(1+rand.Int64N(int64(min(n, 8)))) * 10 * time.Millisecond
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(pause):
		}
	}
}

// translate gives the log's errors the lake's names.
func translate(err error) error {
	switch {
	case errors.Is(err, delta.ErrCorrupt):
		return fmt.Errorf("%w: %w", lake.ErrCorrupt, err)
	case errors.Is(err, delta.ErrNotFound):
		return fmt.Errorf("%w: %s", lake.ErrNotFound, plain(err))
	case errors.Is(err, delta.ErrInvalid):
		return fmt.Errorf("%w: %w", lake.ErrSchema, err)
	}
	return err
}

// plain is the text of a log's error that is not there, without the sentinel that a lake's has in its place.
func plain(err error) string { return strings.TrimPrefix(err.Error(), delta.ErrNotFound.Error()+": ") }

// merge is one attempt to bring a source into a table, based on one snapshot.
type merge struct {
	*session
	table       *delta.Table
	snapshot    *delta.Snapshot // nil when the table is still to be made
	metadata    *delta.Metadata // set when the commit makes the table or adds columns
	schema      table.Schema
	partitionBy []string
	src         *source
	dir         string // of the lake
	facts       []facts
	files       files // candidates: the table's files that may hold a row that changes
	masking     masking
	masked      []int // files that lose rows by a deletion vector, and stay
	adopted     []int // batches whose staged files become data files as they are
	elsewhere   []int // batches of clients who have rows under other regions, and have moved
	results     []lake.MergeResult
	tx          delta.Tx
	made        []string // data files in the table's folder that no commit refers to yet
}

func (l *Lake) attempt(ctx context.Context, t *delta.Table, src *source) ([]lake.MergeResult, error) {
	s, err := l.session(ctx)
	if err != nil {
		return nil, err
	}
	defer s.close()
	if src.types == nil {
		if err := src.describe(ctx, s, l.dir); err != nil {
			return nil, err
		}
	}
	m := &merge{session: s, table: t, src: src, dir: l.dir, masking: l.masking, results: make([]lake.MergeResult, len(src.batches))}
	if err := m.beginWide(ctx); err != nil {
		return nil, err
	}
	if err := src.load(ctx, s, l.dir, m.schema); err != nil {
		return nil, err
	}
	if m.facts, err = src.check(ctx, s, l.dir, m.schema); err != nil {
		return nil, err
	}
	if slices.ContainsFunc(m.facts, func(f facts) bool { return f.rows > 0 && !f.unique }) {
		if err := src.deduplicate(ctx, s); err != nil {
			return nil, err
		}
	}
	if lake.KeepsVersions(src.batches) {
		return m.runHistory(ctx)
	}
	return m.run(ctx)
}

// beginWide is begin, once more after columns have become wider.
func (m *merge) beginWide(ctx context.Context) error {
	wider, err := m.begin(ctx)
	if err == nil && wider {
		wider, err = m.begin(ctx)
	}
	if err == nil && wider {
		err = fmt.Errorf("%w: its columns changed twice", delta.ErrConflict)
	}
	return err
}

// begin reads the snapshot and settles the schema. It returns true when it has made columns wider, and the table is to be read again.
func (m *merge) begin(ctx context.Context) (wider bool, err error) {
	snapshot, err := m.table.Snapshot(ctx)
	if err != nil && !errors.Is(err, delta.ErrNotFound) {
		return false, err
	}
	for _, b := range m.src.batches {
		if err := checkLayout(b.Ref.Schema, b.Ref.Table, b.ClusterBy); err != nil {
			return false, err
		}
	}
	first := m.src.batches[0]
	var current table.Schema
	if err == nil {
		m.snapshot, m.partitionBy = snapshot, snapshot.Metadata.PartitionColumns
		if err := m.checkLate(); err != nil { // before columns become wider
			return false, err
		}
		if current, err = snapshot.Schema(); err != nil {
			return false, err
		}
	} else if m.partitionBy = first.PartitionBy; m.partitionBy == nil {
		m.partitionBy = defaultPartitions
	}
	if m.schema, err = evolve(current, m.src.batches); err != nil {
		return false, err
	}
	if err := m.checkKeys(); err != nil {
		return false, err
	}
	m.src.noteDrift(current)
	if m.snapshot != nil {
		if err := checkIDs(m.snapshot, first); err != nil {
			return false, err
		}
		if wider, err := m.widen(ctx, m.table, m.snapshot, m.schema); err != nil || wider {
			return wider, err
		}
	}
	m.metadata, err = changedMetadata(m.snapshot, lake.Table{
		Name: first.Ref.Table, Columns: m.schema, PartitionBy: m.partitionBy, Comment: first.Comment, Properties: first.Properties,
	})
	return false, err
}

// defaultPartitions keeps clients apart, so that their merges do not conflict.
var defaultPartitions = []string{table.RegionColumn, table.ClientColumn}

func (m *merge) checkKeys() error {
	names := append(slices.Clone(m.src.keys), m.partitionBy...)
	if m.src.cursor != "" {
		names = append(names, m.src.cursor)
	}
	for _, name := range names {
		if m.schema.Find(name) < 0 {
			return lake.Misfit(m.src.batches[0], "the table has no column %q, which is an id, the cursor or a partition column", name)
		}
	}
	return nil
}

func (m *merge) run(ctx context.Context) ([]lake.MergeResult, error) {
	defer func() { removeAll(m.made) }()
	m.findCandidates()
	if err := m.adopt(ctx); err != nil {
		return nil, err
	}
	if len(m.adopted) < len(m.src.batches) {
		if err := m.findChanges(ctx); err != nil {
			return nil, err
		}
		if err := m.write(ctx); err != nil {
			return nil, err
		}
	}
	return m.results, m.commit(ctx)
}

func (m *merge) commit(ctx context.Context) error {
	version := int64(-1)
	if m.snapshot != nil {
		version = m.snapshot.Version
	}
	if len(m.tx.Adds) > 0 || len(m.tx.Removes) > 0 || m.metadata != nil {
		m.metadata = withIDs(m.snapshot, m.metadata, m.src.batches[0])
		m.tx.Read, m.tx.Metadata, m.tx.ReadPartitions, m.tx.DataChange = m.snapshot, m.metadata, m.reads, true
		m.tx.Txns = m.turns()
		m.tx.Operation, m.tx.Parameters, m.tx.Metrics = "MERGE", m.parameters(), m.metrics()
		var err error
		if version, err = commit(ctx, m.table, m.tx, &m.made); err != nil {
			return err
		}
	}
	for b := range m.results {
		m.results[b].Version, m.results[b].Group, m.results[b].Note = version, len(m.src.batches), m.src.notes[b]
	}
	return nil
}

// reads says whether the merge looked at a partition: those of the batches' clients.
func (m *merge) reads(values map[string]*string) bool {
	add := &delta.Add{PartitionValues: values}
	return slices.ContainsFunc(m.src.batches, func(b table.Batch) bool { return m.mayHoldTenant(add, b) })
}

// mayHoldTenant says whether a file may have rows of the batch's client: of one that has moved, those of all regions count.
func (m *merge) mayHoldTenant(add *delta.Add, batch table.Batch) bool {
	is := func(column, want string) bool {
		value := partitionValue(add, column)
		return !hasFold(m.partitionBy, column) || value != nil && *value == want
	}
	return (batch.Moved || is(table.RegionColumn, batch.Ref.Region)) && is(table.ClientColumn, batch.Ref.Client)
}

func (m *merge) parameters() map[string]string {
	batches := make([]string, len(m.src.batches))
	for i, b := range m.src.batches {
		batches[i] = b.Ref.Client
	}
	return map[string]string{"clients": strings.Join(batches, ","), "keys": strings.Join(m.src.keys, ",")}
}

func (m *merge) metrics() map[string]string {
	var sum lake.MergeResult
	for _, r := range m.results {
		sum.Inserted, sum.Updated, sum.Deleted = sum.Inserted+r.Inserted, sum.Updated+r.Updated, sum.Deleted+r.Deleted
	}
	metrics := map[string]string{
		"numTargetRowsInserted": fmt.Sprint(sum.Inserted), "numTargetRowsUpdated": fmt.Sprint(sum.Updated),
		"numTargetRowsDeleted": fmt.Sprint(sum.Deleted), "numTargetFilesAdded": fmt.Sprint(len(m.tx.Adds) - len(m.masked)),
		"numTargetFilesRemoved": fmt.Sprint(len(m.tx.Removes) - len(m.masked)),
	}
	if len(m.masked) > 0 {
		metrics["numTargetDeletionVectorsAdded"] = fmt.Sprint(len(m.masked)) // those that replace one count, as in Spark
	}
	return metrics
}

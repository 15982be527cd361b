package sparksql

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"tributary/internal/lake"
	"tributary/internal/table"
)

// Merge implements lake.Lake. A group of batches is three statements: one that counts what is staged, the MERGE, and
// the table's history; a fourth counts what each batch of several changed. Batches that cannot share a
// commit follow one another.
func (l *Lake) Merge(ctx context.Context, batches []table.Batch) ([]lake.MergeResult, error) {
	return lake.MergeCompatible(batches, func(group []table.Batch) ([]lake.MergeResult, error) {
		results, err := l.mergeGroup(ctx, group)
		if err != nil {
			first := group[0].Ref
			return nil, fmt.Errorf("merge into %s.%s: %w", first.Schema, first.Table, l.translate(ctx, err))
		}
		return results, nil
	})
}

// merge is one group on its way into its table.
type merge struct {
	*lakeTable
	batches   []table.Batch
	keys      []string // client_id and region included
	cursor    string
	facts     []facts
	columns   table.Schema // of the table
	notes     []string     // by batch: what it changed in the table's columns
	gone      []int64      // by batch: how many rows it will delete as a reload; nil when they were not counted
	elsewhere []int64      // of those, the rows under other regions
}

type lakeTable struct {
	lake *Lake
	name string // quoted
}

func newMerge(l *Lake, batches []table.Batch) *merge {
	first := batches[0]
	return &merge{
		lakeTable: &lakeTable{l, tableName(first.Ref.Schema, first.Ref.Table)}, batches: batches, cursor: first.Cursor, notes: make([]string, len(batches)),
		keys: lake.MergeKeys(first),
	}
}

func (l *Lake) mergeGroup(ctx context.Context, batches []table.Batch) ([]lake.MergeResult, error) {
	m := newMerge(l, batches)
	if err := m.checkSchemas(); err != nil {
		return nil, err
	}
	if err := m.checkStaged(ctx); err != nil {
		return nil, err
	}
	var results []lake.MergeResult
	err := retry(ctx, func() (err error) {
		results, err = m.attempt(ctx)
		return err
	})
	return results, err
}

// checkSchemas looks at what the batches say of themselves.
func (m *merge) checkSchemas() error {
	for _, batch := range m.batches {
		needed := slices.Clone(m.keys)
		if m.cursor != "" {
			needed = append(needed, m.cursor)
		}
		for _, name := range needed {
			if batch.Schema.Find(name) < 0 {
				return lake.Incomplete(batch, "its schema has no column %q, which is an id, the cursor or the tenant", name)
			}
		}
		for _, c := range batch.Schema {
			if strings.HasPrefix(strings.ToLower(c.Name), ownColumns) {
				return lake.Misfit(batch, "column %q begins with %s, as columns that a merge needs for itself: rename it", c.Name, ownColumns)
			}
		}
	}
	return nil
}

func (m *merge) attempt(ctx context.Context) ([]lake.MergeResult, error) {
	if err := m.prepare(ctx); err != nil {
		return nil, err
	}
	total, err := m.run(ctx)
	switch {
	case is(err, missingTables), is(err, badColumns): // dropped or altered by someone else since it was described
		return nil, m.stale(ctx, err)
	case is(err, badValues): // of a type that the table had
		if stale := m.stale(ctx, err); errors.Is(stale, errStale) {
			return nil, stale
		}
		return nil, err
	case is(err, missingFiles):
		return nil, lake.Incomplete(m.batches[0], "its files cannot be read, stage it again: %v", err)
	case err != nil:
		return nil, err
	}
	results, err := m.results(ctx, total)
	for b := range results {
		results[b].Note = m.notes[b]
	}
	return results, err
}

// run counts what reloads will delete, and merges unless there is nothing to do.
func (m *merge) run(ctx context.Context) (total lake.MergeResult, err error) {
	if err := m.countGone(ctx); err != nil {
		return total, err
	}
	if m.sourceRows() == 0 && m.reloads() == "" {
		return total, nil
	}
	told := false
	err = m.lake.each(ctx, statement{text: m.statement()}, func(values []any) error {
		total.Updated, total.Deleted, total.Inserted, told = integer(values[1]), integer(values[2]), integer(values[3]), true
		return nil
	})
	if err == nil && !told {
		err = errors.New("the server did not say what the merge changed; merge again, which changes nothing more")
	}
	return total, err
}

// prepare settles the table's columns and ids.
func (m *merge) prepare(ctx context.Context) error {
	if err := m.checkIDs(ctx); err != nil {
		return err
	}
	if err := m.settleColumns(ctx); err != nil {
		return err
	}
	return m.settleIDs(ctx)
}

// settleColumns makes the table when it is missing, and gives it the columns and types that it lacks.
func (m *merge) settleColumns(ctx context.Context) error {
	current, err := m.lake.knownColumns(ctx, m.name)
	if err != nil {
		return err
	}
	if m.columns, err = lake.Evolve(current, m.batches, widens); err != nil {
		m.lake.forget(m.name) // the table may have been altered to fit
		if current, err = m.lake.knownColumns(ctx, m.name); err == nil {
			m.columns, err = lake.Evolve(current, m.batches, widens)
		}
	}
	m.noteDrift(current)
	if err != nil || current != nil && slices.Equal(current, m.columns) {
		return err
	}
	first := m.batches[0]
	def := lake.Table{
		Schema: first.Ref.Schema, Name: first.Ref.Table, PartitionBy: first.PartitionBy, ClusterBy: first.ClusterBy,
		Comment: first.Comment, Properties: maps.Clone(first.Properties),
	}
	if def.Properties == nil {
		def.Properties = map[string]string{}
	}
	def.Properties[lake.IDsProperty] = lake.IDsText(first) // of a table that is made
	if _, err := m.lake.settle(ctx, def, m.batches); err != nil {
		return err
	}
	m.lake.forget(m.name)
	if current, err = m.lake.knownColumns(ctx, m.name); err != nil {
		return err
	}
	if current == nil {
		return fmt.Errorf("%w: it was dropped as soon as it was made", errStale)
	}
	if m.columns, err = lake.Evolve(current, m.batches, widens); err == nil && !slices.Equal(current, m.columns) {
		err = fmt.Errorf("%w: someone else has made it, with other columns", errStale)
	}
	return err
}

// stale decides whether an error about a table or column came from a table that has changed: then the merge is worth
// another try. Otherwise the batch's files are not what the batch says.
func (m *merge) stale(ctx context.Context, cause error) error {
	was := m.columns
	m.lake.forget(m.name)
	now, err := m.lake.knownColumns(ctx, m.name)
	if err != nil {
		return err
	}
	if !slices.Equal(was, now) {
		return fmt.Errorf("%w: %w", errStale, cause)
	}
	return lake.Incomplete(m.batches[0], "its files have not the columns that it says, stage it again: %v", cause)
}

// movedOf is the batch of a client that has moved, of which a row begins with the client and another region; -1 when there is none.
func (m *merge) movedOf(values []any) int {
	return slices.IndexFunc(m.batches, func(b table.Batch) bool {
		return b.Moved && b.Ref.Client == text(values[1]) && b.Ref.Region != text(values[0])
	})
}

// batchOf is the batch of the region and client that a row begins with; -1 when there is none.
func (m *merge) batchOf(values []any) int {
	return slices.IndexFunc(m.batches, func(b table.Batch) bool {
		return b.Ref.Region == text(values[0]) && b.Ref.Client == text(values[1])
	})
}

package sparksql

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"tributary/internal/lake"
	"tributary/internal/table"
)

// Merge implements lake.Lake. A group of batches is three statements: one that counts what is staged, the MERGE, and
// the table's history; a fourth counts what each batch of several changed. Batches that cannot share a
// commit follow one another.
func (l *Lake) Merge(ctx context.Context, batches []table.Batch) ([]lake.MergeResult, error) {
	results := make([]lake.MergeResult, len(batches))
	for _, group := range lake.Compatible(batches) {
		part := make([]table.Batch, len(group))
		for i, index := range group {
			part[i] = batches[index]
		}
		merged, err := l.mergeGroup(ctx, part)
		if err != nil {
			first := part[0].Ref
			return nil, fmt.Errorf("merge into %s.%s: %w", first.Schema, first.Table, l.translate(ctx, err))
		}
		for i, index := range group {
			results[index] = merged[i]
		}
	}
	return results, nil
}

// merge is one group on its way into its table.
type merge struct {
	*lakeTable
	batches []table.Batch
	keys    []string // client_id and region included
	cursor  string
	facts   []facts
	columns table.Schema // of the table
}

type lakeTable struct {
	lake *Lake
	name string // quoted
}

func (l *Lake) mergeGroup(ctx context.Context, batches []table.Batch) ([]lake.MergeResult, error) {
	first := batches[0]
	m := &merge{
		lakeTable: &lakeTable{l, tableName(first.Ref.Schema, first.Ref.Table)}, batches: batches, cursor: first.Cursor,
		keys: append(slices.Clone(first.Keys), table.RegionColumn, table.ClientColumn),
	}
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
	}
	return nil
}

func (m *merge) attempt(ctx context.Context) ([]lake.MergeResult, error) {
	if err := m.prepare(ctx); err != nil {
		return nil, err
	}
	var total lake.MergeResult
	err := m.lake.each(ctx, statement{text: m.statement()}, func(values []any) error {
		total.Updated, total.Deleted, total.Inserted = integer(values[1]), integer(values[2]), integer(values[3])
		return nil
	})
	switch {
	case is(err, missingTables), is(err, badColumns): // dropped or altered by someone else since it was described
		return nil, m.stale(ctx, err)
	case is(err, missingFiles):
		return nil, lake.Incomplete(m.batches[0], "its files cannot be read, stage it again: %v", err)
	case err != nil:
		return nil, err
	}
	return m.results(ctx, total)
}

// prepare settles the table's columns.
func (m *merge) prepare(ctx context.Context) error {
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
	if err != nil || current != nil && slices.Equal(current, m.columns) {
		return err
	}
	first := m.batches[0]
	def := lake.Table{Schema: first.Ref.Schema, Name: first.Ref.Table, PartitionBy: first.PartitionBy, ClusterBy: first.ClusterBy, Comment: first.Comment}
	if _, err := m.lake.settle(ctx, def, m.batches); err != nil {
		return err
	}
	m.lake.forget(m.name)
	if m.columns, err = m.lake.knownColumns(ctx, m.name); err == nil && m.columns == nil {
		err = fmt.Errorf("%w: it was dropped as soon as it was made", errStale)
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

// results are what the batches changed, given what they changed together.
func (m *merge) results(ctx context.Context, total lake.MergeResult) ([]lake.MergeResult, error) {
	commits, err := m.commits(ctx, total)
	if err != nil {
		return nil, err
	}
	results := make([]lake.MergeResult, len(m.batches))
	switch all := m.sourceRows(); {
	case len(m.batches) == 1:
		results[0] = total
	case changed(total) == 0:
	case total.Updated+total.Deleted == 0 && total.Inserted == all:
		for b, f := range m.facts {
			results[b].Inserted = f.distinct
		}
	default:
		if err := m.countChanges(ctx, commits, total, results); err != nil {
			return nil, err
		}
	}
	for b := range results {
		results[b].Version, results[b].Group = commits[0].Version, len(m.batches)
	}
	return results, nil
}

func changed(r lake.MergeResult) int64 { return r.Inserted + r.Updated + r.Deleted }

// recentCommits is how far back a merge looks for its own commit.
const recentCommits = 20

// commits are the table's newest commits that may be this merge's, the likeliest first: they name its clients and count the
// same rows. A merge that read fewer rows than were staged is lake.ErrBatch: it is then done again.
func (m *merge) commits(ctx context.Context, total lake.MergeResult) ([]lake.Commit, error) {
	first := m.batches[0].Ref
	all, err := m.lake.history(ctx, first.Schema, first.Table, recentCommits)
	if err != nil {
		return nil, err
	}
	if m.sourceRows() == 0 && changed(total) == 0 && len(all) > 0 {
		return all[:1], nil // nothing to read: there may be no commit
	}
	all = slices.DeleteFunc(all, func(c lake.Commit) bool { return c.Operation != "MERGE" })
	if len(all) == 0 {
		return nil, fmt.Errorf("%w: %s has no MERGE in its history", errStale, m.name)
	}
	slices.SortStableFunc(all, func(a, b lake.Commit) int { return m.likeness(b, total) - m.likeness(a, total) })
	if read, err := strconv.ParseInt(all[0].Metrics["numSourceRows"], 10, 64); err == nil && read < m.sourceRows() {
		return nil, lake.Incomplete(m.batches[0], "the merge read %d rows where %d are staged, stage it again", read, m.sourceRows())
	}
	return all, nil
}

// likeness is how much a commit looks like this merge's.
func (m *merge) likeness(c lake.Commit, total lake.MergeResult) (points int) {
	for metric, count := range map[string]int64{
		"numTargetRowsInserted": total.Inserted, "numTargetRowsUpdated": total.Updated, "numTargetRowsDeleted": total.Deleted, "numSourceRows": m.sourceRows(),
	} {
		if c.Metrics[metric] == strconv.FormatInt(count, 10) {
			points++
		}
	}
	for _, b := range m.batches {
		if !strings.Contains(c.Parameters["predicate"], b.Ref.Client) {
			return points
		}
	}
	return points + 4
}

// sourceRows is how many rows the merge's source has, rows kept apart not counted.
func (m *merge) sourceRows() (rows int64) {
	for _, f := range m.facts {
		rows += f.distinct
	}
	return rows
}

func (m *merge) keptFiles() (files []table.File) {
	for _, b := range m.batches {
		if b.Reload {
			files = append(files, b.Kept...)
		}
	}
	return files
}

// countChanges counts what each batch changed, by holding the source against the table as it was before the merge's commit:
// that commit for which the counts add up.
func (m *merge) countChanges(ctx context.Context, commits []lake.Commit, total lake.MergeResult, results []lake.MergeResult) error {
	for _, commit := range commits {
		clear(results)
		err := m.lake.each(ctx, statement{text: m.changesQuery(commit.Version - 1)}, func(values []any) error {
			if b := m.batchOf(values); b >= 0 {
				r := &results[b]
				r.Inserted, r.Updated, r.Deleted = r.Inserted+integer(values[2]), r.Updated+integer(values[3]), r.Deleted+integer(values[4])
			}
			return nil
		})
		if err != nil {
			return err
		}
		var sum lake.MergeResult
		for _, r := range results {
			sum.Inserted, sum.Updated, sum.Deleted = sum.Inserted+r.Inserted, sum.Updated+r.Updated, sum.Deleted+r.Deleted
		}
		if sum == total {
			return nil
		}
	}
	return fmt.Errorf("%w: no commit of %s accounts for the %d rows that its merge changed", errStale, m.name, changed(total))
}

// batchOf is the batch of the region and client that a row begins with; -1 when there is none.
func (m *merge) batchOf(values []any) int {
	return slices.IndexFunc(m.batches, func(b table.Batch) bool {
		return b.Ref.Region == text(values[0]) && b.Ref.Client == text(values[1])
	})
}

// facts is what the rows of one batch are.
type facts struct {
	rows, distinct int64
	low, high      string // of the first id; "" where not known
}

// checkStaged counts what is staged before anything is changed: missing rows, rows without an id and rows of another
// tenant are lake.ErrBatch.
func (m *merge) checkStaged(ctx context.Context) error {
	m.facts = make([]facts, len(m.batches))
	if err := m.checkKept(ctx); err != nil {
		return err
	}
	query := m.checkQuery()
	if query == "" {
		return m.checkCounts()
	}
	err := m.lake.each(ctx, statement{text: query}, func(values []any) error {
		b := m.batchOf(values)
		if b < 0 {
			return lake.Incomplete(m.batches[0], "%d rows carry another client or region: %q of %q", integer(values[2]), text(values[1]), text(values[0]))
		}
		if n := integer(values[3]); n > 0 {
			return lake.Incomplete(m.batches[b], "%d rows have an id that is NULL", n)
		}
		m.facts[b].rows += integer(values[2])
		m.facts[b].distinct += integer(values[4])
		m.facts[b].low, m.facts[b].high = text(values[5]), text(values[6])
		return nil
	})
	if is(err, missingFiles) || is(err, badColumns) || is(err, badValues) {
		return lake.Incomplete(m.batches[0], "its files cannot be read as it says, stage it again: %v", err)
	}
	if err != nil {
		return err
	}
	return m.checkCounts()
}

func (m *merge) checkCounts() error {
	for b, batch := range m.batches {
		if m.facts[b].rows != batch.Rows {
			return lake.Incomplete(batch, "it should have %d rows and its files have %d, stage it again", batch.Rows, m.facts[b].rows)
		}
	}
	return nil
}

// checkKept makes sure that the files of the rows that a reload keeps are whole: a row that is missing from them would
// be deleted.
func (m *merge) checkKept(ctx context.Context) error {
	var parts []string
	for b, batch := range m.batches {
		if !batch.Reload {
			continue
		}
		for _, file := range batch.Kept {
			parts = append(parts, fmt.Sprintf("SELECT %d AS b, count(*) AS n, %s FROM %s", b, countEach(batch.Keys), parquet(file.Path)))
		}
	}
	if len(parts) == 0 {
		return nil
	}
	rows := make([]int64, len(m.batches))
	err := m.lake.each(ctx, statement{text: "SELECT b, sum(n) FROM (" + strings.Join(parts, " UNION ALL ") + ") GROUP BY b"}, func(values []any) error {
		rows[integer(values[0])] = integer(values[1])
		return nil
	})
	if is(err, missingFiles) || is(err, badColumns) {
		return lake.Incomplete(m.batches[0], "its files of kept rows cannot be read, stage it again: %v", err)
	}
	for b, batch := range m.batches {
		var want int64
		for _, file := range batch.Kept {
			want += file.Rows
		}
		if err == nil && batch.Reload && rows[b] != want {
			err = lake.Incomplete(batch, "it should keep %d rows and its files have %d, stage it again", want, rows[b])
		}
	}
	return err
}

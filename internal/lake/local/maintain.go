package local

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"tributary/internal/delta"
	"tributary/internal/lake"
	"tributary/internal/table"
)

// Files smaller than compactBelow are put together, up to compactTo at a time.
const (
	compactBelow = 32 << 20
	compactTo    = 128 << 20
)

// Optimize implements lake.Lake: in each partition, small files become few. The rows stay the same, and a merge
// that runs beside it wins: Optimize tries again on what the merge left.
func (l *Lake) Optimize(ctx context.Context, schema, name string, how lake.Compaction) (removed, added int, err error) {
	if len(how.ZOrderBy) > 0 {
		return 0, 0, fmt.Errorf("optimize %s.%s: a local lake has no ZORDER BY: remove zorder_by", schema, name)
	}
	t, err := l.table(schema, name)
	if err != nil {
		return 0, 0, err
	}
	err = retry(ctx, func() error {
		removed, added, err = l.compact(ctx, t, how.Where)
		return err
	})
	if err != nil {
		return 0, 0, fmt.Errorf("optimize %s.%s: %w", schema, name, l.explain(err))
	}
	return removed, added, nil
}

func (l *Lake) compact(ctx context.Context, t *delta.Table, where map[string][]string) (removed, added int, err error) {
	snapshot, err := t.Snapshot(ctx)
	if err != nil {
		return 0, 0, err
	}
	columns, err := snapshot.Schema()
	if err != nil {
		return 0, 0, err
	}
	for column := range where {
		if !hasFold(snapshot.Metadata.PartitionColumns, column) {
			return 0, 0, fmt.Errorf("it is not partitioned by %q but by %s", column, strings.Join(snapshot.Metadata.PartitionColumns, ", "))
		}
	}
	bins := compactable(snapshot, where)
	if len(bins) == 0 {
		return 0, 0, nil
	}
	s, err := l.session(ctx)
	if err != nil {
		return 0, 0, err
	}
	defer s.close()
	tx := delta.Tx{Read: snapshot, Operation: "OPTIMIZE", Trusted: isOwn}
	var made []string
	defer func() { removeAll(made) }()
	touched := map[string]bool{}
	for i, bin := range bins {
		f := files{dir: t.Dir(), schema: columns, partitionBy: snapshot.Metadata.PartitionColumns, adds: bin, empty: s.empty}
		adds, err := s.compactBin(ctx, f, i)
		for _, add := range adds {
			made = append(made, add.LocalPath(t.Dir()))
		}
		if err != nil {
			return 0, 0, err
		}
		tx.Adds, tx.Removes = append(tx.Adds, adds...), append(tx.Removes, bin...)
		touched[partitionKey(bin[0].PartitionValues)] = true
	}
	tx.ReadPartitions = func(values map[string]*string) bool { return touched[partitionKey(values)] }
	tx.Metrics = map[string]string{"numRemovedFiles": fmt.Sprint(len(tx.Removes)), "numAddedFiles": fmt.Sprint(len(tx.Adds))}
	if _, err := commit(ctx, t, tx, &made); err != nil {
		return 0, 0, err
	}
	return len(tx.Removes), len(tx.Adds), nil
}

// compactBin writes a bin's rows to new files.
func (s *session) compactBin(ctx context.Context, f files, number int) ([]delta.Add, error) {
	columns := f.schema.Names()
	if err := loadVectors(ctx, s.conn, &f); err != nil {
		return nil, err
	}
	query := fmt.Sprintf("SELECT %s FROM (%s)", table.QuoteAll(columns, table.DoubleQuote), f.scan(columns, nil))
	all, err := s.copyTo(ctx, f.schema, query, fmt.Sprintf("bin-%d", number), splitting(recordsOf(f.adds)))
	if err != nil {
		return nil, err
	}
	var indexedBefore []string // whichever columns had statistics keep them
	if stats, err := f.adds[0].Statistics(); err == nil && stats != nil {
		for column := range stats.MinValues {
			indexedBefore = append(indexedBefore, column)
		}
	}
	return moveAll(f, all, func(written) map[string]*string { return f.adds[0].PartitionValues }, indexedBefore)
}

// recordsOf is the number of rows of the files, as far as their statistics say.
func recordsOf(adds []*delta.Add) int64 {
	var rows int64
	for _, add := range adds {
		n, _ := add.Records()
		rows += n
	}
	return rows
}

// maxDeleted is from what share of deleted rows on Optimize writes a file anew without them.
const maxDeleted = 0.05

func purgeable(add *delta.Add) bool {
	live, known := add.Records()
	return add.DeletionVector != nil && known && float64(add.DeletionVector.Cardinality) > maxDeleted*float64(live+add.DeletionVector.Cardinality)
}

// compactable groups the small files of each chosen partition, and those with many deleted rows. Of small files, only groups that
// become fewer files count.
func compactable(snapshot *delta.Snapshot, where map[string][]string) [][]*delta.Add {
	partitions := map[string][]*delta.Add{}
	for _, add := range snapshot.Files() {
		if (add.Size < compactBelow || purgeable(add)) && inPartitions(add, where) {
			key := partitionKey(add.PartitionValues)
			partitions[key] = append(partitions[key], add)
		}
	}
	var bins [][]*delta.Add
	for _, small := range partitions {
		slices.SortFunc(small, func(a, b *delta.Add) int {
			return cmp.Or(cmp.Compare(a.ModificationTime, b.ModificationTime), strings.Compare(a.Path, b.Path))
		})
		var bin []*delta.Add
		var bytes int64
		for _, add := range small {
			if bytes+add.Size > compactTo && worthwhile(bin) {
				bins, bin, bytes = append(bins, bin), nil, 0
			}
			bin, bytes = append(bin, add), bytes+add.Size
		}
		if worthwhile(bin) {
			bins = append(bins, bin)
		}
	}
	return bins
}

func worthwhile(bin []*delta.Add) bool { return len(bin) > 1 || slices.ContainsFunc(bin, purgeable) }

// inPartitions says whether the file's partition is one of those chosen.
func inPartitions(add *delta.Add, where map[string][]string) bool {
	for column, values := range where {
		if value := partitionValue(add, column); value == nil || !slices.Contains(values, *value) {
			return false
		}
	}
	return true
}

func partitionKey(values map[string]*string) string {
	columns := make([]string, 0, len(values))
	for column, value := range values {
		text := "NULL"
		if value != nil {
			text = "'" + *value
		}
		columns = append(columns, fmt.Sprintf("%q=%q", column, text))
	}
	slices.Sort(columns)
	return strings.Join(columns, ",")
}

// Vacuum implements lake.Lake. A retention shorter than the longest running query or merge takes its files away.
func (l *Lake) Vacuum(ctx context.Context, schema, name string, retention time.Duration) (int, error) {
	if retention < 0 {
		return 0, fmt.Errorf("vacuum %s.%s: a retention of %s is negative", schema, name, retention)
	}
	t, err := l.table(schema, name)
	if err != nil {
		return 0, err
	}
	deleted, err := t.Vacuum(ctx, retention, time.Now())
	if err != nil {
		return deleted, fmt.Errorf("vacuum %s.%s: %w", schema, name, translate(err))
	}
	return deleted, nil
}

package sparksql

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"strings"

	"tributary/internal/lake"
)

// results are what the batches changed, given what they changed together. The merge has committed by then: what its history does not tell
// leaves counts that are less exact, and no error.
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

// commits are the table's newest commits that may be this merge's, the likeliest first; at least one. A merge that read fewer rows than were
// staged is lake.ErrBatch: it is then done again.
func (m *merge) commits(ctx context.Context, total lake.MergeResult) ([]lake.Commit, error) {
	first := m.batches[0].Ref
	all, err := m.lake.history(ctx, first.Schema, first.Table, recentCommits)
	if err != nil {
		return nil, err
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("%s has no history; merge again, which changes nothing more", m.name)
	}
	merges := slices.DeleteFunc(slices.Clone(all), func(c lake.Commit) bool { return c.Operation != "MERGE" })
	if len(merges) == 0 || m.sourceRows() == 0 && changed(total) == 0 {
		return all[:1], nil // nothing to read: there may be no commit
	}
	slices.SortStableFunc(merges, func(a, b lake.Commit) int { return m.likeness(b, total) - m.likeness(a, total) })
	likeliest := merges[0]
	read, err := strconv.ParseInt(likeliest.Metrics["numSourceRows"], 10, 64)
	if m.history() {
		read -= total.Updated // versions that end are rows of the source too
	}
	if err == nil && read < m.sourceRows() && m.likeness(likeliest, total) == mostLike {
		return nil, lake.Incomplete(m.batches[0], "the merge read %d rows where %d are staged, stage it again", read, m.sourceRows())
	}
	return merges, nil
}

// mostLike is the likeness of a commit that changed as many rows as this merge, of its clients.
const mostLike = 4

// likeness is how much a commit looks like this merge's.
func (m *merge) likeness(c lake.Commit, total lake.MergeResult) (points int) {
	for metric, count := range map[string]int64{
		"numTargetRowsInserted": total.Inserted, "numTargetRowsUpdated": total.Updated, "numTargetRowsDeleted": total.Deleted,
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
	return points + 1
}

// sourceRows is how many different rows the batches have, rows kept apart not counted.
func (m *merge) sourceRows() (rows int64) {
	for _, f := range m.facts {
		rows += f.distinct
	}
	return rows
}

// countChanges counts what each batch changed, by holding the source against the table as it was before the merge's commit:
// that commit for which the counts add up. When there is none, because more commits came between than are looked at, the counts are those of
// the likeliest.
func (m *merge) countChanges(ctx context.Context, commits []lake.Commit, total lake.MergeResult, results []lake.MergeResult) error {
	var likeliest []lake.MergeResult
	for _, commit := range commits {
		if commit.Version == 0 {
			continue // a merge is never a table's first commit
		}
		clear(results)
		if err := m.countSince(ctx, commit.Version-1, results); err != nil {
			return err
		}
		var sum lake.MergeResult
		for _, r := range results {
			sum.Inserted, sum.Updated, sum.Deleted = sum.Inserted+r.Inserted, sum.Updated+r.Updated, sum.Deleted+r.Deleted
		}
		if sum == total {
			return nil
		}
		if likeliest == nil {
			likeliest = slices.Clone(results)
		}
	}
	slog.WarnContext(ctx, "a merge's commit was not found in the table's history: its counts are not exact",
		"table", m.name, "inserted", total.Inserted, "updated", total.Updated, "deleted", total.Deleted)
	copy(results, likeliest)
	return nil
}

func (m *merge) countSince(ctx context.Context, version int64, results []lake.MergeResult) error {
	return m.lake.each(ctx, statement{text: m.changesQuery(version)}, func(values []any) error {
		if b := max(m.batchOf(values), m.movedOf(values)); b >= 0 {
			r := &results[b]
			r.Inserted, r.Updated, r.Deleted = r.Inserted+integer(values[2]), r.Updated+integer(values[3]), r.Deleted+integer(values[4])
		}
		return nil
	})
}

package lake

import (
	"slices"

	"tributary/internal/table"
)

// MergeCompatible merges batches group by group, each of which one commit can take: one table and kind of table, the same ids and cursor, each client
// once. Groups follow one another. It returns the results in the order of the batches. Batches of one table with different ids are ErrSchema.
func MergeCompatible(batches []table.Batch, merge func(group []table.Batch) ([]MergeResult, error)) ([]MergeResult, error) {
	for _, batch := range batches { // else some would be merged before others are refused
		if first := batches[0]; batch.Ref.Schema == first.Ref.Schema && batch.Ref.Table == first.Ref.Table {
			if err := CheckIDs(IDsText(first), batch); err != nil {
				return nil, err
			}
		}
	}
	results := make([]MergeResult, len(batches))
	for _, group := range compatible(batches) {
		part := make([]table.Batch, len(group))
		for i, index := range group {
			part[i] = batches[index]
		}
		merged, err := merge(part)
		if err != nil {
			return nil, err
		}
		for i, index := range group {
			results[index] = merged[i]
		}
	}
	return results, nil
}

// compatible splits batches into groups that one commit can take: one table, the same ids and cursor, each
// client once. It returns indexes.
func compatible(batches []table.Batch) [][]int {
	var groups [][]int
	for i, batch := range batches {
		at := slices.IndexFunc(groups, func(group []int) bool {
			first := batches[group[0]]
			return first.Ref.Schema == batch.Ref.Schema && first.Ref.Table == batch.Ref.Table && first.Cursor == batch.Cursor && first.Deleted == batch.Deleted && first.History == batch.History &&
				slices.Equal(first.Keys, batch.Keys) && !slices.ContainsFunc(group, func(j int) bool {
				other := batches[j]
				return other.Ref.Client == batch.Ref.Client && (other.Ref.Region == batch.Ref.Region || other.Moved || batch.Moved)
			})
		})
		if at < 0 {
			groups = append(groups, []int{i})
		} else {
			groups[at] = append(groups[at], i)
		}
	}
	return groups
}

// DeletedExpr is whether a row's soft-delete column says deleted: neither NULL, false nor 0, for texts neither
// empty nor one of those words. It is SQL that DuckDB and Spark read alike; quote is the identifiers' quote.
func DeletedExpr(batch table.Batch, quote string) string {
	i := batch.Schema.Find(batch.Deleted)
	if batch.Deleted == "" || i < 0 {
		return "false"
	}
	column := table.Quote(batch.Schema[i].Name, quote)
	switch batch.Schema[i].Type {
	case table.Boolean:
		return "coalesce(" + column + ", false)"
	case table.Date, table.Timestamp, table.Binary:
		return "(" + column + " IS NOT NULL)"
	case table.String:
		return "coalesce(lower(" + column + ") NOT IN ('', '0', 'false'), false)"
	}
	return "coalesce(" + column + " <> 0, false)"
}

package lake

import (
	"slices"

	"tributary/internal/table"
)

// Compatible splits batches into groups that one commit can take: one table, the same ids and cursor, each
// client once. It returns indexes.
func Compatible(batches []table.Batch) [][]int {
	var groups [][]int
	for i, batch := range batches {
		at := slices.IndexFunc(groups, func(group []int) bool {
			first := batches[group[0]]
			return first.Ref.Schema == batch.Ref.Schema && first.Ref.Table == batch.Ref.Table && first.Cursor == batch.Cursor && first.Deleted == batch.Deleted &&
				slices.Equal(first.Keys, batch.Keys) && !slices.ContainsFunc(group, func(j int) bool {
				return batches[j].Ref.Client == batch.Ref.Client && batches[j].Ref.Region == batch.Ref.Region
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
